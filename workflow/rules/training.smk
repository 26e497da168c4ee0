"""Training: networks, the choice among their instances, and what the chosen ones predict.

In: the datasets. Out: results/train (weights, description, learning curve per instance of the grid),
results/select (which instance was chosen), results/predict and results/postprocess.
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
        f"results/logs/train/{RUN}.log",
    benchmark:
        f"results/benchmarks/train/{RUN}.tsv"
    conda:
        "../../envs/learning.yaml"
    threads: 1
    resources:
        mem_mb=growing(1800, 8),
        runtime=growing(120, 1),
    params:
        code=code_digest("train"),
        allocation=ALLOCATION,
        software=pins("torch"),
        corpus=lambda wildcards: relevant(
            rated_in("train", "dev"), ["recording", "batch", "partition"]
        ),
        dataset="results/dataset/{modality}",
        model=lambda wildcards: options(overridden("model", wildcards)),
        training=lambda wildcards: options(overridden("training", wildcards)),
    shell:
        "{params.allocation} python -m softaer.train"
        " --recordings {input.recordings:q}"
        " --dataset {params.dataset}"
        " --scope {wildcards.scope}"
        " --objective {wildcards.objective}"
        " --seed {wildcards.seed}"
        " {params.model}"
        " {params.training}"
        " --threads {threads}"
        " --weights-output {output.weights}"
        " --description-output {output.description}"
        " --curve-output {output.curve}"
        " > {log} 2>&1"


rule select:
    input:
        lambda wildcards: instances_of(CURVE, wildcards.scope, wildcards.objective),
    output:
        SELECTION,
    log:
        f"results/logs/select/{NETWORK}.log",
    benchmark:
        f"results/benchmarks/select/{NETWORK}.tsv"
    localrule: True
    conda:
        "../../envs/learning.yaml"
    resources:
        mem_mb=growing(500),
    params:
        code=code_digest("select"),
        networks=f"results/train/{NETWORK}",
        instances=list(INSTANCES.instance_patterns),
        seeds=SEEDS,
    shell:
        "python -m softaer.select"
        " --networks {params.networks}"
        " --instances {params.instances}"
        " --seeds {params.seeds}"
        " --output {output}"
        " > {log} 2>&1"


rule predict:
    input:
        dataset=rated_batches("results/dataset/{modality}/{batch}.parquet"),
        recordings=ancient(TABLE),
        selections=lambda wildcards: [
            SELECTION.replace("{scope}", scope).replace("{objective}", objective)
            for scope, objective in networks_of(wildcards)
        ],
        networks=lambda wildcards: [
            path
            for scope, objective in networks_of(wildcards)
            for pattern in (WEIGHTS, DESCRIPTION)
            for path in instances_of(pattern, scope, objective, [wildcards.seed])
        ],
    output:
        PREDICTION,
    log:
        f"results/logs/predict/{MODEL}.log",
    benchmark:
        f"results/benchmarks/predict/{MODEL}.tsv"
    conda:
        "../../envs/learning.yaml"
    threads: 1
    resources:
        mem_mb=growing(900, 2),
    params:
        code=code_digest("predict"),
        allocation=ALLOCATION,
        corpus=relevant(RATED, ["recording", "batch"]),
        dataset="results/dataset/{modality}",
        networks=lambda wildcards: [
            word
            for scope, objective in networks_of(wildcards)
            for word in (
                "--network",
                f"results/train/{scope}/{wildcards.modality}/{objective}",
                f"results/select/{scope}/{wildcards.modality}/{objective}.parquet",
            )
        ],
    shell:
        "{params.allocation} python -m softaer.predict"
        " --recordings {input.recordings:q}"
        " --dataset {params.dataset}"
        " --dimension {wildcards.dimension}"
        " --seed {wildcards.seed}"
        " {params.networks}"
        " --threads {threads}"
        " --output {output}"
        " > {log} 2>&1"


rule postprocess:
    input:
        predictions=PREDICTION,
        dataset=rated_batches("results/dataset/{modality}/{batch}.parquet"),
        coverage="results/coverage/{modality}.parquet",
        recordings=ancient(TABLE),
    output:
        predictions=POSTPROCESSED,
        steps=STEPS,
    log:
        f"results/logs/postprocess/{MODEL}.log",
    benchmark:
        f"results/benchmarks/postprocess/{MODEL}.tsv"
    conda:
        "../../envs/learning.yaml"
    resources:
        mem_mb=growing(500, 3),
    params:
        code=code_digest("postprocess"),
        corpus=lambda wildcards: relevant(
            rated_in("dev"), ["recording", "batch", "partition", "subject", "group"]
        ),
        dataset="results/dataset/{modality}",
        search=options(config["postprocessing"]),
        targets=TARGETS,
    shell:
        "python -m softaer.postprocess"
        " --recordings {input.recordings:q}"
        " --dataset {params.dataset}"
        " --dimension {wildcards.dimension}"
        " --predictions {input.predictions}"
        " --coverage {input.coverage}"
        " {params.search}"
        " --targets {params.targets}"
        " --output {output.predictions}"
        " --steps-output {output.steps}"
        " > {log} 2>&1"
