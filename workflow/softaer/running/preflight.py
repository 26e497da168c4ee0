"""Preflight: check the inputs of a job before its existing results are given up.

Snakemake removes the outputs of a job before it runs the job. Inputs that the job would refuse are
therefore found first, so that a typing error does not destroy finished results.
"""

import argparse
import shlex

from softaer import ratings
from softaer.core.tasks import READERS
from softaer.signals.extraction import add_extraction, asked, look_into


def check(command: str) -> None:
    """Check the inputs of a job.

    Annotations are read completely. Media files are opened but not decoded.

    Parameters
    ----------
    command
        The shell command of a job of one of :data:`softaer.core.tasks.FIRST_STAGES`.

    Raises
    ------
    InputError
        The error that would stop the job.
    """
    words = shlex.split(command)
    start = words.index("-m") + 1
    stage = words[start].removeprefix("softaer.")
    arguments = words[start + 1 : words.index(">")]
    if stage == "ratings":
        for _ in ratings.read(**ratings.asked(ratings.parser().parse_args(arguments))):
            pass
    else:
        parser = argparse.ArgumentParser(allow_abbrev=False)
        add_extraction(parser, "media file")
        options, _ = parser.parse_known_args(arguments)
        look_into(asked(options), next(kind for kind, reader in READERS.items() if reader == stage))
