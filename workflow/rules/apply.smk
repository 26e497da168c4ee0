"""The trained model on recordings that nobody rated.

In: features, and results/packed_model or the packed model of another run. Out: results/apply, E and sigma
as a table of the batch and, in a folder of its name, as CSV and a plot of each recording;
results/apply_video, the recording with the traces below it, where asked for.
"""


rule packed_model:
    input:
        recordings=ancient(TABLE),
        selections=selections(APPLIED_NETWORKS),
        networks=[
            *all_networks(WEIGHTS, APPLIED_NETWORKS),
            *all_networks(DESCRIPTION, APPLIED_NETWORKS),
        ],
        standardisations=collect("results/standardisation/{modality}.parquet", modality=MODALITIES),
        steps=collect(
            STEPS, dimension=DIMENSIONS, modality=MODALITIES, task=APPLIED_TASK, seed=SEEDS
        ),
        coefficients=(
            collect(COEFFICIENTS, dimension=DIMENSIONS, task=APPLIED_TASK, seed=SEEDS)
            if FUSED_MODALITIES
            else []
        ),
        delays=DELAY_TABLE,
    output:
        description="results/packed_model/model.json",
        weights="results/packed_model/weights.safetensors",
    log:
        "results/logs/packed_model.log",
    benchmark:
        "results/benchmarks/packed_model.tsv"
    localrule: True
    conda:
        "../../envs/learning.yaml"
    resources:
        mem_mb=growing(800, 4),
    params:
        code=code_digest("packed_model"),
        software=pins("av", "opensmile", "mediapipe", "torch"),
        corpus=relevant(RATED, ["recording", "partition"]),
        experiment=[*LEARNT, "--tasks", APPLIED_TASK],
        delay=DELAYS,
        extraction=lambda wildcards: EXTRACTION,
    shell:
        "python -m softaer.packed_model"
        " --results results"
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
            "results/{stage}/{batch}.parquet", stage=FEATURE_STAGES, batch=wildcards.batch
        ),
        model=[f"{PACKED_MODEL}/model.json", f"{PACKED_MODEL}/weights.safetensors"],
    output:
        predictions="results/apply/{batch}.parquet",
        folder=directory("results/apply/{batch}"),
    log:
        "results/logs/apply/{batch}.log",
    benchmark:
        "results/benchmarks/apply/{batch}.tsv"
    conda:
        "../../envs/learning.yaml"
    resources:
        mem_mb=growing(1200, 8),
    params:
        code=code_digest("apply"),
        software=pins("torch"),
        model=lambda wildcards, input: os.path.dirname(input.model[0]),
        names=lambda wildcards: [r.recording for r in applied_of(wildcards.batch)],
        features=lambda wildcards, input: per_modality("--features", input.features),
        extraction=lambda wildcards: EXTRACTION,
    shell:
        "python -m softaer.apply"
        " --model {params.model:q}"
        " --recording-names {params.names}"
        " {params.features}"
        " --extraction {params.extraction:q}"
        " --output {output.predictions}"
        " --folder-output {output.folder}"
        " > {log} 2>&1"


rule apply_video:
    input:
        predictions=lambda wildcards: (
            f"results/apply/{applied_named(wildcards.recording).batch}.parquet"
        ),
        video=lambda wildcards: applied_named(wildcards.recording).video,
        audio=lambda wildcards: applied_named(wildcards.recording).audio or [],
    output:
        "results/apply_video/{recording}.mp4",
    log:
        "results/logs/apply_video/{recording}.log",
    benchmark:
        "results/benchmarks/apply_video/{recording}.tsv"
    conda:
        "../../envs/extraction.yaml"
    resources:
        mem_mb=growing(1000),
        runtime=growing(20, 0.3),
    params:
        code=code_digest("apply_video"),
        audio=lambda wildcards, input: flag("--audio", input.audio or None),
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
