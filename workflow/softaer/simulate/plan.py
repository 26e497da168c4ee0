"""Which recordings the default corpus has, and whose they are.

Imported while the Snakefile is parsed, so it needs the standard library only.
"""

from collections import Counter

from softaer.core.errors import InputError
from softaer.simulate.subjects import SUBJECTS

TOGETHER = 6
"""Recordings in a batch."""

MINIMUM = 3
"""Fewest recordings with which train, dev and test each have one."""


def plan(recordings: int) -> list[dict[str, str]]:
    """Rows of ``recordings.csv``; paths are relative to the folder of that file.

    Each recording is of another subject, as long as there are enough of them. Recordings of a
    partition are put into batches of six.

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
    >>> [(row["recording"], row["subject"], row["batch"]) for row in plan(3)]
    [('rec01', 's01', 'train1'), ('rec02', 's02', 'dev1'), ('rec03', 's03', 'test1')]
    """
    if recordings < MINIMUM:
        raise InputError(
            f"the simulated corpus needs at least {MINIMUM} recordings, one for each partition; "
            f"found {recordings}"
        )
    names = list(SUBJECTS)
    counts: Counter[str] = Counter()
    rows = []
    for number in range(recordings):
        recording = f"rec{number + 1:02d}"
        subject = names[number % len(names)]
        partition = SUBJECTS[subject].partition
        batch = f"{partition}{counts[partition] // TOGETHER + 1}"
        counts[partition] += 1
        rows.append(
            {
                "recording": recording,
                "subject": subject,
                "partition": partition,
                "media": f"media/{recording}.mp4",
                "annotations": f"annotations/{recording}.csv",
                "batch": batch,
            }
        )
    return rows
