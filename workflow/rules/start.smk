"""What happens before the first job of a run, and after its last.

The folder is locked, and inputs are looked at whose finished results a job would otherwise give up for
nothing. In a module too, for which Snakemake knows no handlers of its own.
"""

from softaer.running import record
from softaer.running.snakemake_private import on_start, on_success, runs

if MAIN_PROCESS and start.records_are_missing(PLACED(places.RESULTS)):
    start.say(
        "There are results, but .snakemake/metadata, which says how they were made, is missing: changes of "
        "code and settings will not be noticed. Copy it from where the results were made, or use --forceall."
    )
if not MAIN_PROCESS and lock.taken_over(lock.RUNS, os.environ[lock.RUN]):
    raise WorkflowError(
        "A later run has taken over this folder; this job of a former one does nothing."
    )


def write_record(read):
    """Write down what this run does; with the checksums of inputs that have to be read, or without."""
    inputs = record.checksums(CORPUS.files(config), read)
    record.write(PLACED(places.EXPERIMENT), config, configuration.filled({}), inputs)


@told
def before_the_first_job():
    """Lock the folder, look at inputs, and write down what is about to be done."""
    start.take_folder()
    start.look_at_inputs(workflow)
    write_record(read=False)


def after_the_last_job():
    """Complete what is written down of the run, and say where its results are."""
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


on_start(workflow, before_the_first_job)
on_success(workflow, after_the_last_job)
