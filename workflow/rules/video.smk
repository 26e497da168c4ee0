"""Video: from media files to registered facial points, and to head pose, gaze and expression, at ten points
per second.

In: the video files of recordings.csv. Out: results/landmarks, results/video_features, and results/face_mesh and
results/<modality>_features of modalities with the source face, per batch; the outcome for each recording in
results/status/landmarks.
"""

# Columns of the table that affect video.
OF_PICTURES = ["recording", "audio", "video", "video_stream", "face"]
VIDEO = EXTRACTED["video"].settings
# The vertices of the face are stored only if they are used, from the same pass as the points.
MESH = {"mesh": places.FACE_MESH} if any(MODALITY[name].meshed for name in MODALITIES) else {}


rule landmarks:
    input:
        INPUTS.media("video"),
    output:
        **MESH,
        landmarks=places.LANDMARKS,
        status=filled_in(places.STATUS, stage="landmarks"),
    log:
        log_of("landmarks/{batch}"),
    benchmark:
        benchmark_of("landmarks/{batch}")
    cache: SHARED
    conda:
        "../../envs/extraction.yaml"
    resources:
        mem_mb=growing(900),
        runtime=growing(20, 0.3),
    params:
        code=code_digest("landmarks"),
        software=pins("av", "mediapipe"),
        corpus=relevant_in_batch(OF_PICTURES),
        recordings=INPUTS.media_flags("video", READING),
        refine="--refine" if VIDEO["refine"] else "--no-refine",
        detection=VIDEO["min_detection_confidence"],
        tracking=VIDEO["min_tracking_confidence"],
        rate=flag("--rate", VIDEO["rate"]),
        mesh=lambda wildcards, output: flag("--mesh-output", output.get("mesh")),
    shell:
        "python -m softaer.landmarks"
        " {params.recordings}"
        " {params.refine}"
        " --min-detection-confidence {params.detection}"
        " --min-tracking-confidence {params.tracking}"
        " {params.rate}"
        " {params.mesh}"
        " --output {output.landmarks}"
        " --status-output {output.status}"
        " > {log} 2>&1"


rule video_features:
    input:
        landmarks=places.LANDMARKS,
    output:
        filled_in(places.FEATURES, modality="video"),
    log:
        log_of("video_features/{batch}"),
    benchmark:
        benchmark_of("video_features/{batch}")
    cache: SHARED
    conda:
        "../../envs/extraction.yaml"
    resources:
        mem_mb=growing(500, 12),
    params:
        code=code_digest("video_features"),
        registration=VIDEO["registration"],
        max_gap=VIDEO["max_gap"],
        window=VIDEO["window"],
    shell:
        "python -m softaer.video_features"
        " --landmarks {input.landmarks}"
        " --registration {params.registration}"
        " --max-gap {params.max_gap}"
        " --window {params.window}"
        " --output {output}"
        " > {log} 2>&1"


rule face_features:
    input:
        mesh=places.FACE_MESH,
    output:
        places.FEATURES,
    log:
        log_of("{modality}_features/{batch}"),
    benchmark:
        benchmark_of("{modality}_features/{batch}")
    wildcard_constraints:
        modality=with_last("face_features"),
    cache: SHARED
    conda:
        "../../envs/extraction.yaml"
    resources:
        mem_mb=growing(500, 12),
    params:
        code=code_digest("face_features"),
        settings=settings_of(FaceFeatures),
    shell:
        "python -m softaer.face_features"
        " --mesh {input.mesh}"
        " {params.settings}"
        " --output {output}"
        " > {log} 2>&1"
