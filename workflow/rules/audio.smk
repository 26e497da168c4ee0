"""Sound: from media files to features at ten points a second.

In: the audio files of recordings.csv. Out: results/audio_lld and results/audio_features, per batch; what
has become of each recording in results/status/audio_lld.
"""

# What of the table concerns the sound.
OF_SOUND = ["recording", "audio", "video", "audio_stream", "channel"]


rule audio_lld:
    input:
        lambda wildcards: media_of_batch(wildcards, "audio"),
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
        reading=READING,
    params:
        code=code_digest("audio_lld"),
        software=pins("av", "opensmile"),
        corpus=lambda wildcards: relevant(recordings_of(wildcards.batch), OF_SOUND),
        recordings=media_of("audio"),
        feature_set=config["audio"]["feature_set"],
    shell:
        "python -m softaer.audio_lld"
        " {params.recordings}"
        " --feature-set {params.feature_set}"
        " {resources.reading}"
        " --output {output.lld}"
        " --status-output {output.status}"
        " > {log} 2>&1"


rule audio_features:
    input:
        lld=places.AUDIO_LLD,
        turns=lambda wildcards: CORPUS.where(r.turns for r in with_turns(wildcards.batch)),
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
        mode=config["audio"]["turns"],
        turns=lambda wildcards: recording_flags(with_turns(wildcards.batch), lambda r: r.turns, {}),
    shell:
        "python -m softaer.audio_features"
        " --lld {input.lld}"
        " --window {params.window}"
        " --turns {params.mode}"
        " {params.turns}"
        " --output {output.features}"
        " --notes-output {output.notes}"
        " > {log} 2>&1"
