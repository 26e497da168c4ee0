"""Dataset: standardised features beside the labels that answer to them.

In: features and labels per batch. Out: results/standardisation/<modality>.parquet, fitted on train, and
results/dataset/<modality>/<batch>.parquet; results/coverage/<modality>.parquet says for how much of a
recording there are features.
"""


rule standardisation:
    input:
        features=rated_batches("results/{modality}_features/{batch}.parquet", "train"),
        recordings=ancient(TABLE),
    output:
        "results/standardisation/{modality}.parquet",
    log:
        "results/logs/standardisation/{modality}.log",
    benchmark:
        "results/benchmarks/standardisation/{modality}.tsv"
    conda:
        "../../envs/learning.yaml"
    resources:
        mem_mb=growing(500, 4),
    params:
        code=code_digest("standardisation"),
        corpus=lambda wildcards: relevant(rated_in("train"), ["recording", "batch"]),
        features="results/{modality}_features",
    shell:
        "python -m softaer.standardisation"
        " --recordings {input.recordings:q}"
        " --features {params.features}"
        " --output {output}"
        " > {log} 2>&1"


rule annotation_delay:
    input:
        features=rated_batches("results/{modality}_features/{batch}.parquet", "train"),
        labels=rated_batches("results/labels/{batch}.parquet", "train"),
        standardisations=collect("results/standardisation/{modality}.parquet", modality=MODALITIES),
        recordings=ancient(TABLE),
    output:
        "results/annotation_delay.parquet",
    log:
        "results/logs/annotation_delay.log",
    benchmark:
        "results/benchmarks/annotation_delay.tsv"
    conda:
        "../../envs/learning.yaml"
    resources:
        mem_mb=growing(600, 12),
    params:
        code=code_digest("annotation_delay"),
        corpus=lambda wildcards: relevant(
            rated_in("train"), ["recording", "batch", "subject", "group"]
        ),
        features=collect("results/{modality}_features", modality=MODALITIES),
        dimensions=DIMENSIONS,
        max_delay=config["max_delay"],
    shell:
        "python -m softaer.annotation_delay"
        " --recordings {input.recordings:q}"
        " --labels results/labels"
        " --features {params.features}"
        " --standardisations {input.standardisations}"
        " --dimensions {params.dimensions}"
        " --max-delay {params.max_delay}"
        " --output {output}"
        " > {log} 2>&1"


rule dataset_batch:
    input:
        features="results/{modality}_features/{batch}.parquet",
        labels="results/labels/{batch}.parquet",
        standardisation="results/standardisation/{modality}.parquet",
        delays=DELAY_TABLE,
    output:
        "results/dataset/{modality}/{batch}.parquet",
    log:
        "results/logs/dataset/{modality}/{batch}.log",
    benchmark:
        "results/benchmarks/dataset/{modality}/{batch}.tsv"
    conda:
        "../../envs/learning.yaml"
    resources:
        mem_mb=growing(500, 8),
    params:
        code=code_digest("dataset"),
        delay=DELAYS,
    shell:
        "python -m softaer.dataset"
        " --features {input.features}"
        " --labels {input.labels}"
        " --standardisation {input.standardisation}"
        " {params.delay}"
        " --output {output}"
        " > {log} 2>&1"


rule coverage:
    input:
        dataset=rated_batches("results/dataset/{modality}/{batch}.parquet"),
        status=lambda wildcards: rated_batches(
            f"results/status/{READERS[wildcards.modality]}/{{batch}}.parquet"
        )(wildcards),
        recordings=ancient(TABLE),
    output:
        "results/coverage/{modality}.parquet",
    log:
        "results/logs/coverage/{modality}.log",
    benchmark:
        "results/benchmarks/coverage/{modality}.tsv"
    conda:
        "../../envs/learning.yaml"
    resources:
        mem_mb=growing(500, 2),
    params:
        code=code_digest("coverage"),
        corpus=lambda wildcards: relevant(rated_in(), ["recording", "batch"]),
        dataset="results/dataset/{modality}",
        status=lambda wildcards: f"results/status/{READERS[wildcards.modality]}",
    shell:
        "python -m softaer.coverage"
        " --recordings {input.recordings:q}"
        " --dataset {params.dataset}"
        " --status {params.status}"
        " --modality {wildcards.modality}"
        " --output {output}"
        " > {log} 2>&1"
