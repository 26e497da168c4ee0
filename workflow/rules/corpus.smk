"""The corpus, if it is not described by the user's own table.

Delivered corpus: from its folder to results/corpus/listed.csv, as a table with ratings.files. Simulated corpus: from a seed to
media files, annotations and recordings.csv in results/corpus, in the same form as a user's corpus, together
with the planted truth.
"""

from softaer.corpus import COLUMNS
from softaer.simulate.plan import plan

# The user's table, if results/corpus/listed.csv is made from it.
GIVEN_TABLE = config["corpus"]["recordings"] if config["corpus"]["root"] is None else None
WHOLE_ROWS = [name for name in COLUMNS if name not in ("media", "batch")]
PLANNED = plan(config["simulate"]["recordings"])
SIMULATED, SIMULATED_SUBJECTS = (
    sorted({row[name] for row in PLANNED}) for name in ("recording", "subject")
)


rule corpus_table:
    output:
        places.LISTED_TABLE,
    log:
        log_of("corpus_table"),
    localrule: True
    conda:
        "../../envs/extraction.yaml"
    resources:
        mem_mb=growing(600),
    params:
        code=code_digest("corpus_table"),
        layout_code=code_digest(f"layouts.{config['corpus']['layout']}"),
        corpus=lambda wildcards: relevant(CORPUS.all, WHOLE_ROWS),
        layout=config["corpus"]["layout"],
        root=flag("--root", config["corpus"]["root"]),
        table=flag("--table", GIVEN_TABLE),
        # A function, because braces in a text are wildcards.
        files=lambda wildcards: flag("--files", config["ratings"]["files"]),
    shell:
        "python -m softaer.corpus_table"
        " --layout {params.layout}"
        " {params.root:q}"
        " {params.table:q}"
        " {params.files:q}"
        " --output {output}"
        " > {log} 2>&1"


rule simulate_tables:
    output:
        recordings=places.SIMULATED_TABLE,
        raters=places.SIMULATED_RATERS,
    log:
        log_of("simulate_tables"),
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
            places.PORTRAIT,
            subject=SIMULATED_SUBJECTS,
            kind=["png", "parquet"],
        ),
    log:
        log_of("simulate_portraits"),
    benchmark:
        benchmark_of("simulate_portraits")
    conda:
        "../../envs/extraction.yaml"
    resources:
        mem_mb=growing(800),
    params:
        code=code_digest("simulate.portraits"),
        subjects=SIMULATED_SUBJECTS,
        folder=lambda wildcards, output: os.path.dirname(output[0]),
    shell:
        "python -m softaer.simulate.portraits"
        " --subjects {params.subjects}"
        " --output-dir {params.folder}"
        " > {log} 2>&1"


rule simulate_truth:
    output:
        collect(places.TRUTH, recording=SIMULATED),
    log:
        log_of("simulate_truth"),
    benchmark:
        benchmark_of("simulate_truth")
    conda:
        "../../envs/extraction.yaml"
    resources:
        mem_mb=growing(600),
    params:
        code=code_digest("simulate.truth"),
        seed=config["simulate"]["seed"],
        duration=config["simulate"]["duration"],
        sharing="--sharing" if config["simulate"]["sharing"] else "--no-sharing",
        recordings=SIMULATED,
        folder=lambda wildcards, output: os.path.dirname(output[0]),
    shell:
        "python -m softaer.simulate.truth"
        " --recordings {params.recordings}"
        " --seed {params.seed}"
        " --duration {params.duration}"
        " {params.sharing}"
        " --output-dir {params.folder}"
        " > {log} 2>&1"


rule simulate_raters:
    input:
        truth=collect(places.TRUTH, recording=SIMULATED),
    output:
        collect(places.ANNOTATIONS, recording=SIMULATED),
    log:
        log_of("simulate_raters"),
    benchmark:
        benchmark_of("simulate_raters")
    conda:
        "../../envs/extraction.yaml"
    resources:
        mem_mb=growing(600),
    params:
        code=code_digest("simulate.raters"),
        seed=config["simulate"]["seed"],
        recordings=SIMULATED,
        folder=lambda wildcards, output: os.path.dirname(output[0]),
    shell:
        "python -m softaer.simulate.raters"
        " --recordings {params.recordings}"
        " --seed {params.seed}"
        " --truth {input.truth}"
        " --output-dir {params.folder}"
        " > {log} 2>&1"


rule simulate_media:
    input:
        truth=places.TRUTH,
        portrait=lambda wildcards: portrait(wildcards.recording, "png"),
        landmarks=lambda wildcards: portrait(wildcards.recording, "parquet"),
    output:
        places.MEDIA,
    log:
        log_of("simulate_media/{recording}"),
    benchmark:
        benchmark_of("simulate_media/{recording}")
    conda:
        "../../envs/extraction.yaml"
    resources:
        mem_mb=growing(500 + 4 * config["simulate"]["duration"]),
    params:
        code=code_digest("simulate.media"),
        subject=lambda wildcards: CORPUS.subject_of[wildcards.recording],
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
