"""The corpus, where it is not the user's own table that says what there is.

A delivered corpus: from its folder to results/corpus/listed.csv. The simulated one: from a seed to
media files, annotations and recordings.csv in results/corpus, laid out like any user's corpus, with the
planted truth beside it.
"""


rule corpus_table:
    output:
        LISTED_TABLE,
    log:
        "results/logs/corpus_table.log",
    localrule: True
    conda:
        "../../envs/extraction.yaml"
    resources:
        mem_mb=growing(600),
    params:
        code=code_digest("corpus_table"),
        layout_code=code_digest(f"layouts.{config['corpus']['layout']}"),
        corpus=lambda wildcards: relevant(RECORDINGS, WHOLE_ROWS),
        layout=config["corpus"]["layout"],
        root=ROOT,
    shell:
        "python -m softaer.corpus_table"
        " --layout {params.layout}"
        " --root {params.root:q}"
        " --output {output}"
        " > {log} 2>&1"


rule simulate_tables:
    output:
        recordings="results/corpus/recordings.csv",
        raters="results/corpus/raters.parquet",
    log:
        "results/logs/simulate_tables.log",
    localrule: True
    conda:
        "../../envs/extraction.yaml"
    resources:
        mem_mb=growing(600),
    params:
        code=code_digest("simulate.tables"),
        recordings=config["simulate"]["recordings"],
    shell:
        "python -m softaer.simulate.tables"
        " --count {params.recordings}"
        " --raters-output {output.raters}"
        " --output {output.recordings}"
        " > {log} 2>&1"


rule simulate_portraits:
    output:
        collect(
            "results/corpus/portraits/{subject}.{kind}",
            subject=SUBJECTS,
            kind=["png", "parquet"],
        ),
    log:
        "results/logs/simulate_portraits.log",
    benchmark:
        "results/benchmarks/simulate_portraits.tsv"
    conda:
        "../../envs/extraction.yaml"
    resources:
        mem_mb=growing(800),
    params:
        code=code_digest("simulate.portraits"),
        subjects=list(SUBJECTS),
        folder=lambda wildcards, output: os.path.dirname(output[0]),
    shell:
        "python -m softaer.simulate.portraits"
        " --subjects {params.subjects}"
        " --output-dir {params.folder}"
        " > {log} 2>&1"


rule simulate_truth:
    output:
        "results/corpus/truth/{recording}.parquet",
    log:
        "results/logs/simulate_truth/{recording}.log",
    benchmark:
        "results/benchmarks/simulate_truth/{recording}.tsv"
    conda:
        "../../envs/extraction.yaml"
    resources:
        mem_mb=growing(600),
    params:
        code=code_digest("simulate.truth"),
        seed=config["simulate"]["seed"],
        duration=config["simulate"]["duration"],
    shell:
        "python -m softaer.simulate.truth"
        " --recording {wildcards.recording}"
        " --seed {params.seed}"
        " --duration {params.duration}"
        " --output {output}"
        " > {log} 2>&1"


rule simulate_raters:
    input:
        truth="results/corpus/truth/{recording}.parquet",
    output:
        "results/corpus/annotations/{recording}.csv",
    log:
        "results/logs/simulate_raters/{recording}.log",
    benchmark:
        "results/benchmarks/simulate_raters/{recording}.tsv"
    conda:
        "../../envs/extraction.yaml"
    resources:
        mem_mb=growing(600),
    params:
        code=code_digest("simulate.raters"),
        seed=config["simulate"]["seed"],
    shell:
        "python -m softaer.simulate.raters"
        " --recording {wildcards.recording}"
        " --seed {params.seed}"
        " --truth {input.truth}"
        " --output {output}"
        " > {log} 2>&1"


rule simulate_media:
    input:
        truth="results/corpus/truth/{recording}.parquet",
        portrait=lambda wildcards: portrait(wildcards.recording, "png"),
        landmarks=lambda wildcards: portrait(wildcards.recording, "parquet"),
    output:
        "results/corpus/media/{recording}.mp4",
    log:
        "results/logs/simulate_media/{recording}.log",
    benchmark:
        "results/benchmarks/simulate_media/{recording}.tsv"
    conda:
        "../../envs/extraction.yaml"
    resources:
        mem_mb=growing(500 + 4 * config["simulate"]["duration"]),
    params:
        code=code_digest("simulate.media"),
        subject=lambda wildcards: subject_of(wildcards.recording),
        seed=config["simulate"]["seed"],
    shell:
        "python -m softaer.simulate.media"
        " --recording {wildcards.recording}"
        " --subject {params.subject}"
        " --seed {params.seed}"
        " --truth {input.truth}"
        " --portrait {input.portrait}"
        " --landmarks {input.landmarks}"
        " --output {output}"
        " > {log} 2>&1"
