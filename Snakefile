"""From recordings to a table of concordance correlation coefficients.

    snakemake --cores 4                    everything, up to results/report.html
    snakemake --cores 4 extract            features of all recordings; needs no annotations
    snakemake --cores 4 labels | dataset | train | fuse
    snakemake --cores 4 apply              E and sigma of recordings that nobody rated

The experiment is described in config.yaml; the corpus in the recordings.csv that it names.
"""

from snakemake.utils import min_version

min_version("9.0")


configfile: f"{workflow.basedir}/config.yaml"


include: "workflow/rules/common.smk"
include: "workflow/rules/start.smk"
include: "workflow/rules/corpus.smk"
include: "workflow/rules/audio.smk"
include: "workflow/rules/video.smk"
include: "workflow/rules/labels.smk"
include: "workflow/rules/dataset.smk"
include: "workflow/rules/training.smk"
include: "workflow/rules/fusion.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/apply.smk"


if SHARED:
    # Snakemake refuses to time rules whose results may come from its cache.
    for stage in [*READERS.values(), *FEATURE_STAGES]:
        workflow.get_rule(stage)._benchmark = None


rule all:
    default_target: True
    input:
        "results/report.html",
        "results/packed_model/model.json",


rule extract:
    input:
        collect("results/{stage}/{batch}.parquet", stage=FEATURE_STAGES, batch=BATCHES),
        "results/status.csv",


rule labels:
    input:
        rated_batches("results/labels/{batch}.parquet"),
        "results/rating_scales.parquet",


rule dataset:
    input:
        rated_batches("results/dataset/{modality}/{batch}.parquet"),


rule train:
    input:
        all_networks(WEIGHTS),
        collect(POSTPROCESSED, **ALL_MODELS),


rule fuse:
    input:
        ALL_FUSED,


rule apply:
    input:
        lambda wildcards: applied_files(),
