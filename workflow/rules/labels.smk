"""Labels: from the raters' traces to E and sigma.

In: the annotation files of recordings.csv. Out: results/ratings (traces on the grid), results/labels and
results/rater_weights, per batch; how far the raters agree (results/agreement), and the ceiling that one
rater reaches against the others. What was odd is in results/status/ratings and results/status/labels.
"""


rule recording_lengths:
    input:
        measured_media,
    output:
        "results/recording_lengths/{batch}.parquet",
    log:
        "results/logs/recording_lengths/{batch}.log",
    benchmark:
        "results/benchmarks/recording_lengths/{batch}.tsv"
    conda:
        "../../envs/extraction.yaml"
    resources:
        mem_mb=growing(500),
    params:
        code=code_digest("recording_lengths"),
        software=pins("av"),
        audio=lambda wildcards: recording_flags(rated_of(wildcards.batch), lambda r: r.audio),
        video=lambda wildcards: recording_flags(rated_of(wildcards.batch), lambda r: r.video),
    shell:
        "python -m softaer.recording_lengths"
        " {params.audio}"
        " {params.video}"
        " --output {output}"
        " > {log} 2>&1"


rule ratings:
    input:
        annotations=lambda wildcards: [
            path for r in rated_of(wildcards.batch) for path in r.annotation_files(DIMENSIONS)
        ],
        lengths=["results/recording_lengths/{batch}.parquet"] if HELD else [],
    output:
        ratings="results/ratings/{batch}.parquet",
        notes="results/status/ratings/{batch}.parquet",
    log:
        "results/logs/ratings/{batch}.log",
    benchmark:
        "results/benchmarks/ratings/{batch}.tsv"
    conda:
        "../../envs/learning.yaml"
    resources:
        mem_mb=growing(500, 30),
        # Whether it stops the job, and no value: what was read stays as it is.
        scales=config["ratings"]["scales"],
    params:
        code=code_digest("ratings"),
        layout_code=code_digest(f"layouts.{config['corpus']['layout']}"),
        layout=config["corpus"]["layout"],
        recordings=lambda wildcards: recording_flags(
            rated_of(wildcards.batch), lambda r: r.annotations
        ),
        dimensions=DIMENSIONS,
        interpolation=config["ratings"]["interpolation"],
        max_gap=config["ratings"]["max_gap"],
        last_holds=flag("--last-holds", config["ratings"]["last_holds"] if HELD else None),
        range=flag("--range", config["ratings"]["range"]),
        missing=[f"--missing={value}" for value in config["ratings"]["missing"]],
        raters=shlex.join(f"--rater={name}" for name in config["ratings"]["raters"] or []),
        lengths=lambda wildcards, input: flag("--lengths", list(input.lengths)),
    shell:
        "python -m softaer.ratings"
        " {params.recordings}"
        " --layout {params.layout}"
        " --dimensions {params.dimensions}"
        " --interpolation {params.interpolation}"
        " --max-gap {params.max_gap}"
        " {params.lengths}"
        " {params.last_holds}"
        " {params.range}"
        " {params.missing}"
        " {params.raters}"
        " --scales {resources.scales}"
        " --output {output.ratings}"
        " --notes-output {output.notes}"
        " > {log} 2>&1"


rule rating_scales:
    input:
        ratings=rated_batches("results/ratings/{batch}.parquet"),
        recordings=ancient(TABLE),
    output:
        "results/rating_scales.parquet",
    log:
        "results/logs/rating_scales.log",
    benchmark:
        "results/benchmarks/rating_scales.tsv"
    # It changes no label, and is no input of theirs: it comes first, and stops the run.
    priority: 100
    conda:
        "../../envs/learning.yaml"
    resources:
        mem_mb=growing(500, 80),
    params:
        code=code_digest("rating_scales"),
        corpus=relevant(RATED, ["recording", "batch"]),
        scales=config["ratings"]["scales"],
    shell:
        "python -m softaer.rating_scales"
        " --recordings {input.recordings:q}"
        " --ratings results/ratings"
        " --scales {params.scales}"
        " --output {output}"
        " > {log} 2>&1"


