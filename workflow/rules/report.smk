"""The report: one page with everything that a reader needs to judge the scores.

In: scores, predictions, learning curves and the data set. Out: results/report.html.
"""

import json

from softaer.core.home import PAGE

# Stages that write notes on unusual inputs to results/status.
NOTING = [
    *ALL_READERS,
    *(f"{name}_features" for name in MODALITIES if MODALITY[name].source.last == "audio_features"),
    *("ratings", "labels"),
]
GROUPS = [places.GROUP_SCORES] if config["evaluation"]["groups"] else []
SEEN = [name for name in MODALITIES if MODALITY[name].source.column == "video"]
PICTURES = bool(SEEN) and configuration.shows_frames(config, CORPUS.simulated)


rule summarise:
    input:
        ratings=rated_batches(places.RATINGS),
        coverage=ALL_COVERAGE,
        recordings=TABLE,
    output:
        places.SUMMARY,
    log:
        log_of("summarise"),
    benchmark:
        benchmark_of("summarise")
    localrule: True
    conda:
        "../../envs/learning.yaml"
    resources:
        mem_mb=growing(500, 5),
    params:
        code=code_digest("summarise"),
        corpus=lambda wildcards: relevant(RATED, ["recording", "batch", "partition", "subject"]),
        ratings=folder_of("ratings"),
    shell:
        "python -m softaer.summarise"
        " --recordings {input.recordings:q}"
        " --ratings {params.ratings:q}"
        " --coverage {input.coverage}"
        " --output {output}"
        " > {log} 2>&1"


rule simulate_check:
    input:
        labels=rated_batches(places.LABELS),
        truth=collect(
            places.TRUTH,
            recording=[r.recording for r in RATED],
        ),
        delays=DELAY_TABLE,
        recordings=TABLE,
    output:
        places.SIMULATE_CHECK,
    log:
        log_of("simulate_check"),
    benchmark:
        benchmark_of("simulate_check")
    conda:
        "../../envs/learning.yaml"
    resources:
        mem_mb=growing(600),
    params:
        code=code_digest("simulate.check"),
        corpus=relevant(RATED, ["recording", "partition"]),
        delay=delay_of("delays"),
    shell:
        "python -m softaer.simulate.check"
        " --recordings {input.recordings:q}"
        " --labels {input.labels}"
        " --truth {input.truth}"
        " {params.delay}"
        " --output {output}"
        " > {log} 2>&1"


rule frame_pairs:
    input:
        dataset=rated_batches(filled_in(places.DATASET, modality=(SEEN or MODALITIES)[-1])),
        media=INPUTS.shown if PICTURES else [],
        recordings=TABLE,
    output:
        places.FRAME_PAIRS,
    log:
        log_of("frame_pairs"),
    benchmark:
        benchmark_of("frame_pairs")
    conda:
        "../../envs/extraction.yaml"
    resources:
        mem_mb=growing(600, 2),
        reading=READING_LIMITS,
    params:
        code=code_digest("frame_pairs"),
        corpus=relevant(RATED, ["recording", "batch", "video_stream"]),
        dataset=folder_of("dataset"),
        dimensions=DIMENSIONS,
        pictures="--pictures" if PICTURES else "--no-pictures",
    shell:
        "python -m softaer.frame_pairs"
        " --recordings {input.recordings:q}"
        " --dataset {params.dataset:q}"
        " --dimensions {params.dimensions}"
        " {params.pictures}"
        " {resources.reading}"
        " --output {output}"
        " > {log} 2>&1"


rule thumbnails:
    input:
        dataset=filled_in(places.DATASET, modality=(SEEN or MODALITIES)[-1]),
        media=INPUTS.shown,
        recordings=TABLE,
    output:
        places.THUMBNAILS,
    log:
        log_of("thumbnails/{batch}"),
    benchmark:
        benchmark_of("thumbnails/{batch}")
    conda:
        "../../envs/extraction.yaml"
    resources:
        mem_mb=growing(600),
        reading=READING_LIMITS,
    params:
        code=code_digest("thumbnails"),
        software=pins("av"),
        corpus=relevant_in_batch(["recording", "partition", "video_stream"]),
    shell:
        "python -m softaer.thumbnails"
        " --recordings {input.recordings:q}"
        " --batch {wildcards.batch}"
        " --dataset {input.dataset}"
        " {resources.reading}"
        " --output {output}"
        " > {log} 2>&1"


