"""Dataset: standardised features beside the labels that answer to them.

In: features and labels per batch. Out: results/standardisation/<modality>.parquet, fitted on train, and
results/dataset/<modality>/<batch>.parquet.
"""


rule standardisation:
    input:
        features=rated_batches("results/{modality}_features/{batch}.parquet", "train"),
        recordings=ancient(TABLE),
    output:
        "results/standardisation/{modality}.parquet",
    log:
        "results/logs/standardisation/{modality}.log",
    conda:
        "../../envs/learning.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
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


rule dataset_batch:
    input:
        features="results/{modality}_features/{batch}.parquet",
        labels="results/labels/{batch}.parquet",
        standardisation="results/standardisation/{modality}.parquet",
    output:
        "results/dataset/{modality}/{batch}.parquet",
    log:
        "results/logs/dataset/{modality}/{batch}.log",
    conda:
        "../../envs/learning.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: 1500 * attempt,
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