rule rater_lags:
    input:
        ratings=rated_batches("results/ratings/{batch}.parquet"),
        recordings=ancient(TABLE),
    output:
        "results/rater_lags.parquet",
    log:
        "results/logs/rater_lags.log",
    benchmark:
        "results/benchmarks/rater_lags.tsv"
    conda:
        "../../envs/learning.yaml"
    resources:
        mem_mb=growing(500, 80),
    params:
        code=code_digest("rater_lags"),
        corpus=relevant(RATED, ["recording", "batch"]),
        max_lag=config["labels"]["max_lag"],
    shell:
        "python -m softaer.rater_lags"
        " --recordings {input.recordings:q}"
        " --ratings results/ratings"
        " --max-lag {params.max_lag}"
        " --output {output}"
        " > {log} 2>&1"


rule rater_weights:
    input:
        ratings=rated_batches("results/ratings/{batch}.parquet"),
        lags=LAGS,
        recordings=ancient(TABLE),
    output:
        "results/rater_weights.parquet",
    log:
        "results/logs/rater_weights.log",
    benchmark:
        "results/benchmarks/rater_weights.tsv"
    conda:
        "../../envs/learning.yaml"
    resources:
        mem_mb=growing(500, 80),
    params:
        code=code_digest("rater_weights"),
        corpus=relevant(RATED, ["recording", "batch"]),
        against=config["labels"]["against"],
        lags=flag("--rater-lags", LAGS),
    shell:
        "python -m softaer.rater_weights"
        " --recordings {input.recordings:q}"
        " --ratings results/ratings"
        " --against {params.against}"
        " {params.lags}"
        " --output {output}"
        " > {log} 2>&1"


rule labels_batch:
    input:
        ratings="results/ratings/{batch}.parquet",
        weights=CORPUS_WEIGHTS,
        lags=LAGS,
    output:
        labels="results/labels/{batch}.parquet",
        weights="results/rater_weights/{batch}.parquet",
        notes="results/status/labels/{batch}.parquet",
    log:
        "results/logs/labels/{batch}.log",
    benchmark:
        "results/benchmarks/labels/{batch}.tsv"
    conda:
        "../../envs/learning.yaml"
    resources:
        mem_mb=growing(500, 50),
    params:
        code=code_digest("labels"),
        estimator=ESTIMATOR,
    shell:
        "python -m softaer.labels"
        " --ratings {input.ratings}"
        " {params.estimator}"
        " --output {output.labels}"
        " --weights-output {output.weights}"
        " --notes-output {output.notes}"
        " > {log} 2>&1"


rule agreement:
    input:
        ratings=rated_batches("results/ratings/{batch}.parquet"),
        weights=rated_batches("results/rater_weights/{batch}.parquet"),
        lags=LAGS,
        recordings=ancient(TABLE),
    output:
        pairs="results/agreement/pairs.parquet",
        raters="results/agreement/raters.parquet",
        dimensions="results/agreement/dimensions.parquet",
    log:
        "results/logs/agreement.log",
    benchmark:
        "results/benchmarks/agreement.tsv"
    conda:
        "../../envs/learning.yaml"
    resources:
        mem_mb=growing(500, 80),
    params:
        code=code_digest("agreement"),
        corpus=relevant(RATED, ["recording", "batch"]),
        lags=flag("--rater-lags", LAGS),
    shell:
        "python -m softaer.agreement"
        " --recordings {input.recordings:q}"
        " --ratings results/ratings"
        " --weights results/rater_weights"
        " {params.lags}"
        " --pairs-output {output.pairs}"
        " --raters-output {output.raters}"
        " --dimensions-output {output.dimensions}"
        " > {log} 2>&1"


rule ceiling:
    input:
        ratings=rated_batches("results/ratings/{batch}.parquet"),
        weights=CORPUS_WEIGHTS,
        lags=LAGS,
        check=CHECK,
        recordings=ancient(TABLE),
    output:
        "results/ceiling.parquet",
    log:
        "results/logs/ceiling.log",
    benchmark:
        "results/benchmarks/ceiling.tsv"
    conda:
        "../../envs/learning.yaml"
    resources:
        mem_mb=growing(500, 80),
    params:
        code=code_digest("ceiling"),
        corpus=relevant(RATED, ["recording", "batch", "partition"]),
        estimator=ESTIMATOR,
        check=flag("--check", CHECK),
    shell:
        "python -m softaer.ceiling"
        " --recordings {input.recordings:q}"
        " --ratings results/ratings"
        " {params.estimator}"
        " {params.check}"
        " --output {output}"
        " > {log} 2>&1"
