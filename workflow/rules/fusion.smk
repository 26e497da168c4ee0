"""Late fusion of the modalities, all scores, and their evaluation.

In: predictions per modality and the labels. Out: results/fuse, results/ccc.csv and .parquet, and in the same
folder scores of every recording, intervals, hypotheses, what each of three modalities or more adds, and what the uncertainty is worth.
"""


rule fuse_modalities:
    input:
        predictions=collect(places.PREDICTION, modality=MODALITIES, allow_missing=True),
        dataset=targets_of_corpus,
        coverage=ALL_COVERAGE,
        recordings=TABLE,
    output:
        predictions=places.FUSED,
        coefficients=places.COEFFICIENTS,
    log:
        log_of("fuse/{dimension}/{task}/seed{seed}"),
    benchmark:
        benchmark_of("fuse/{dimension}/{task}/seed{seed}")
    conda:
        "../../envs/learning.yaml"
    resources:
        mem_mb=growing(500, 3),
    params:
        code=code_digest("fuse"),
        corpus=lambda wildcards: relevant(
            rated_in("dev"), ["recording", "batch", "partition", "subject", "group"]
        ),
        dataset=folder_of("dataset"),
        predictions=lambda wildcards, input: per_modality(
            "--prediction", MODALITIES, input.predictions
        ),
        search=options(config["postprocessing"]),
        fusion=options({"method": config["fusion"]["method"]}),
        targets=TARGETS,
    shell:
        "python -m softaer.fuse"
        " --recordings {input.recordings:q}"
        " --dataset {params.dataset:q}"
        " --dimension {wildcards.dimension}"
        " {params.predictions}"
        " {params.search}"
        " {params.fusion}"
        " --targets {params.targets}"
        " --coverage {input.coverage}"
        " --output {output.predictions}"
        " --coefficients-output {output.coefficients}"
        " > {log} 2>&1"


use rule fuse_modalities as fuse_subset with:
    input:
        predictions=lambda wildcards: collect(
            places.PREDICTION,
            modality=wildcards.fusion.split(JOIN),
            dimension=wildcards.dimension,
            task=wildcards.task,
            seed=wildcards.seed,
        ),
        dataset=targets_of_corpus,
        coverage=ALL_COVERAGE,
        recordings=TABLE,
    output:
        predictions=places.FUSED_SUBSET,
        coefficients=places.SUBSET_COEFFICIENTS,
    log:
        log_of("fuse/{dimension}/{task}/{fusion}/seed{seed}"),
    benchmark:
        benchmark_of("fuse/{dimension}/{task}/{fusion}/seed{seed}")
    params:
        predictions=lambda wildcards, input: per_modality(
            "--prediction", wildcards.fusion.split(JOIN), input.predictions
        ),


rule score:
    input:
        predictions=ALL_SYSTEMS,
        dataset=targets_of_corpus,
        weights=rated_batches(places.RATER_WEIGHTS),
        coverage=ALL_COVERAGE,
        recordings=TABLE,
    output:
        parquet=places.SCORES,
        csv=report(
            places.SCORES_CSV,
            caption="../report/ccc.rst",
            category="Scores",
            labels={"table": "CCC, one row per seed", "format": "CSV"},
        ),
    log:
        log_of("score"),
    benchmark:
        benchmark_of("score")
    conda:
        "../../envs/learning.yaml"
    resources:
        mem_mb=growing(500, 3),
    params:
        code=code_digest("score"),
        corpus=relevant(RATED, ["recording", "batch", "partition"]),
        dataset=folder_of("dataset"),
        weights=folder_of("weights"),
        experiment=EXPERIMENT,
        results=results_by("predictions", places.POSTPROCESSED),
    shell:
        "python -m softaer.score"
        " --recordings {input.recordings:q}"
        " --dataset {params.dataset:q}"
        " --rater-weights {params.weights:q}"
        " --results {params.results:q}"
        " {params.experiment}"
        " --coverage {input.coverage}"
        " --output {output.parquet}"
        " --csv-output {output.csv}"
        " > {log} 2>&1"


