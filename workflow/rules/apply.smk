"""Prediction of recordings without ratings, by the trained model.

In: features, and results/packed_model or the packed model of another run. Out: results/apply, with E and
sigma as one table per batch and, in a folder of that name, as CSV and a plot per recording; if requested,
results/apply_video, the recordings with the traces below the picture. The same for rated recordings, with
label and raters, in results/inspect.
"""

import json

from softaer.core.home import PREDICTIONS_PAGE
from softaer.modalities import evidence_of

APPLIED_TASK = config["apply"]["task"] or TASKS[-1]
APPLIED_NETWORKS = NETWORKS.of_tasks([APPLIED_TASK])
EXTRACTION = json.dumps({name: MODALITY[name].extraction for name in MODALITIES})

PACKED_FILES = [f"{PACKED_MODEL}/{name}" for name in places.PACKED_FILES]
if config["apply"]["model"]:
    PACKED_FILES = CORPUS.where(PACKED_FILES)

EVIDENCE = {
    kind: filled_in(places.EVIDENCE[kind], modality=modality.name)
    for kind, modality in evidence_of(MODALITY[name] for name in MODALITIES).items()
}


rule packed_model:
    input:
        recordings=TABLE,
        selections=NETWORKS.selections(APPLIED_NETWORKS),
        networks=[
            *NETWORKS.files(places.WEIGHTS, APPLIED_NETWORKS),
            *NETWORKS.files(places.DESCRIPTION, APPLIED_NETWORKS),
        ],
        standardisations=collect(places.STANDARDISATION, modality=MODALITIES),
        steps=collect(
            places.STEPS, dimension=DIMENSIONS, modality=MODALITIES, task=APPLIED_TASK, seed=SEEDS
        ),
        coefficients=coefficients_of(dimension=DIMENSIONS, task=APPLIED_TASK, seed=SEEDS),
        delays=DELAY_TABLE,
        distributions=collect(places.PREDICTIVE_FIT, dimension=DIMENSIONS, task=APPLIED_TASK),
    output:
        description=f"{places.PACKED_MODEL}/model.json",
        weights=f"{places.PACKED_MODEL}/weights.safetensors",
    log:
        log_of("packed_model"),
    benchmark:
        benchmark_of("packed_model")
    localrule: True
    conda:
        "../../envs/learning.yaml"
    resources:
        mem_mb=growing(800, 4),
    params:
        code=code_digest("packed_model"),
        software=pins("av", "opensmile", "mediapipe", "torch"),
        corpus=relevant(RATED, ["recording", "partition"]),
        experiment=[*LEARNT, "--tasks", APPLIED_TASK, "--fusion", config["fusion"]["method"]],
        results=results_by("selections", places.SELECTION),
        delay=delay_of("delays"),
        extraction=lambda wildcards: EXTRACTION,
    shell:
        "python -m softaer.packed_model"
        " --results {params.results:q}"
        " --recordings {input.recordings:q}"
        " {params.experiment}"
        " {params.delay}"
        " --extraction {params.extraction:q}"
        " --software {params.software}"
        " --output {output.description}"
        " --weights-output {output.weights}"
        " > {log} 2>&1"


rule apply_batch:
    input:
        features=lambda wildcards: collect(
            places.FEATURES, modality=MODALITIES, batch=wildcards.batch
        ),
        evidence=list(EVIDENCE.values()),
        model=PACKED_FILES,
    output:
        predictions=places.APPLIED,
        folder=directory(places.APPLIED_FOLDER),
    log:
        log_of("apply/{batch}"),
    benchmark:
        benchmark_of("apply/{batch}")
    conda:
        "../../envs/learning.yaml"
    resources:
        mem_mb=growing(1200, 8),
    params:
        code=code_digest("apply"),
        own=OWN_NETWORKS,
        network_file=NETWORK_FILE,
        software=pins("torch"),
        model=folder_of("model"),
        names=lambda wildcards: [r.recording for r in applied_of(wildcards.batch)],
        features=lambda wildcards, input: per_modality("--features", MODALITIES, input.features),
        evidence=lambda wildcards, input: per_modality("--evidence", list(EVIDENCE), input.evidence),
        extraction=lambda wildcards: EXTRACTION,
    shell:
        "python -m softaer.apply"
        " --model {params.model:q}"
        " {params.network_file:q}"
        " --recording-names {params.names}"
        " {params.features}"
        " {params.evidence}"
        " --extraction {params.extraction:q}"
        " --output {output.predictions}"
        " --folder-output {output.folder}"
        " > {log} 2>&1"


