"""Pictures: from media files to registered facial points at ten points a second.

In: the video files of recordings.csv. Out: results/landmarks and results/video_features, per batch; what
has become of each recording in results/status/landmarks.
"""


rule landmarks:
    input:
        lambda wildcards: media_read(wildcards.batch, "video"),
    output:
        landmarks="results/landmarks/{batch}.parquet",
        status="results/status/landmarks/{batch}.parquet",
    log:
        "results/logs/landmarks/{batch}.log",
    benchmark:
        "results/benchmarks/landmarks/{batch}.tsv"
    cache: SHARED
    conda:
        "../../envs/extraction.yaml"
    resources:
        mem_mb=growing(900),
        runtime=growing(20, 0.3),
        reading=READING,
    params:
        code=code_digest("landmarks"),
        software=pins("av", "mediapipe"),
        recordings=lambda wildcards: recording_flags(
            recordings_of(wildcards.batch), lambda r: r.video
        ),
        choices=lambda wildcards: choice_flags(wildcards.batch, "video"),
        refine="--refine" if config["video"]["refine"] else "--no-refine",
        detection=config["video"]["min_detection_confidence"],
        tracking=config["video"]["min_tracking_confidence"],
        rate=flag("--rate", config["video"]["rate"]),
    shell:
        "python -m softaer.landmarks"
        " {params.recordings}"
        " {params.choices}"
        " {params.refine}"
        " --min-detection-confidence {params.detection}"
        " --min-tracking-confidence {params.tracking}"
        " {params.rate}"
        " {resources.reading}"
        " --output {output.landmarks}"
        " --status-output {output.status}"
        " > {log} 2>&1"


rule video_features:
    input:
        landmarks="results/landmarks/{batch}.parquet",
    output:
        "results/video_features/{batch}.parquet",
    log:
        "results/logs/video_features/{batch}.log",
    benchmark:
        "results/benchmarks/video_features/{batch}.tsv"
    cache: SHARED
    conda:
        "../../envs/extraction.yaml"
    resources:
        mem_mb=growing(500, 12),
    params:
        code=code_digest("video_features"),
        registration=config["video"]["registration"],
        max_gap=config["video"]["max_gap"],
        window=config["video"]["window"],
    shell:
        "python -m softaer.video_features"
        " --landmarks {input.landmarks}"
        " --registration {params.registration}"
        " --max-gap {params.max_gap}"
        " --window {params.window}"
        " --output {output}"
        " > {log} 2>&1"


rule status:
    input:
        status=collect("results/status/{stage}/{batch}.parquet", stage=ALL_READERS, batch=BATCHES),
        recordings=ancient(TABLE),
    output:
        "results/status.csv",
    log:
        "results/logs/status.log",
    localrule: True
    conda:
        "../../envs/extraction.yaml"
    resources:
        mem_mb=growing(600),
    params:
        code=code_digest("status"),
        corpus=relevant(RECORDINGS, ["recording", "batch"]),
        stages=ALL_READERS,
    shell:
        "python -m softaer.status"
        " --recordings {input.recordings:q}"
        " --status results/status"
        " --stages {params.stages}"
        " --output {output}"
        " > {log} 2>&1"