rule recording_scores:
    input:
        predictions=ALL_SYSTEMS,
        scores=places.SCORES,
        dataset=targets_of_corpus,
        ratings=rated_batches(TRACES),
        lags=LAGS,
        screen=SCREEN,
        coverage=ALL_COVERAGE,
        recordings=TABLE,
    output:
        parquet=places.RECORDING_SCORES,
        csv=report(
            places.RECORDING_SCORES_CSV,
            caption="../report/recordings.rst",
            category="Scores",
            labels={"table": "every recording, the worst first", "format": "CSV"},
        ),
    log:
        log_of("recording_scores"),
    benchmark:
        benchmark_of("recording_scores")
    conda:
        "../../envs/learning.yaml"
    resources:
        mem_mb=growing(500, 4),
    params:
        code=code_digest("recording_scores"),
        corpus=relevant(
            [r for r in RATED if r.partition != "train"],
            ["recording", "batch", "partition", "subject"],
        ),
        dataset=folder_of("dataset"),
        ratings=folder_of("ratings"),
        experiment=EXPERIMENT,
        results=results_by("scores", places.SCORES),
        lags=flag_of("--rater-lags", "lags"),
        screen=flag_of("--rater-screen", "screen"),
    shell:
        "python -m softaer.recording_scores"
        " --recordings {input.recordings:q}"
        " --dataset {params.dataset:q}"
        " --ratings {params.ratings:q}"
        " --results {params.results:q}"
        " {params.experiment}"
        " --coverage {input.coverage}"
        " {params.lags}"
        " {params.screen}"
        " --scores {input.scores}"
        " --output {output.parquet}"
        " --csv-output {output.csv}"
        " > {log} 2>&1"


rule group_scores:
    input:
        predictions=ALL_SYSTEMS,
        scores=places.SCORES,
        dataset=targets_of_corpus,
        weights=rated_batches(places.RATER_WEIGHTS),
        coverage=ALL_COVERAGE,
        recordings=TABLE,
    output:
        parquet=places.GROUP_SCORES,
        csv=report(
            places.GROUP_SCORES_CSV,
            caption="../report/groups.rst",
            category="Scores",
            labels={"table": "groups of recordings", "format": "CSV"},
        ),
    log:
        log_of("group_scores"),
    benchmark:
        benchmark_of("group_scores")
    conda:
        "../../envs/learning.yaml"
    resources:
        mem_mb=growing(500, 3),
    params:
        code=code_digest("group_scores"),
        corpus=lambda wildcards: relevant(
            rated_in("test"), ["recording", "batch", "partition", "subject"]
        ),
        values=lambda wildcards: [CORPUS.grouped[r.recording] for r in rated_in("test")],
        dataset=folder_of("dataset"),
        weights=folder_of("weights"),
        experiment=EXPERIMENT,
        results=results_by("scores", places.SCORES),
        groups=config["evaluation"]["groups"],
        evaluation=EVALUATION,
    shell:
        "python -m softaer.group_scores"
        " --recordings {input.recordings:q}"
        " --dataset {params.dataset:q}"
        " --rater-weights {params.weights:q}"
        " --results {params.results:q}"
        " {params.experiment}"
        " --coverage {input.coverage}"
        " --scores {input.scores}"
        " --groups {params.groups:q}"
        " {params.evaluation}"
        " --output {output.parquet}"
        " --csv-output {output.csv}"
        " > {log} 2>&1"


rule contributions:
    input:
        predictions=collect(places.PREDICTION, **ALL_MODELS | {"modality": CONTRIBUTING}),
        scores=places.SCORES,
        dataset=targets_of_corpus,
        weights=rated_batches(places.RATER_WEIGHTS),
        coverage=ALL_COVERAGE,
        recordings=TABLE,
    output:
        places.CONTRIBUTIONS,
    log:
        log_of("contributions"),
    benchmark:
        benchmark_of("contributions")
    conda:
        "../../envs/learning.yaml"
    resources:
        mem_mb=growing(500, 3),
    params:
        code=code_digest("contributions"),
        corpus=lambda wildcards: relevant(
            RATED, ["recording", "batch", "partition", "subject", "group"]
        ),
        dataset=folder_of("dataset"),
        weights=folder_of("weights"),
        experiment=EXPERIMENT,
        results=results_by("scores", places.SCORES),
        search=options(config["postprocessing"]),
    shell:
        "python -m softaer.contributions"
        " --recordings {input.recordings:q}"
        " --dataset {params.dataset:q}"
        " --rater-weights {params.weights:q}"
        " --results {params.results:q}"
        " {params.experiment}"
        " {params.search}"
        " --coverage {input.coverage}"
        " --output {output}"
        " > {log} 2>&1"


rule evaluate:
    input:
        predictions=ALL_SYSTEMS,
        dataset=targets_of_corpus,
        weights=rated_batches(places.RATER_WEIGHTS),
        coverage=ALL_COVERAGE,
        recordings=TABLE,
    output:
        intervals=places.INTERVALS,
        claims=places.CLAIMS,
        hypotheses=places.HYPOTHESES,
        power=places.POWER,
    log:
        log_of("evaluate"),
    benchmark:
        benchmark_of("evaluate")
    conda:
        "../../envs/learning.yaml"
    resources:
        mem_mb=growing(500, 4),
    params:
        code=code_digest("evaluate"),
        corpus=lambda wildcards: relevant(RATED, ["recording", "batch", "partition", "subject"]),
        dataset=folder_of("dataset"),
        weights=folder_of("weights"),
        experiment=EXPERIMENT,
        results=results_by("predictions", places.POSTPROCESSED),
        evaluation=EVALUATION,
    shell:
        "python -m softaer.evaluate"
        " --recordings {input.recordings:q}"
        " --dataset {params.dataset:q}"
        " --rater-weights {params.weights:q}"
        " --results {params.results:q}"
        " {params.experiment}"
        " --coverage {input.coverage}"
        " {params.evaluation}"
        " --intervals-output {output.intervals}"
        " --claims-output {output.claims}"
        " --hypotheses-output {output.hypotheses}"
        " --power-output {output.power}"
        " > {log} 2>&1"