rule apply_page:
    input:
        predictions=lambda wildcards: applied_tables(),
    output:
        places.APPLIED_PAGE,
    log:
        log_of("apply_page"),
    benchmark:
        benchmark_of("apply_page")
    localrule: True
    conda:
        "../../envs/learning.yaml"
    resources:
        mem_mb=growing(600, 20),
    params:
        code=code_digest("apply_page"),
        page=[file_digest(path) for path in PREDICTIONS_PAGE],
        names=lambda wildcards: [r.recording for r in told(CORPUS.require_applied)()],
        modalities=MODALITIES,
    shell:
        "python -m softaer.apply_page"
        " --predictions {input.predictions}"
        " --recording-names {params.names}"
        " --modalities {params.modalities}"
        " --output {output}"
        " > {log} 2>&1"


rule apply_video:
    input:
        predictions=lambda wildcards: filled_in(
            places.APPLIED, batch=applied_named(wildcards.recording).batch
        ),
        video=lambda wildcards: CORPUS.where([applied_named(wildcards.recording).video], True),
        audio=lambda wildcards: CORPUS.where([applied_named(wildcards.recording).audio], True),
    output:
        places.APPLIED_VIDEO,
    log:
        log_of("apply_video/{recording}"),
    benchmark:
        benchmark_of("apply_video/{recording}")
    conda:
        "../../envs/extraction.yaml"
    resources:
        mem_mb=growing(1000),
        runtime=growing(20, 0.3),
    params:
        code=code_digest("apply_video"),
        audio=flag_of("--audio", "audio"),
        choices=lambda wildcards: [
            word
            for column in ("audio_stream", "video_stream", "channel")
            for word in flag(
                f"--{column.replace('_', '-')}",
                getattr(applied_named(wildcards.recording), column),
            )
        ],
    shell:
        "python -m softaer.apply_video"
        " --predictions {input.predictions}"
        " --recording-name {wildcards.recording}"
        " --video {input.video:q}"
        " {params.audio:q}"
        " {params.choices}"
        " --output {output}"
        " > {log} 2>&1"


rule inspect_video:
    input:
        predictions=ALL_SYSTEMS,
        each=places.RECORDING_SCORES,
        dataset=targets_of_corpus,
        ratings=rated_batches(TRACES),
        delays=DELAY_TABLE,
        lags=LAGS,
        screen=SCREEN,
        media=lambda wildcards: CORPUS.where(
            [path for recording in inspected() for path in (recording.video, recording.audio)],
            True,
        ),
        recordings=TABLE,
    output:
        directory(places.INSPECTED),
    log:
        log_of("inspect_video"),
    benchmark:
        benchmark_of("inspect_video")
    conda:
        "../../envs/extraction.yaml"
    resources:
        mem_mb=growing(1200, 3),
        runtime=growing(60, 0.3),
    params:
        code=code_digest("inspect_video"),
        corpus=lambda wildcards: relevant(
            inspected(), ["recording", "audio_stream", "video_stream", "channel"]
        ),
        dataset=folder_of("dataset"),
        ratings=folder_of("ratings"),
        experiment=EXPERIMENT,
        results=results_by("each", places.RECORDING_SCORES),
        delay=delay_of("delays"),
        lags=flag_of("--rater-lags", "lags"),
        screen=flag_of("--rater-screen", "screen"),
        inspect=[
            *flag("--names", config["inspect"]["names"]),
            "--worst",
            config["inspect"]["worst"],
        ],
    shell:
        "python -m softaer.inspect_video"
        " --recordings {input.recordings:q}"
        " --dataset {params.dataset:q}"
        " --ratings {params.ratings:q}"
        " --results {params.results:q}"
        " --each {input.each}"
        " {params.experiment}"
        " {params.delay}"
        " {params.lags}"
        " {params.screen}"
        " {params.inspect}"
        " --output {output}"
        " > {log} 2>&1"
