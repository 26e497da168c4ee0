"""Training: networks, selection among their instances, and predictions of the selected ones.

In: the datasets, and results/panel_moments for the loss 'panel'. Out: results/train (weights, description,
learning curve per instance of the grid), results/select (the selected instance), results/predict and
results/postprocess. Baselines take the place of networks in results/predict.
"""

from softaer.networks.allocation import KEEP_FREED_MEMORY
from softaer.running.params import flag_of_folder

# Prefix of commands that constantly free and allocate large blocks of memory.
ALLOCATION = " ".join(f"{name}={value}" for name, value in KEEP_FREED_MEMORY.items())
# Code of networks that do not come with the package.
OWN_NETWORKS = NETWORKS.own_code() if COMPARING else None
NETWORK_FILE = flag("--network-file", config["model"]["network_file"])


rule train_network:
    input:
        dataset=rated_batches(places.DATASET, "train", "dev"),
        panels=rated_batches(places.PANEL_MOMENTS, "train") if NETWORKS.needs_panels else [],
        recordings=TABLE,
    output:
        weights=places.WEIGHTS,
        description=places.DESCRIPTION,
        curve=places.CURVE,
    log:
        log_of("train/{scope}/{modality}/{objective}/{instance}/seed{seed}"),
    benchmark:
        benchmark_of("train/{scope}/{modality}/{objective}/{instance}/seed{seed}")
    conda:
        "../../envs/learning.yaml"
    threads: 1
    resources:
        mem_mb=growing(1800, 8),
        runtime=growing(120, 1),
    params:
        code=code_digest("train"),
        own=OWN_NETWORKS,
        allocation=ALLOCATION,
        software=pins("torch"),
        corpus=lambda wildcards: relevant(
            rated_in("train", "dev"), ["recording", "batch", "partition"]
        ),
        dataset=folder_of("dataset"),
        model=lambda wildcards: options(NETWORKS.overridden("model", wildcards)),
        training=lambda wildcards: options(NETWORKS.overridden("training", wildcards)),
        panels=flag_of_folder("--panels", "panels"),
    shell:
        "{params.allocation} python -m softaer.train"
        " --recordings {input.recordings:q}"
        " --dataset {params.dataset:q}"
        " --scope {wildcards.scope}"
        " --objective {wildcards.objective}"
        " --seed {wildcards.seed}"
        " {params.model:q}"
        " {params.training}"
        " {params.panels:q}"
        " --threads {threads}"
        " --weights-output {output.weights}"
        " --description-output {output.description}"
        " --curve-output {output.curve}"
        " > {log} 2>&1"


rule select:
    input:
        curves=lambda wildcards: NETWORKS.files_of(
            places.CURVE, wildcards.scope, wildcards.objective
        ),
    output:
        places.SELECTION,
    log:
        log_of("select/{scope}/{modality}/{objective}"),
    benchmark:
        benchmark_of("select/{scope}/{modality}/{objective}")
    localrule: True
    conda:
        "../../envs/learning.yaml"
    resources:
        mem_mb=growing(500),
    params:
        code=code_digest("select"),
        results=results_by("curves", places.CURVE),
        instances=lambda wildcards: list(NETWORKS.instances[wildcards.objective]),
        seeds=SEEDS,
    shell:
        "python -m softaer.select"
        " --results {params.results:q}"
        " --scope {wildcards.scope}"
        " --modality {wildcards.modality}"
        " --objective {wildcards.objective}"
        " --instances {params.instances}"
        " --seeds {params.seeds}"
        " --output {output}"
        " > {log} 2>&1"