rule predictive:
    input:
        predictions=lambda wildcards: systems(
            dimension=wildcards.dimension,
            task=wildcards.task,
            seed=BASELINE_SEED if wildcards.task in BASELINES else SEEDS,
        ),
        dataset=targets_of_corpus,
        ratings=rated_batches(TRACES),
        delays=DELAY_TABLE,
        lags=LAGS,
        screen=SCREEN,
        coverage=ALL_COVERAGE,
        recordings=TABLE,
    output:
        frames=places.PREDICTIVE,
        fit=places.PREDICTIVE_FIT,
    log:
        log_of("predictive/{dimension}/{task}"),
    benchmark:
        benchmark_of("predictive/{dimension}/{task}")
    conda:
        "../../envs/learning.yaml"
    resources:
        mem_mb=growing(500, 10),
    params:
        code=code_digest("predictive"),
        corpus=lambda wildcards: relevant(
            rated_in("dev"), ["recording", "batch", "partition", "subject"]
        ),
        dataset=folder_of("dataset"),
        experiment=EXPERIMENT,
        results=results_by("predictions", places.POSTPROCESSED),
        ratings=folder_of("ratings"),
        delay=delay_of("delays"),
        lags=flag_of("--rater-lags", "lags"),
        screen=flag_of("--rater-screen", "screen"),
        evaluation=options({"resample": config["evaluation"]["resample"]}),
    shell:
        "python -m softaer.predictive"
        " --recordings {input.recordings:q}"
        " --dataset {params.dataset:q}"
        " --ratings {params.ratings:q}"
        " --results {params.results:q}"
        " {params.experiment}"
        " --dimension {wildcards.dimension}"
        " --task {wildcards.task}"
        " --coverage {input.coverage}"
        " {params.delay}"
        " {params.lags}"
        " {params.screen}"
        " {params.evaluation}"
        " --output {output.frames}"
        " --fit-output {output.fit}"
        " > {log} 2>&1"


rule uncertainty:
    input:
        predictive=collect(
            [places.PREDICTIVE, places.PREDICTIVE_FIT],
            dimension=DIMENSIONS,
            task=[*TASKS, *BASELINES],
        ),
        dataset=targets_of_corpus,
        ratings=rated_batches(TRACES),
        delays=DELAY_TABLE,
        weights=CORPUS_WEIGHTS,
        lags=LAGS,
        screen=SCREEN,
        coverage=ALL_COVERAGE,
        recordings=TABLE,
    output:
        curves=places.UNCERTAINTY,
        distribution=places.DISTRIBUTION,
        csv=report(
            places.DISTRIBUTION_CSV,
            caption="../report/distribution.rst",
            category="Scores",
            labels={"table": "single ratings", "format": "CSV"},
        ),
        covered=places.COVERED,
    log:
        log_of("uncertainty"),
    benchmark:
        benchmark_of("uncertainty")
    conda:
        "../../envs/learning.yaml"
    resources:
        mem_mb=growing(500, 10),
    params:
        code=code_digest("uncertainty"),
        corpus=relevant(RATED, ["recording", "batch", "partition", "subject"]),
        dataset=folder_of("dataset"),
        experiment=EXPERIMENT,
        results=results_by("predictive", places.PREDICTIVE),
        ratings=folder_of("ratings"),
        delay=delay_of("delays"),
        estimator=ESTIMATOR,
        weights=flag_of("--corpus-weights", "weights"),
        lags=flag_of("--rater-lags", "lags"),
        screen=flag_of("--rater-screen", "screen"),
        evaluation=EVALUATION,
        groups=flag("--groups", config["evaluation"]["groups"] or None),
        values=lambda wildcards: [CORPUS.grouped[r.recording] for r in rated_in("test")],
    shell:
        "python -m softaer.uncertainty"
        " --recordings {input.recordings:q}"
        " --dataset {params.dataset:q}"
        " --ratings {params.ratings:q}"
        " --results {params.results:q}"
        " {params.experiment}"
        " --coverage {input.coverage}"
        " {params.delay}"
        " {params.estimator}"
        " {params.weights}"
        " {params.screen}"
        " {params.lags}"
        " {params.evaluation}"
        " {params.groups:q}"
        " --output {output.curves}"
        " --distribution-output {output.distribution}"
        " --csv-output {output.csv}"
        " --covered-output {output.covered}"
        " > {log} 2>&1"
