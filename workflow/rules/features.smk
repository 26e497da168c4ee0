"""Features from tables of one's own, from sources of one's own, and of several modalities side by side.

In: feature tables, media files, or the features of other modalities. Out: results/<modality>_table, with rows
and their times, and results/<modality>_features at ten points per second, per batch; the outcome for each
recording of all first stages in results/status.csv.
"""

import json


rule feature_table:
    input:
        INPUTS.tables,
    output:
        table=places.FEATURE_TABLE,
        status=filled_in(places.STATUS, stage="{modality}_table"),
    log:
        log_of("{modality}_table/{batch}"),
    benchmark:
        benchmark_of("{modality}_table/{batch}")
    wildcard_constraints:
        modality=with_first("feature_table"),
    conda:
        "../../envs/extraction.yaml"
    resources:
        mem_mb=growing(600, 8),
        runtime=growing(10, 0.05),
    params:
        code=code_digest("feature_table"),
        corpus=relevant_in_batch(["recording"]),
        recordings=INPUTS.table_flags(READING),
        reading=settings_of(FeatureTable),
    shell:
        "python -m softaer.feature_table"
        " {params.recordings}"
        " {params.reading:q}"
        " --output {output.table}"
        " --status-output {output.status}"
        " > {log} 2>&1"


rule source_table:
    input:
        lambda wildcards: INPUTS.media(EXTRACTED[wildcards.modality].source.column)(wildcards),
    output:
        table=places.FEATURE_TABLE,
        status=filled_in(places.STATUS, stage="{modality}_table"),
    log:
        log_of("{modality}_table/{batch}"),
    benchmark:
        benchmark_of("{modality}_table/{batch}")
    wildcard_constraints:
        modality=with_first("source_table"),
    conda:
        "../../envs/extraction.yaml"
    resources:
        mem_mb=growing(900),
        runtime=growing(20, 0.3),
    params:
        code=code_digest("source_table"),
        source_code=lambda wildcards: source_digest(wildcards.modality),
        corpus=relevant_in_batch(sorted({*OF_SOUND, *OF_PICTURES})),
        recordings=lambda wildcards, input: INPUTS.media_flags(
            EXTRACTED[wildcards.modality].source.column, READING
        )(wildcards, input),
        source=lambda wildcards: EXTRACTED[wildcards.modality].origin,
        settings=lambda wildcards: json.dumps(dict(EXTRACTED[wildcards.modality].reading)),
    shell:
        "python -m softaer.source_table"
        " {params.recordings}"
        " --source {params.source:q}"
        " --settings {params.settings:q}"
        " --output {output.table}"
        " --status-output {output.status}"
        " > {log} 2>&1"


rule table_features:
    input:
        table=places.FEATURE_TABLE,
    output:
        places.FEATURES,
    log:
        log_of("{modality}_features/{batch}"),
    benchmark:
        benchmark_of("{modality}_features/{batch}")
    wildcard_constraints:
        modality=with_last("table_features"),
    conda:
        "../../envs/extraction.yaml"
    resources:
        mem_mb=growing(500, 12),
    params:
        code=code_digest("table_features"),
        settings=settings_of(TableFeatures),
    shell:
        "python -m softaer.table_features"
        " --table {input.table}"
        " {params.settings}"
        " --output {output}"
        " > {log} 2>&1"


rule concatenated_features:
    input:
        features=lambda wildcards: collect(
            places.FEATURES, modality=MODALITY[wildcards.modality].parts, batch=wildcards.batch
        ),
    output:
        places.FEATURES,
    log:
        log_of("{modality}_features/{batch}"),
    benchmark:
        benchmark_of("{modality}_features/{batch}")
    wildcard_constraints:
        modality=with_last("concatenated_features"),
    conda:
        "../../envs/extraction.yaml"
    resources:
        mem_mb=growing(500, 12),
    params:
        code=code_digest("concatenated_features"),
        parts=lambda wildcards, input: per_modality(
            "--features", MODALITY[wildcards.modality].parts, input.features
        ),
    shell:
        "python -m softaer.concatenated_features"
        " {params.parts}"
        " --output {output}"
        " > {log} 2>&1"


rule status:
    input:
        status=collect(places.STATUS, stage=ALL_READERS, batch=CORPUS.batches),
        recordings=TABLE,
    output:
        places.STATUS_TABLE,
    log:
        log_of("status"),
    localrule: True
    conda:
        "../../envs/extraction.yaml"
    resources:
        mem_mb=growing(600),
    params:
        code=code_digest("status"),
        corpus=relevant(CORPUS.all, ["recording", "batch"]),
        stages=ALL_READERS,
        status=results_by("status", places.STATUS),
    shell:
        "python -m softaer.status"
        " --recordings {input.recordings:q}"
        " --status {params.status:q}/status"
        " --stages {params.stages}"
        " --output {output}"
        " > {log} 2>&1"