rule predict:
    input:
        dataset=rated_batches(places.DATASET),
        recordings=TABLE,
        selections=lambda wildcards: [
            filled_in(places.SELECTION, scope=scope, objective=objective)
            for scope, objective in NETWORKS.behind(wildcards)
        ],
        networks=lambda wildcards: [
            path
            for scope, objective in NETWORKS.behind(wildcards)
            for pattern in (places.WEIGHTS, places.DESCRIPTION)
            for path in NETWORKS.files_of(pattern, scope, objective, [wildcards.seed])
        ],
    output:
        places.PREDICTION,
    log:
        log_of("predict/{dimension}/{modality}/{task}/seed{seed}"),
    benchmark:
        benchmark_of("predict/{dimension}/{modality}/{task}/seed{seed}")
    wildcard_constraints:
        task="|".join(NETWORK_TASKS),
    conda:
        "../../envs/learning.yaml"
    threads: 1
    resources:
        mem_mb=growing(900, 2),
    params:
        code=code_digest("predict"),
        own=OWN_NETWORKS,
        network_file=NETWORK_FILE,
        allocation=ALLOCATION,
        corpus=relevant(RATED, ["recording", "batch"]),
        dataset=folder_of("dataset"),
        results=results_by("selections", places.SELECTION),
        networks=lambda wildcards: [
            word
            for scope, objective in NETWORKS.behind(wildcards)
            for word in ("--network", scope, objective)
        ],
    shell:
        "{params.allocation} python -m softaer.predict"
        " --recordings {input.recordings:q}"
        " --dataset {params.dataset:q}"
        " --dimension {wildcards.dimension}"
        " --modality {wildcards.modality}"
        " --seed {wildcards.seed}"
        " --results {params.results:q}"
        " {params.networks}"
        " {params.network_file:q}"
        " --threads {threads}"
        " --output {output}"
        " > {log} 2>&1"


rule baselines:
    input:
        dataset=rated_batches(places.DATASET),
        recordings=TABLE,
    output:
        ridge=filled_in(places.PREDICTION, task="ridge", seed=BASELINE_SEED),
        constant=filled_in(places.PREDICTION, task="constant", seed=BASELINE_SEED),
        choice=places.RIDGE,
    log:
        log_of("baselines/{dimension}/{modality}"),
    benchmark:
        benchmark_of("baselines/{dimension}/{modality}")
    conda:
        "../../envs/learning.yaml"
    threads: 1
    resources:
        mem_mb=growing(700, 8),
    params:
        code=code_digest("baselines"),
        corpus=relevant(RATED, ["recording", "batch", "partition"]),
        dataset=folder_of("dataset"),
        targets=TARGETS,
    shell:
        "python -m softaer.baselines"
        " --recordings {input.recordings:q}"
        " --dataset {params.dataset:q}"
        " --dimension {wildcards.dimension}"
        " --targets {params.targets}"
        " --ridge-output {output.ridge}"
        " --constant-output {output.constant}"
        " --choice-output {output.choice}"
        " > {log} 2>&1"


rule postprocess:
    input:
        predictions=places.PREDICTION,
        dataset=rated_batches(places.DATASET),
        coverage=places.COVERAGE,
        recordings=TABLE,
    output:
        predictions=places.POSTPROCESSED,
        steps=places.STEPS,
    log:
        log_of("postprocess/{dimension}/{modality}/{task}/seed{seed}"),
    benchmark:
        benchmark_of("postprocess/{dimension}/{modality}/{task}/seed{seed}")
    conda:
        "../../envs/learning.yaml"
    resources:
        mem_mb=growing(500, 3),
    params:
        code=code_digest("postprocess"),
        corpus=lambda wildcards: relevant(
            rated_in("dev"), ["recording", "batch", "partition", "subject", "group"]
        ),
        dataset=folder_of("dataset"),
        search=options(config["postprocessing"]),
        targets=TARGETS,
    shell:
        "python -m softaer.postprocess"
        " --recordings {input.recordings:q}"
        " --dataset {params.dataset:q}"
        " --dimension {wildcards.dimension}"
        " --predictions {input.predictions}"
        " --coverage {input.coverage}"
        " {params.search}"
        " --targets {params.targets}"
        " --output {output.predictions}"
        " --steps-output {output.steps}"
        " > {log} 2>&1"
