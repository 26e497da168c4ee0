"""Actions before the first job of a run and after its last.

The folder is locked, and inputs are checked before a job gives up finished results for nothing. This works in
a module as well, for which Snakemake itself has no handlers.
"""

from pathlib import Path

from snakemake.exceptions import WorkflowError

from softaer.core.experiment import defaults
from softaer.running import failures, record
from softaer.running.snakemake_private import on_error, on_start, on_success, runs

if MAIN_PROCESS and start.records_are_missing(PLACED(places.RESULTS)):
    start.say(
        "There are results, but .snakemake/metadata, which records how they were made, is missing: changes "
        "of code and settings will not be noticed. Copy it from the original folder, or use --forceall."
    )
if not MAIN_PROCESS and lock.taken_over(lock.RUNS, os.environ[lock.RUN]):
    raise WorkflowError(
        "A later run has taken over this folder; this job of an earlier run does nothing."
    )


def write_record(read):
    """Write the record of this run, with or without checksums of inputs that must be read first."""
    inputs = record.checksums(CORPUS.files(config), read)
    given = record.as_given(*snakemake_private.configurations(workflow))
    record.write(PLACED(places.EXPERIMENT), config, defaults(), inputs, given, DIGESTS.known())


@told
def before_the_first_job():
    """Lock the folder, check inputs, and write the record of the run."""
    start.take_folder()
    start.look_at_inputs(workflow)
    write_record(read=False)


def after_the_last_job():
    """Complete the record of the run, and print the paths of its results."""
    write_record(read=True)
    if runs(workflow, rules.report.rule):
        report_page, scores_table, scores, ceiling = map(
            PLACED, (places.REPORT, places.SCORES_CSV, places.SCORES, places.CEILING)
        )
        start.say_last(
            f"Report:   {report_page}",
            f"Table:    {scores_table}",
            f"Headline: {record.headline(scores, ceiling)}",
        )


def after_a_failure():
    """Print which jobs failed, and why, after the commands that Snakemake prints."""
    record_of_run = Path(PLACED(places.EXPERIMENT))
    if record_of_run.exists():  # written when the run started
        logs = places.within(Path(PLACED(places.RESULTS)), places.LOG, unit="any").parent
        start.say_last(*failures.told(logs, record_of_run.stat().st_mtime))


on_start(workflow, before_the_first_job)
on_success(workflow, after_the_last_job)
on_error(workflow, after_a_failure)
