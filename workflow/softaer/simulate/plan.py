"""Which recordings the default corpus has, and whose they are.

Imported while the Snakefile is parsed, so it needs the standard library only.
"""

from softaer.core.errors import InputError
from softaer.simulate.subjects import SUBJECTS

MINIMUM = 3
"""Fewest recordings with which train, dev and test each have one."""


def plan(recordings: int) -> list[dict[str, str]]:
    """Rows of ``recordings.csv``; paths are relative to the folder of that file.

    The subjects take turns, so that sixteen recordings are two of each of the eight.

    Parameters
    ----------
    recordings
        Number of recordings, at least 3.

    Raises
    ------
    InputError
        If a partition would be empty.

    Examples
    --------
    >>> [(row["recording"], row["subject"], row["partition"]) for row in plan(3)]
    [('rec01', 's1', 'train'), ('rec02', 's2', 'dev'), ('rec03', 's3', 'test')]
    """
    if recordings < MINIMUM:
        raise InputError(
            f"the simulated corpus needs at least {MINIMUM} recordings, one for each partition; "
            f"found {recordings}"
        )
    names = list(SUBJECTS)
    rows = []
    for number in range(recordings):
        recording = f"rec{number + 1:02d}"
        subject = names[number % len(names)]
        rows.append(
            {
                "recording": recording,
                "subject": subject,
                "partition": SUBJECTS[subject].partition,
                "media": f"media/{recording}.mp4",
                "annotations": f"annotations/{recording}.csv",
                "batch": subject,
            }
        )
    return rows
