"""What happens before the first job of a run: the folder is locked, and inputs are looked at whose finished
results a job would otherwise give up for nothing.
"""

# Stages that read what a person gives.
FIRST_STAGES = {"ratings", *READERS.values()}


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
        from softaer import preflight
    except ImportError as error:
        # With an environment for each rule, the one of Snakemake may lack what the stages need.
        print(f"Inputs are not looked at before the first job: {error}", file=sys.stderr)
        return
    for job in sorted(jobs, key=lambda job: list(job.output)):
        preflight.check(job.shellcmd)


onstart:
    try:
        if not lock.hold(".snakemake/softaer.lock"):
            print("This file system knows no locks; start one run at a time.", file=sys.stderr)
        look_at_inputs()
    except InputError as error:
        raise WorkflowError(str(error)) from None
