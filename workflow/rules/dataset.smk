"""Dataset: standardised features paired with their labels.

In: features and labels per batch. Out: results/standardisation/<modality>.parquet, fitted on train;
results/dataset/<modality>/<batch>.parquet; results/coverage/<modality>.parquet, the share of each recording
that has features; for the loss 'panel' also results/panel_moments/<batch>.parquet, from the ratings.
"""

from softaer.modalities import own_parts
from softaer.running.params import folder_among


rule standardisation:
    input:
        features=rated_batches(places.FEATURES, "train"),
        recordings=TABLE,
    output:
        places.STANDARDISATION,
    log:
        log_of("standardisation/{modality}"),
    benchmark:
        benchmark_of("standardisation/{modality}")
    conda:
        "../../envs/learning.yaml"
    resources:
        mem_mb=growing(500, 4),
    params:
        code=code_digest("standardisation"),
        corpus=lambda wildcards: relevant(rated_in("train"), ["recording", "batch"]),
        features=folder_of("features"),
    shell:
        "python -m softaer.standardisation"
        " --recordings {input.recordings:q}"
        " --features {params.features:q}"
        " --output {output}"
        " > {log} 2>&1"


rule annotation_delay:
    input:
        features=lambda wildcards: [
            path
            for name in UNJOINED
            for path in rated_batches(filled_in(places.FEATURES, modality=name), "train")(
                wildcards
            )
        ],
        labels=rated_batches(places.LABELS, "train"),
        standardisations=collect(places.STANDARDISATION, modality=UNJOINED),
        recordings=TABLE,
    output:
        places.ANNOTATION_DELAY,
    log:
        log_of("annotation_delay"),
    benchmark:
        benchmark_of("annotation_delay")
    conda:
        "../../envs/learning.yaml"
    resources:
        mem_mb=growing(600, 12),
    params:
        code=code_digest("annotation_delay"),
        corpus=lambda wildcards: relevant(
            rated_in("train"), ["recording", "batch", "subject", "group"]
        ),
        features=features_folders,
        labels=folder_of("labels"),
        dimensions=DIMENSIONS,
        max_delay=config["max_delay"],
    shell:
        "python -m softaer.annotation_delay"
        " --recordings {input.recordings:q}"
        " --labels {params.labels:q}"
        " --features {params.features:q}"
        " --standardisations {input.standardisations}"
        " --dimensions {params.dimensions}"
        " --max-delay {params.max_delay}"
        " --output {output}"
        " > {log} 2>&1"


rule dataset_batch:
    input:
        features=places.FEATURES,
        labels=places.LABELS,
        standardisation=places.STANDARDISATION,
        delays=DELAY_TABLE,
    output:
        places.DATASET,
    log:
        log_of("dataset/{modality}/{batch}"),
    benchmark:
        benchmark_of("dataset/{modality}/{batch}")
    conda:
        "../../envs/learning.yaml"
    resources:
        mem_mb=growing(500, 8),
    params:
        code=code_digest("dataset"),
        delay=delay_of("delays"),
    shell:
        "python -m softaer.dataset"
        " --features {input.features}"
        " --labels {input.labels}"
        " --standardisation {input.standardisation}"
        " {params.delay}"
        " --output {output}"
        " > {log} 2>&1"


rule panel_moments:
    input:
        ratings=TRACES,
        weights=places.RATER_WEIGHTS,
        delays=DELAY_TABLE,
        lags=LAGS,
        screen=SCREEN,
    output:
        places.PANEL_MOMENTS,
    log:
        log_of("panel_moments/{batch}"),
    benchmark:
        benchmark_of("panel_moments/{batch}")
    conda:
        "../../envs/learning.yaml"
    resources:
        mem_mb=growing(500, 20),
    params:
        code=code_digest("panel_moments"),
        delay=delay_of("delays"),
        lags=flag_of("--rater-lags", "lags"),
        screen=flag_of("--rater-screen", "screen"),
        elastic=label_flags(config["labels"], ("elastic", "max_lag")),
    shell:
        "python -m softaer.panel_moments"
        " --ratings {input.ratings}"
        " --rater-weights {input.weights}"
        " {params.delay}"
        " {params.lags}"
        " {params.screen}"
        " {params.elastic}"
        " --output {output}"
        " > {log} 2>&1"


rule coverage:
    input:
        dataset=rated_batches(places.DATASET),
        status=lambda wildcards: [
            path
            for part in own_parts(MODALITY, wildcards.modality)
            for path in rated_batches(filled_in(places.STATUS, stage=part.reader))(wildcards)
        ],
        recordings=TABLE,
    output:
        places.COVERAGE,
    log:
        log_of("coverage/{modality}"),
    benchmark:
        benchmark_of("coverage/{modality}")
    conda:
        "../../envs/learning.yaml"
    resources:
        mem_mb=growing(500, 2),
    params:
        code=code_digest("coverage"),
        corpus=lambda wildcards: relevant(rated_in(), ["recording", "batch"]),
        dataset=folder_of("dataset"),
        parts=lambda wildcards, input: [
            word
            for part in own_parts(MODALITY, wildcards.modality)
            for word in (
                *("--part", part.name, folder_among(input.status, part.reader)),
                *(part.source.unit, part.source.absent),
            )
        ],
    shell:
        "python -m softaer.coverage"
        " --recordings {input.recordings:q}"
        " --dataset {params.dataset:q}"
        " {params.parts:q}"
        " --output {output}"
        " > {log} 2>&1"
