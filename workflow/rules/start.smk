"""What happens before the first job of a run: the folder is locked, and inputs are looked at whose finished
results a job would otherwise give up for nothing.
"""


def say(words):
    """Tell something on the error stream, where it does not disturb what is read by programs."""
    print(words, file=sys.stderr)


def records_are_missing():
    """Whether there are results of which Snakemake does not know how they were made."""
    if any(
        os.path.isdir(f".snakemake/{kind}") and any(os.scandir(f".snakemake/{kind}"))
        for kind in ("metadata", "incomplete")
    ):
        return False
    return any(
        not name.startswith(".")
        for folder, _, files in os.walk("results")
        if folder.split(os.sep)[1:2] not in (["logs"], ["benchmarks"])
        for name in files
    )


if workflow.is_main_process and records_are_missing():
    say(
        "There are results, but .snakemake/metadata, which says how they were made, is missing: changes of "
        "code and settings will not be noticed. Copy it from where the results were made, or use --forceall."
    )


def look_at_inputs():
    """Refuse inputs that a job would refuse, as long as its last results are still there."""
    needed = set(workflow.dag.needrun_jobs())
    jobs = [
        job
        for job in needed
        if job.rule.name in FIRST_STAGES
        and any(os.path.exists(path) for path in job.output)
        and all(os.path.exists(path) for path in job.input)
        and needed.isdisjoint(workflow.dag.dependencies[job])
    ]
    if not jobs:
        return
    try:
        from softaer.running import preflight
    except ImportError as error:
        # With an environment for each rule, the one of Snakemake may lack what the stages need.
        say(f"Inputs are not looked at before the first job: {error}")
        return
    for job in sorted(jobs, key=lambda job: list(job.output)):
        preflight.check(job.shellcmd)


onstart:
    try:
        if lock.hold(".snakemake/softaer.lock"):
            ended = end_orphans(".snakemake/log")
            if ended:
                # What is to be done was planned with files in view that these jobs take away at their end.
                raise InputError(
                    f"Slurm jobs of a former run in this folder were ended: {' '.join(ended)}; "
                    "now run the same command again"
                )
            lock.take_over(".snakemake/softaer.runs", os.environ["SOFTAER_RUN"])
            lock.wait_for_jobs(".snakemake/softaer.jobs", say)
        else:
            say(
                "This file system knows no locks: start one run at a time, and end the jobs of a killed "
                "one yourself."
            )
        look_at_inputs()
    except InputError as error:
        raise WorkflowError(str(error)) from None
    except OSError as error:
        raise WorkflowError(f"{error.filename or '.snakemake'}: {error.strerror}") from None
