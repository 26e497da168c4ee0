"""The workflow, run from its own folder; see workflow/Snakefile."""


configfile: f"{workflow.basedir}/config.yaml"


include: "workflow/Snakefile"


snakemake_private.by_default(workflow, "all")
