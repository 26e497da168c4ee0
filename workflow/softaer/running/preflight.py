"""Preflight: check the inputs of a job before its existing results are given up.

Snakemake removes the outputs of a job before it runs the job. Inputs that the job would refuse are
therefore found first, so that a typing error does not destroy finished results.
"""

import argparse
import shlex

from softaer import feature_table, ratings
from softaer.modalities import SOURCES
from softaer.signals.extraction import add_extraction, asked, look_into


def check(command: str) -> None:
    """Check the inputs of a job.

    Annotations are read completely. Media files are opened but not decoded. Of feature tables, only
    the columns are looked at.

    Parameters
    ----------
    command
        The shell command of a job of one of :data:`softaer.modalities.FIRST_STAGES`.

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
    elif stage == "feature_table":
        feature_table.look_at_columns(feature_table.parser().parse_args(arguments))
    else:
        parser = argparse.ArgumentParser(allow_abbrev=False)
        add_extraction(parser, "media file")
        options, _ = parser.parse_known_args(arguments)
        look_into(
            asked(options),
            next(s.column for s in SOURCES.values() if s.first == stage and s.column),
        )
