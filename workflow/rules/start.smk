"""What happens before the first job of a run, and after its last.

The folder is locked, and inputs are looked at whose finished results a job would otherwise give up for
nothing. In a module too, for which Snakemake knows no handlers of its own.
"""

from softaer.running.snakemake_private import on_start

if MAIN_PROCESS and start.records_are_missing(PLACED(places.RESULTS)):
    start.say(
        "There are results, but .snakemake/metadata, which says how they were made, is missing: changes of "
        "code and settings will not be noticed. Copy it from where the results were made, or use --forceall."
    )
if not MAIN_PROCESS and lock.taken_over(lock.RUNS, os.environ[lock.RUN]):
    raise WorkflowError(
        "A later run has taken over this folder; this job of a former one does nothing."
    )


@told
def before_the_first_job():
    """Lock the folder, and look at inputs."""
    start.take_folder()
    start.look_at_inputs(workflow)


on_start(workflow, before_the_first_job)