rule report:
    input:
        recordings=TABLE,
        scores=places.SCORES,
        csv=places.SCORES_CSV,
        each=places.RECORDING_SCORES,
        intervals=places.INTERVALS,
        claims=places.CLAIMS,
        hypotheses=places.HYPOTHESES,
        power=places.POWER,
        ceiling=places.CEILING,
        uncertainty=places.UNCERTAINTY,
        distribution=places.DISTRIBUTION,
        covered=places.COVERED,
        summary=places.SUMMARY,
        ratings=rated_batches(TRACES),
        agreement=collect(places.AGREEMENT, part=["pairs", "raters", "dimensions", "reliability"]),
        raters=places.RATERS,
        pairs=places.FRAME_PAIRS,
        thumbnails=(
            rated_batches(places.THUMBNAILS)
            if PICTURES and "traces" not in config["report"]["without"]
            else []
        ),
        figures=collect(places.FIGURE, figure=FIGURES, kind="svg"),
        published=CORPUS.where([published.own_table(PUBLISHED)]),
        coverage=ALL_COVERAGE,
        scales=places.RATING_SCALES,
        noted=lambda wildcards: [
            path
            for stage in NOTING
            for path in rated_batches(filled_in(places.STATUS, stage=stage))(wildcards)
        ],
        check=CHECK,
        delays=DELAY_TABLE,
        lags=LAGS,
        screen=SCREEN,
        dataset=targets_of_corpus,
        curves=NETWORKS.files(places.CURVE, NETWORKS.all),
        selections=NETWORKS.selections(NETWORKS.all),
        weights=NETWORKS.files(places.WEIGHTS, NETWORKS.all, SEEDS[:1]),
        descriptions=(
            NETWORKS.files(places.DESCRIPTION, NETWORKS.all)
            if tried(config, "training.precision") == ["bfloat16"]
            else []
        ),
        latex=places.SCORES_LATEX,
        predictions=ALL_SYSTEMS,
        ridge=collect(places.RIDGE, **ALL_BASELINES),
        steps=[collect(places.STEPS, **some) for some in (ALL_MODELS, ALL_BASELINES)],
        coefficients=ALL_COEFFICIENTS,
        contributions=CONTRIBUTIONS,
        groups=GROUPS,
    output:
        report(
            places.REPORT,
            caption="../report/report.rst",
            category="Report",
            labels={"page": "everything on one page", "format": "HTML"},
        ),
    log:
        log_of("report"),
    benchmark:
        benchmark_of("report")
    localrule: True
    conda:
        "../../envs/learning.yaml"
    resources:
        mem_mb=growing(800, 4),
    params:
        code=code_digest("report"),
        template=[file_digest(path) for path in PAGE],
        others=(
            file_digest(published.shipped_table(PUBLISHED))
            if PUBLISHED in published.SHIPPED
            else None
        ),
        corpus=relevant(RATED, ["recording", "batch", "partition"]),
        experiment=EXPERIMENT,
        simulated="--simulated" if CORPUS.simulated else "--no-simulated",
        dataset=folder_of("dataset"),
        results=results_by("scores", places.SCORES),
        ratings=folder_of("ratings"),
        delay=delay_of("delays"),
        rater_lags=flag_of("--rater-lags", "lags"),
        screen=flag_of("--rater-screen", "screen"),
        contributions=flag_of("--contributions", "contributions"),
        thumbnails=flag_of("--thumbnails", "thumbnails"),
        groups=flag_of("--groups", "groups"),
        noting=flag("--noting", NOTING),
        published=(
            flag("--published", PUBLISHED)
            if PUBLISHED in published.SHIPPED
            else flag_of("--published", "published")
        ),
        release=flag("--release", published.release(LAYOUT) if PUBLISHED else None),
        name=flag("--name", paths.experiment_name(snakemake_private.configurations(workflow)[0])),
        config=lambda wildcards: json.dumps(config),
    shell:
        "python -m softaer.report"
        " --results {params.results:q}"
        ' --benchmarks "$(dirname {log:q})/../benchmarks"'
        " --recordings {input.recordings:q}"
        " --dataset {params.dataset:q}"
        " {params.experiment}"
        " --coverage {input.coverage}"
        " --ratings {params.ratings:q}"
        " {params.delay}"
        " {params.screen}"
        " {params.rater_lags}"
        " {params.contributions}"
        " {params.thumbnails}"
        " {params.groups}"
        " {params.noting}"
        " {params.published:q}"
        " {params.release:q}"
        " {params.simulated}"
        " {params.name:q}"
        " --config {params.config:q}"
        " --output {output}"
        " > {log} 2>&1"
