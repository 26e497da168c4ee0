"""Audio: from media files to features at ten points per second.

In: the audio files of recordings.csv. Out: results/audio_lld and results/audio_features, per batch; the
outcome for each recording in results/status/audio_lld.
"""

# Columns of the table that affect audio.
OF_SOUND = ["recording", "audio", "video", "audio_stream", "channel"]
TURNS, TURN_FLAGS = [], ""
if config["audio"]["turns"] != "ignore":
    TURNS, TURN_FLAGS = INPUTS.turns, INPUTS.turn_flags


rule audio_lld:
    input:
        INPUTS.media("audio"),
    output:
        lld=places.AUDIO_LLD,
        status=filled_in(places.STATUS, stage="audio_lld"),
    log:
        log_of("audio_lld/{batch}"),
    benchmark:
        benchmark_of("audio_lld/{batch}")
    cache: SHARED
    conda:
        "../../envs/extraction.yaml"
    resources:
        mem_mb=growing(600),
        runtime=growing(10, 0.05),
    params:
        code=code_digest("audio_lld"),
        software=pins("av", "opensmile"),
        corpus=relevant_in_batch(OF_SOUND),
        recordings=INPUTS.media_flags("audio", READING),
        feature_set=config["audio"]["feature_set"],
    shell:
        "python -m softaer.audio_lld"
        " {params.recordings}"
        " --feature-set {params.feature_set}"
        " --output {output.lld}"
        " --status-output {output.status}"
        " > {log} 2>&1"


rule audio_features:
    input:
        lld=places.AUDIO_LLD,
        turns=TURNS,
    output:
        features=places.AUDIO_FEATURES,
        notes=filled_in(places.STATUS, stage="audio_features"),
    log:
        log_of("audio_features/{batch}"),
    benchmark:
        benchmark_of("audio_features/{batch}")
    cache: SHARED
    conda:
        "../../envs/extraction.yaml"
    resources:
        mem_mb=growing(500, 6),
    params:
        code=code_digest("audio_features"),
        window=config["audio"]["window"],
        functionals=config["audio"]["functionals"],
        mode=config["audio"]["turns"],
        turns=TURN_FLAGS,
    shell:
        "python -m softaer.audio_features"
        " --lld {input.lld}"
        " --window {params.window}"
        " --functionals {params.functionals}"
        " --turns {params.mode}"
        " {params.turns}"
        " --output {output.features}"
        " --notes-output {output.notes}"
        " > {log} 2>&1"
