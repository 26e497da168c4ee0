"""Labels: from the raters' traces to E and sigma.

In: the annotation files of recordings.csv. Out: results/ratings (traces on the grid), results/rater_traces if
they are scaled or smoothed, results/labels and results/rater_weights, per batch; the agreement of the raters and the reliability of the labels
(results/agreement), and the score of one more rater against the others. Notes are in results/status/ratings and results/status/labels.
"""

from softaer.core.experiment import OVER_CORPUS, holds_some, is_own_file

# If values hold to the end of a recording, its length must be known.
HELD = holds_some(config["ratings"]["interpolation"])
OWN_READER = config["ratings"]["format"] if is_own_file(config["ratings"]["format"]) else None
STATISTICS = [places.RATER_STATISTICS] if config["labels"]["scale"] in OVER_CORPUS else []
# The model of the panel also needs to know who is left out, and the lags.
CALIBRATED = config["labels"]["scale"] == "panel"


rule recording_lengths:
    input:
        INPUTS.measured,
    output:
        places.LENGTHS,
    log:
        log_of("recording_lengths/{batch}"),
    benchmark:
        benchmark_of("recording_lengths/{batch}")
    conda:
        "../../envs/extraction.yaml"
    resources:
        mem_mb=growing(500),
    params:
        code=code_digest("recording_lengths"),
        software=pins("av"),
        corpus=lambda wildcards: relevant(
            CORPUS.rated_of(wildcards.batch), ["recording", "audio", "video"]
        ),
        audio=INPUTS.measured_flags(lambda r: r.audio),
        video=INPUTS.measured_flags(lambda r: r.video),
    shell:
        "python -m softaer.recording_lengths"
        " {params.audio}"
        " {params.video}"
        " --output {output}"
        " > {log} 2>&1"


rule ratings:
    input:
        annotations=INPUTS.annotations,
        lengths=[places.LENGTHS] if HELD else [],
        reader=as_it_lies(OWN_READER) if OWN_READER else [],
    output:
        ratings=places.RATINGS,
        notes=filled_in(places.STATUS, stage="ratings"),
    log:
        log_of("ratings/{batch}"),
    benchmark:
        benchmark_of("ratings/{batch}")
    conda:
        "../../envs/learning.yaml"
    resources:
        mem_mb=growing(500, 30),
        # It affects only errors, not values: existing results stay valid.
        scales=config["ratings"]["scales"],
    params:
        code=code_digest("ratings"),
        layout_code=code_digest(f"layouts.{config['corpus']['layout']}"),
        layout=config["corpus"]["layout"],
        corpus=lambda wildcards: relevant(
            CORPUS.rated_of(wildcards.batch), ["recording", "annotations"]
        ),
        recordings=INPUTS.annotation_flags(),
        dimensions=DIMENSIONS,
        # Functions, because braces in a text are wildcards.
        interpolation=lambda wildcards: shlex.quote(
            json_or_word(config["ratings"]["interpolation"])
        ),
        max_gap=config["ratings"]["max_gap"],
        last_holds=flag("--last-holds", config["ratings"]["last_holds"] if HELD else None),
        range=flag("--range", config["ratings"]["range"]),
        missing=[f"--missing={value}" for value in config["ratings"]["missing"]],
        raters=shlex.join(f"--raters={name}" for name in config["ratings"]["raters"] or []),
        lengths=flag_of("--lengths", "lengths"),
        reading=lambda wildcards: reading_flags(config["ratings"]),
        readers=other_readers(config["ratings"]["format"]),
    shell:
        "python -m softaer.ratings"
        " {params.recordings}"
        " --layout {params.layout}"
        " --dimensions {params.dimensions}"
        " --interpolation {params.interpolation}"
        " --max-gap {params.max_gap}"
        " {params.lengths}"
        " {params.last_holds}"
        " {params.range}"
        " {params.missing}"
        " {params.raters}"
        " {params.reading}"
        " --scales {resources.scales}"
        " --output {output.ratings}"
        " --notes-output {output.notes}"
        " > {log} 2>&1"


rule rating_scales:
    input:
        ratings=rated_batches(places.RATINGS),
        recordings=TABLE,
    output:
        places.RATING_SCALES,
    log:
        log_of("rating_scales"),
    benchmark:
        benchmark_of("rating_scales")
    # It changes no labels and is not one of their inputs: it runs first and may stop the run.
    priority: 100
    conda:
        "../../envs/learning.yaml"
    resources:
        mem_mb=growing(500, 80),
    params:
        code=code_digest("rating_scales"),
        corpus=relevant(RATED, ["recording", "batch"]),
        scales=config["ratings"]["scales"],
        ratings=folder_of("ratings"),
    shell:
        "python -m softaer.rating_scales"
        " --recordings {input.recordings:q}"
        " --ratings {params.ratings:q}"
        " --scales {params.scales}"
        " --output {output}"
        " > {log} 2>&1"


