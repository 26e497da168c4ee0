"""Late fusion of the modalities, all scores, and what they are worth.

In: predictions per modality and the labels. Out: results/fuse, results/ccc.csv and .parquet, and beside
them intervals, hypotheses, human ceiling and uses of the uncertainty.
"""


rule fuse_modalities:
    input:
        predictions=collect(PREDICTION, modality=MODALITIES, allow_missing=True),
        dataset=targets_of_corpus,
        coverage=ALL_COVERAGE,
        recordings=ancient(TABLE),
    output:
        predictions=FUSED,
        coefficients=COEFFICIENTS,
    log:
        "results/logs/fuse/{dimension}/{task}/seed{seed}.log",
    benchmark:
        "results/benchmarks/fuse/{dimension}/{task}/seed{seed}.tsv"
    conda:
        "../../envs/learning.yaml"
    resources:
        mem_mb=growing(500, 3),
    params:
        code=code_digest("fuse"),
        corpus=lambda wildcards: relevant(
            rated_in("dev"), ["recording", "batch", "partition", "subject", "group"]
        ),
        dataset=f"results/dataset/{MODALITIES[0]}",
        predictions=lambda wildcards, input: per_modality("--prediction", input.predictions),
        search=options(config["postprocessing"]),
        targets=TARGETS,
    shell:
        "python -m softaer.fuse"
        " --recordings {input.recordings:q}"
        " --dataset {params.dataset}"
        " --dimension {wildcards.dimension}"
        " {params.predictions}"
        " {params.search}"
        " --targets {params.targets}"
        " --coverage {input.coverage}"
        " --output {output.predictions}"
        " --coefficients-output {output.coefficients}"
        " > {log} 2>&1"


rule score:
    input:
        predictions=collect(POSTPROCESSED, **ALL_MODELS),
        fused=ALL_FUSED,
        dataset=targets_of_corpus,
        coverage=ALL_COVERAGE,
        recordings=ancient(TABLE),
    output:
        parquet="results/ccc.parquet",
        csv=report(
            "results/ccc.csv",
            caption="../report/ccc.rst",
            category="Scores",
            labels={"table": "CCC, one row per seed", "format": "CSV"},
        ),
    log:
        "results/logs/score.log",
    benchmark:
        "results/benchmarks/score.tsv"
    conda:
        "../../envs/learning.yaml"
    resources:
        mem_mb=growing(500, 3),
    params:
        code=code_digest("score"),
        corpus=relevant(RATED, ["recording", "batch", "partition"]),
        dataset=f"results/dataset/{MODALITIES[0]}",
        experiment=EXPERIMENT,
    shell:
        "python -m softaer.score"
        " --recordings {input.recordings:q}"
        " --dataset {params.dataset}"
        " --postprocess results/postprocess"
        " --fuse results/fuse"
        " {params.experiment}"
        " --coverage {input.coverage}"
        " --output {output.parquet}"
        " --csv-output {output.csv}"
        " > {log} 2>&1"


rule evaluate:
    input:
        predictions=collect(POSTPROCESSED, **ALL_MODELS),
        fused=ALL_FUSED,
        dataset=targets_of_corpus,
        coverage=ALL_COVERAGE,
        recordings=ancient(TABLE),
    output:
        intervals="results/intervals.parquet",
        hypotheses="results/hypotheses.parquet",
    log:
        "results/logs/evaluate.log",
    benchmark:
        "results/benchmarks/evaluate.tsv"
    conda:
        "../../envs/learning.yaml"
    resources:
        mem_mb=growing(500, 4),
    params:
        code=code_digest("evaluate"),
        corpus=lambda wildcards: relevant(RATED, ["recording", "batch", "partition", "subject"]),
        dataset=f"results/dataset/{MODALITIES[0]}",
        experiment=EXPERIMENT,
        evaluation=options(config["evaluation"]),
    shell:
        "python -m softaer.evaluate"
        " --recordings {input.recordings:q}"
        " --dataset {params.dataset}"
        " --postprocess results/postprocess"
        " --fuse results/fuse"
        " {params.experiment}"
        " --coverage {input.coverage}"
        " {params.evaluation}"
        " --intervals-output {output.intervals}"
        " --hypotheses-output {output.hypotheses}"
        " > {log} 2>&1"


rule uncertainty:
    input:
        predictions=collect(POSTPROCESSED, **ALL_MODELS),
        fused=ALL_FUSED,
        dataset=targets_of_corpus,
        ratings=rated_batches("results/ratings/{batch}.parquet"),
        delays=DELAY_TABLE,
        lags=LAGS,
        coverage=ALL_COVERAGE,
        recordings=ancient(TABLE),
    output:
        "results/uncertainty.parquet",
    log:
        "results/logs/uncertainty.log",
    benchmark:
        "results/benchmarks/uncertainty.tsv"
    conda:
        "../../envs/learning.yaml"
    resources:
        mem_mb=growing(500, 4),
    params:
        code=code_digest("uncertainty"),
        corpus=relevant(RATED, ["recording", "batch", "partition"]),
        dataset=f"results/dataset/{MODALITIES[0]}",
        experiment=EXPERIMENT,
        delay=DELAYS,
        lags=flag("--rater-lags", LAGS),
    shell:
        "python -m softaer.uncertainty"
        " --recordings {input.recordings:q}"
        " --dataset {params.dataset}"
        " --ratings results/ratings"
        " --postprocess results/postprocess"
        " --fuse results/fuse"
        " {params.experiment}"
        " --coverage {input.coverage}"
        " {params.delay}"
        " {params.lags}"
        " --output {output}"
        " > {log} 2>&1"
