"""Training: one network for each dimension, modality, objective and seed, and what it predicts.

In: the datasets. Out: results/train/... (weights, description, learning curve) and results/predict/...
"""


rule train_network:
    input:
        dataset=rated_batches("results/dataset/{modality}/{batch}.parquet", "train", "dev"),
        recordings=ancient(TABLE),
    output:
        weights=WEIGHTS,
        description=DESCRIPTION,
        curve=CURVE,
    log:
        f"results/logs/train/{NETWORK}.log",
    benchmark:
        f"results/benchmarks/train/{NETWORK}.tsv"
    conda:
        "../../envs/learning.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
    params:
        code=code_digest("train"),
        corpus=lambda wildcards: relevant(
            rated_in("train", "dev"), ["recording", "batch", "partition"]
        ),
        dataset="results/dataset/{modality}",
        model=options(config["model"]),
        training=options(config["training"]),
    shell:
        "python -m softaer.train"
        " --recordings {input.recordings:q}"
        " --dataset {params.dataset}"
        " --dimension {wildcards.dimension}"
        " --objective {wildcards.objective}"
        " --seed {wildcards.seed}"
        " {params.model}"
        " {params.training}"
        " --threads {threads}"
        " --weights-output {output.weights}"
        " --description-output {output.description}"
        " --curve-output {output.curve}"
        " > {log} 2>&1"


rule predict:
    input:
        dataset=rated_batches("results/dataset/{modality}/{batch}.parquet"),
        recordings=ancient(TABLE),
        weights=WEIGHTS,
        description=DESCRIPTION,
    output:
        PREDICTION,
    log:
        f"results/logs/predict/{NETWORK}.log",
    conda:
        "../../envs/learning.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
    params:
        code=code_digest("predict"),
        corpus=relevant(RATED, ["recording", "batch"]),
        dataset="results/dataset/{modality}",
    shell:
        "python -m softaer.predict"
        " --recordings {input.recordings:q}"
        " --dataset {params.dataset}"
        " --dimension {wildcards.dimension}"
        " --weights {input.weights}"
        " --description {input.description}"
        " --threads {threads}"
        " --output {output}"
        " > {log} 2>&1"