rule rater_screen:
    input:
        ratings=rated_batches(places.RATINGS),
        recordings=TABLE,
    output:
        places.RATER_SCREEN,
    log:
        log_of("rater_screen"),
    benchmark:
        benchmark_of("rater_screen")
    conda:
        "../../envs/learning.yaml"
    resources:
        mem_mb=growing(500, 80),
    params:
        code=code_digest("rater_screen"),
        corpus=relevant(RATED, ["recording", "batch"]),
        ratings=folder_of("ratings"),
        screen=flag("--screen", config["labels"]["screen"]),
        flat=config["labels"]["flat_below"],
        unrelated=config["labels"]["unrelated_below"],
        max_lag=config["labels"]["max_lag"],
    shell:
        "python -m softaer.rater_screen"
        " --recordings {input.recordings:q}"
        " --ratings {params.ratings:q}"
        " {params.screen}"
        " --flat-below {params.flat}"
        " --unrelated-below {params.unrelated}"
        " --max-lag {params.max_lag}"
        " --output {output}"
        " > {log} 2>&1"


rule rater_statistics:
    input:
        ratings=rated_batches(places.RATINGS),
        screen=SCREEN if CALIBRATED else [],
        recordings=TABLE,
    output:
        places.RATER_STATISTICS,
    log:
        log_of("rater_statistics"),
    benchmark:
        benchmark_of("rater_statistics")
    conda:
        "../../envs/learning.yaml"
    resources:
        mem_mb=growing(500, 80),
    params:
        code=code_digest("rater_statistics"),
        corpus=relevant(RATED, ["recording", "batch"]),
        ratings=folder_of("ratings"),
        scale=["--scale", "panel", "--max-lag", config["labels"]["max_lag"]] if CALIBRATED else [],
        screen=flag_of("--rater-screen", "screen"),
    shell:
        "python -m softaer.rater_statistics"
        " --recordings {input.recordings:q}"
        " --ratings {params.ratings:q}"
        " {params.scale}"
        " {params.screen}"
        " --output {output}"
        " > {log} 2>&1"


rule rater_traces:
    input:
        ratings=places.RATINGS,
        statistics=STATISTICS,
    output:
        places.RATER_TRACES,
    log:
        log_of("rater_traces/{batch}"),
    benchmark:
        benchmark_of("rater_traces/{batch}")
    conda:
        "../../envs/learning.yaml"
    resources:
        mem_mb=growing(500, 50),
    params:
        code=code_digest("rater_traces"),
        steps=PREPARED,
        statistics=flag_of("--statistics", "statistics"),
    shell:
        "python -m softaer.rater_traces"
        " --ratings {input.ratings}"
        " {params.steps}"
        " {params.statistics}"
        " --output {output}"
        " > {log} 2>&1"


rule rater_lags:
    input:
        ratings=rated_batches(TRACES),
        screen=SCREEN,
        recordings=TABLE,
    output:
        places.RATER_LAGS,
    log:
        log_of("rater_lags"),
    benchmark:
        benchmark_of("rater_lags")
    conda:
        "../../envs/learning.yaml"
    resources:
        mem_mb=growing(500, 80),
    params:
        code=code_digest("rater_lags"),
        corpus=relevant(RATED, ["recording", "batch"]),
        max_lag=config["labels"]["max_lag"],
        ratings=folder_of("ratings"),
        screen=flag_of("--rater-screen", "screen"),
    shell:
        "python -m softaer.rater_lags"
        " --recordings {input.recordings:q}"
        " --ratings {params.ratings:q}"
        " {params.screen}"
        " --max-lag {params.max_lag}"
        " --output {output}"
        " > {log} 2>&1"


rule rater_weights:
    input:
        ratings=rated_batches(TRACES),
        lags=LAGS,
        screen=SCREEN,
        recordings=TABLE,
    output:
        places.CORPUS_WEIGHTS,
    log:
        log_of("rater_weights"),
    benchmark:
        benchmark_of("rater_weights")
    conda:
        "../../envs/learning.yaml"
    resources:
        mem_mb=growing(500, 80),
    params:
        code=code_digest("rater_weights"),
        corpus=relevant(RATED, ["recording", "batch"]),
        weighting=label_flags(config["labels"], WEIGHTING),
        ratings=folder_of("ratings"),
        lags=flag_of("--rater-lags", "lags"),
        screen=flag_of("--rater-screen", "screen"),
    shell:
        "python -m softaer.rater_weights"
        " --recordings {input.recordings:q}"
        " --ratings {params.ratings:q}"
        " {params.weighting}"
        " {params.screen}"
        " {params.lags}"
        " --output {output}"
        " > {log} 2>&1"


