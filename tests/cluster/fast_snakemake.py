"""Snakemake as it is, but that it asks for the state of Slurm jobs every second.

The executor asks ever less often, up to every three minutes, which spares a cluster and not a test.
"""

import sys

import snakemake_executor_plugin_slurm
from snakemake.cli import main

INTERVAL = 1.0
"""Time from one question to the next [s]."""

snakemake_executor_plugin_slurm.Executor.next_seconds_between_status_checks = property(
    lambda self: INTERVAL, lambda self, value: None
)

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
