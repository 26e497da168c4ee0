"""Late fusion of the modalities, and all scores.

In: predictions per modality and the labels. Out: results/fuse/..., results/ccc.csv and results/ccc.parquet.
"""


rule fuse_modalities:
    input:
        predictions=lambda wildcards: [path for _, _, path in predictions_to_fuse(wildcards)],
        dataset=targets_of_corpus,
        recordings=ancient(TABLE),
    output:
        predictions=FUSED,
        coefficients="results/fuse/{dimension}/{task}/seed{seed}.coefficients.parquet",
    log:
        "results/logs/fuse/{dimension}/{task}/seed{seed}.log",
    conda:
        "../../envs/learning.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
    params:
        code=code_digest("fuse"),
        corpus=lambda wildcards: relevant(rated_in("dev"), ["recording", "batch"]),
        dataset=f"results/dataset/{MODALITIES[0]}",
        predictions=lambda wildcards: [
            word
            for prediction in predictions_to_fuse(wildcards)
            for word in ("--prediction", *prediction)
        ],
    shell:
        "python -m softaer.fuse"
        " --recordings {input.recordings:q}"
        " --dataset {params.dataset}"
        " --dimension {wildcards.dimension}"
        " {params.predictions}"
        " --output {output.predictions}"
        " --coefficients-output {output.coefficients}"
        " > {log} 2>&1"


rule score:
    input:
        predictions=collect(PREDICTION, **NETWORKS),
        fused=ALL_FUSED,
        dataset=targets_of_corpus,
        recordings=ancient(TABLE),
    output:
        parquet="results/ccc.parquet",
        csv=report(
            "results/ccc.csv",
            caption="../report/ccc.rst",
            category="Scores",
        ),
    log:
        "results/logs/score.log",
    conda:
        "../../envs/learning.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
    params:
        code=code_digest("score"),
        corpus=relevant(RATED, ["recording", "batch", "partition"]),
        dataset=f"results/dataset/{MODALITIES[0]}",
        dimensions=DIMENSIONS,
        modalities=[*MODALITIES, *filter(None, [FUSED_MODALITIES])],
        tasks=TASKS,
        seeds=SEEDS,
    shell:
        "python -m softaer.score"
        " --recordings {input.recordings:q}"
        " --dataset {params.dataset}"
        " --predict results/predict"
        " --fuse results/fuse"
        " --dimensions {params.dimensions}"
        " --modalities {params.modalities}"
        " --tasks {params.tasks}"
        " --seeds {params.seeds}"
        " --output {output.parquet}"
        " --csv-output {output.csv}"
        " > {log} 2>&1"
