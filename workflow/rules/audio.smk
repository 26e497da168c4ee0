"""Audio: from media files to features at ten points per second.

In: the audio files of recordings.csv. Out: results/audio_lld and results/audio_features, per batch; the
outcome for each recording in results/status/audio_lld. The same for other modalities of source lld, by name.
"""

# Columns of the table that affect audio.
OF_SOUND = ["recording", "audio", "video", "audio_stream", "channel"]


rule audio_lld:
    input:
        INPUTS.media("audio"),
    output:
        lld=places.LLD,
        status=filled_in(places.STATUS, stage="{modality}_lld"),
    log:
        log_of("{modality}_lld/{batch}"),
    benchmark:
        benchmark_of("{modality}_lld/{batch}")
    wildcard_constraints:
        modality=with_first("audio_lld"),
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
        feature_set=setting("feature_set"),
    shell:
        "python -m softaer.audio_lld"
        " {params.recordings}"
        " --feature-set {params.feature_set}"
        " --output {output.lld}"
        " --status-output {output.status}"
        " > {log} 2>&1"


rule audio_features:
    input:
        lld=places.LLD,
        turns=INPUTS.turns,
    output:
        features=places.FEATURES,
        notes=filled_in(places.STATUS, stage="{modality}_features"),
    log:
        log_of("{modality}_features/{batch}"),
    benchmark:
        benchmark_of("{modality}_features/{batch}")
    wildcard_constraints:
        modality=with_last("audio_features"),
    cache: SHARED
    conda:
        "../../envs/extraction.yaml"
    resources:
        mem_mb=growing(500, 6),
    params:
        code=code_digest("audio_features"),
        window=setting("window"),
        functionals=setting("functionals"),
        mode=setting("turns"),
        turns=INPUTS.turn_flags,
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
