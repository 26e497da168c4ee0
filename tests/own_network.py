"""A network of one's own, as a user's file has it."""

MINE = '''
from dataclasses import dataclass

import torch
from torch import nn

from softaer.networks.network import Network


@dataclass(frozen=True)
class Settings:
    width: int = 4


class Mine(Network):
    """The mean of a recording beside each of its frames."""

    Settings = Settings

    def build(self, features, settings):
        self.enter = nn.Linear(features, settings.width)
        return 2 * settings.width

    def hidden(self, values, known):
        values = self.enter(values).tanh()
        there = known[..., None].float()
        mean = (values * there).sum(1, keepdim=True) / there.sum(1, keepdim=True)
        return torch.cat([values, mean.expand_as(values)], dim=-1)


NETWORKS = {"mine": Mine}
'''
"""The mean of a recording beside each of its frames."""