rule labels_batch:
    input:
        ratings=TRACES,
        weights=CORPUS_WEIGHTS,
        lags=LAGS,
        screen=SCREEN,
    output:
        labels=places.LABELS,
        weights=places.RATER_WEIGHTS,
        notes=filled_in(places.STATUS, stage="labels"),
    log:
        log_of("labels/{batch}"),
    benchmark:
        benchmark_of("labels/{batch}")
    conda:
        "../../envs/learning.yaml"
    resources:
        mem_mb=growing(500, 50),
    params:
        code=code_digest("labels"),
        estimator=ESTIMATOR,
        weights=flag_of("--corpus-weights", "weights"),
        lags=flag_of("--rater-lags", "lags"),
        screen=flag_of("--rater-screen", "screen"),
    shell:
        "python -m softaer.labels"
        " --ratings {input.ratings}"
        " {params.estimator}"
        " {params.weights}"
        " {params.screen}"
        " {params.lags}"
        " --output {output.labels}"
        " --weights-output {output.weights}"
        " --notes-output {output.notes}"
        " > {log} 2>&1"


rule agreement:
    input:
        ratings=rated_batches(TRACES),
        weights=rated_batches(places.RATER_WEIGHTS),
        lags=LAGS,
        screen=SCREEN,
        recordings=TABLE,
    output:
        pairs=filled_in(places.AGREEMENT, part="pairs"),
        raters=filled_in(places.AGREEMENT, part="raters"),
        dimensions=filled_in(places.AGREEMENT, part="dimensions"),
        reliability=filled_in(places.AGREEMENT, part="reliability"),
        curve=filled_in(places.AGREEMENT, part="curve"),
    log:
        log_of("agreement"),
    benchmark:
        benchmark_of("agreement")
    conda:
        "../../envs/learning.yaml"
    resources:
        mem_mb=growing(500, 80),
    params:
        code=code_digest("agreement"),
        corpus=relevant(RATED, ["recording", "batch", "subject"]),
        ratings=folder_of("ratings"),
        weights=folder_of("weights"),
        lags=flag_of("--rater-lags", "lags"),
        screen=flag_of("--rater-screen", "screen"),
        evaluation=EVALUATION,
    shell:
        "python -m softaer.agreement"
        " --recordings {input.recordings:q}"
        " --ratings {params.ratings:q}"
        " --weights {params.weights:q}"
        " {params.screen}"
        " {params.lags}"
        " {params.evaluation}"
        " --pairs-output {output.pairs}"
        " --raters-output {output.raters}"
        " --dimensions-output {output.dimensions}"
        " --reliability-output {output.reliability}"
        " --curve-output {output.curve}"
        " > {log} 2>&1"


rule raters:
    input:
        ratings=rated_batches(places.RATINGS),
        weights=rated_batches(places.RATER_WEIGHTS),
        screen=places.RATER_SCREEN,
        lags=LAGS,
        recordings=TABLE,
    output:
        raters=places.RATERS,
        recordings=places.RATER_RECORDINGS,
    log:
        log_of("raters"),
    benchmark:
        benchmark_of("raters")
    conda:
        "../../envs/learning.yaml"
    resources:
        mem_mb=growing(500, 80),
    params:
        code=code_digest("raters"),
        corpus=relevant(RATED, ["recording", "batch", "subject"]),
        ratings=folder_of("ratings"),
        weights=folder_of("weights"),
        lags=flag_of("--rater-lags", "lags"),
        max_lag=config["labels"]["max_lag"],
        evaluation=EVALUATION,
    shell:
        "python -m softaer.raters"
        " --recordings {input.recordings:q}"
        " --ratings {params.ratings:q}"
        " --weights {params.weights:q}"
        " --screen {input.screen}"
        " {params.lags}"
        " --max-lag {params.max_lag}"
        " {params.evaluation}"
        " --output {output.raters}"
        " --recordings-output {output.recordings}"
        " > {log} 2>&1"


rule ceiling:
    input:
        ratings=rated_batches(TRACES),
        dataset=targets_of_corpus,
        coverage=ALL_COVERAGE,
        delays=DELAY_TABLE,
        weights=CORPUS_WEIGHTS,
        lags=LAGS,
        screen=SCREEN,
        check=CHECK,
        recordings=TABLE,
    output:
        places.CEILING,
    log:
        log_of("ceiling"),
    benchmark:
        benchmark_of("ceiling")
    conda:
        "../../envs/learning.yaml"
    resources:
        mem_mb=growing(500, 15),
    params:
        code=code_digest("ceiling"),
        corpus=relevant(RATED, ["recording", "batch", "partition"]),
        estimator=ESTIMATOR,
        ratings=folder_of("ratings"),
        dataset=folder_of("dataset"),
        delay=delay_of("delays"),
        weights=flag_of("--corpus-weights", "weights"),
        lags=flag_of("--rater-lags", "lags"),
        screen=flag_of("--rater-screen", "screen"),
        check=flag_of("--check", "check"),
    shell:
        "python -m softaer.ceiling"
        " --recordings {input.recordings:q}"
        " --ratings {params.ratings:q}"
        " --dataset {params.dataset:q}"
        " --coverage {input.coverage}"
        " {params.delay}"
        " {params.estimator}"
        " {params.weights}"
        " {params.screen}"
        " {params.lags}"
        " {params.check}"
        " --output {output}"
        " > {log} 2>&1"
