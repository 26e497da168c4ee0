"""Preflight: look at the inputs of a job whose results are there already, before they are given up.

Snakemake removes the outputs of a job before it runs it. An input that the job would refuse is
therefore looked for first, so that a mistyped line leaves finished results as they were.
"""

import argparse
import shlex

from softaer import ratings
from softaer.core.tasks import READERS
from softaer.signals.extraction import add_extraction, asked, look_into


def check(command: str) -> None:
    """Check the inputs of a job.

    Annotations are read to their end; of media files the container is opened, nothing is decoded.

    Parameters
    ----------
    command
        The job's shell command, of one of :data:`softaer.core.tasks.FIRST_STAGES`.

    Raises
    ------
    InputError
        That the job would end with.
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
