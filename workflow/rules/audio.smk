"""Sound: from media files to features at ten points a second.

In: the audio files of recordings.csv. Out: results/audio_lld and results/audio_features, per batch; what
has become of each recording in results/status/audio_lld.
"""


rule audio_lld:
    input:
        lambda wildcards: media_read(wildcards.batch, "audio"),
    output:
        lld="results/audio_lld/{batch}.parquet",
        status="results/status/audio_lld/{batch}.parquet",
    log:
        "results/logs/audio_lld/{batch}.log",
    benchmark:
        "results/benchmarks/audio_lld/{batch}.tsv"
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
        recordings=lambda wildcards: recording_flags(
            recordings_of(wildcards.batch), lambda r: r.audio
        ),
        choices=lambda wildcards: choice_flags(wildcards.batch, "audio"),
        feature_set=config["audio"]["feature_set"],
    shell:
        "python -m softaer.audio_lld"
        " {params.recordings}"
        " {params.choices}"
        " --feature-set {params.feature_set}"
        " {resources.reading}"
        " --output {output.lld}"
        " --status-output {output.status}"
        " > {log} 2>&1"


rule audio_features:
    input:
        lld="results/audio_lld/{batch}.parquet",
        turns=lambda wildcards: [r.turns for r in with_turns(wildcards.batch)],
    output:
        features="results/audio_features/{batch}.parquet",
        notes="results/status/audio_features/{batch}.parquet",
    log:
        "results/logs/audio_features/{batch}.log",
    benchmark:
        "results/benchmarks/audio_features/{batch}.tsv"
    cache: SHARED
    conda:
        "../../envs/extraction.yaml"
    resources:
        mem_mb=growing(500, 6),
    params:
        code=code_digest("audio_features"),
        window=config["audio"]["window"],
        mode=config["audio"]["turns"],
        turns=lambda wildcards: recording_flags(with_turns(wildcards.batch), lambda r: r.turns),
    shell:
        "python -m softaer.audio_features"
        " --lld {input.lld}"
        " --window {params.window}"
        " --turns {params.mode}"
        " {params.turns}"
        " --output {output.features}"
        " --notes-output {output.notes}"
        " > {log} 2>&1"
