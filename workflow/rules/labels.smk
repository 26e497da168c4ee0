"""Labels: from the raters' traces to E and sigma.

In: the annotation files of recordings.csv. Out: results/ratings (traces on the grid), results/labels and
results/rater_weights, per batch.
"""


rule ratings:
    input:
        lambda wildcards: [
            path
            for r in recordings_of(wildcards.batch, of=rated_in())
            for path in r.annotation_files(DIMENSIONS)
        ],
    output:
        "results/ratings/{batch}.parquet",
    log:
        "results/logs/ratings/{batch}.log",
    conda:
        "../../envs/learning.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: 1000 * attempt,
    params:
        code=code_digest("ratings"),
        recordings=lambda wildcards: recording_flags(
            recordings_of(wildcards.batch, of=rated_in()), lambda r: r.annotations
        ),
        dimensions=DIMENSIONS,
        interpolation=config["ratings"]["interpolation"],
        max_gap=config["ratings"]["max_gap"],
        range=flag("--range", config["ratings"]["range"]),
    shell:
        "python -m softaer.ratings"
        " {params.recordings:q}"
        " --dimensions {params.dimensions}"
        " --interpolation {params.interpolation}"
        " --max-gap {params.max_gap}"
        " {params.range}"
        " --output {output}"
        " > {log} 2>&1"


rule rater_weights:
    input:
        ratings=rated_batches("results/ratings/{batch}.parquet"),
        recordings=ancient(TABLE),
    output:
        "results/rater_weights.parquet",
    log:
        "results/logs/rater_weights.log",
    conda:
        "../../envs/learning.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
    params:
        code=code_digest("rater_weights"),
        corpus=relevant(RATED, ["recording", "batch"]),
        ratings="results/ratings",
        against=config["labels"]["against"],
    shell:
        "python -m softaer.rater_weights"
        " --recordings {input.recordings:q}"
        " --ratings {params.ratings}"
        " --against {params.against}"
        " --output {output}"
        " > {log} 2>&1"


rule labels_batch:
    input:
        ratings="results/ratings/{batch}.parquet",
        weights=branch(
            config["labels"]["weights"] == "corpus" and config["labels"]["estimator"] == "ewe",
            then="results/rater_weights.parquet",
            otherwise=[],
        ),
    output:
        labels="results/labels/{batch}.parquet",
        weights="results/rater_weights/{batch}.parquet",
    log:
        "results/logs/labels/{batch}.log",
    conda:
        "../../envs/learning.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: 1000 * attempt,
    params:
        code=code_digest("labels"),
        estimator=config["labels"]["estimator"],
        against=config["labels"]["against"],
        spread=config["labels"]["spread"],
        spread_about=config["labels"]["spread_about"],
        weights=lambda wildcards, input: flag("--corpus-weights", input.weights),
    shell:
        "python -m softaer.labels"
        " --ratings {input.ratings}"
        " --estimator {params.estimator}"
        " --against {params.against}"
        " --spread {params.spread}"
        " --spread-about {params.spread_about}"
        " {params.weights}"
        " --output {output.labels}"
        " --weights-output {output.weights}"
        " > {log} 2>&1"
