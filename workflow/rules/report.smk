"""The report: everything that a reader needs to judge the scores, on one page.

In: scores, predictions, learning curves and the data set. Out: results/report.html.
"""


rule summarise:
    input:
        ratings=rated_batches("results/ratings/{batch}.parquet"),
        dataset=rated_batches("results/dataset/{modality}/{batch}.parquet"),
        recordings=ancient(TABLE),
    output:
        "results/summary.parquet",
    log:
        "results/logs/summarise.log",
    conda:
        "../../envs/learning.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
    params:
        code=code_digest("summarise"),
        corpus=relevant(RATED, ["recording", "batch", "partition", "subject"]),
        modalities=MODALITIES,
    shell:
        "python -m softaer.summarise"
        " --recordings {input.recordings:q}"
        " --ratings results/ratings"
        " --dataset results/dataset"
        " --modalities {params.modalities}"
        " --output {output}"
        " > {log} 2>&1"


rule simulate_check:
    input:
        labels=rated_batches("results/labels/{batch}.parquet"),
        truth=collect(
            "results/corpus/truth/{recording}.parquet",
            recording=[r.recording for r in RATED],
        ),
    output:
        "results/simulate_check.parquet",
    log:
        "results/logs/simulate_check.log",
    conda:
        "../../envs/learning.yaml"
    resources:
        mem_mb=1000,
    params:
        code=code_digest("simulate.check"),
        delay=DELAYS,
    shell:
        "python -m softaer.simulate.check"
        " --labels {input.labels}"
        " --truth {input.truth}"
        " {params.delay}"
        " --output {output}"
        " > {log} 2>&1"


rule report:
    input:
        template=TEMPLATE,
        recordings=ancient(TABLE),
        scores="results/ccc.parquet",
        csv="results/ccc.csv",
        summary="results/summary.parquet",
        check="results/simulate_check.parquet" if SIMULATED else [],
        dataset=targets_of_corpus,
        curves=collect(CURVE, **NETWORKS),
        predictions=collect(PREDICTION, **NETWORKS),
        fused=ALL_FUSED,
    output:
        report(
            "results/report.html",
            caption="../report/report.rst",
            category="Report",
        ),
    log:
        "results/logs/report.log",
    conda:
        "../../envs/learning.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
    params:
        code=code_digest("report"),
        corpus=relevant(RATED, ["recording", "batch", "partition"]),
        dataset=f"results/dataset/{MODALITIES[0]}",
        check=lambda wildcards, input: flag("--check", input.check),
        dimensions=DIMENSIONS,
        modalities=MODALITIES,
        tasks=TASKS,
        seeds=SEEDS,
        config=json.dumps(config),
    shell:
        "python -m softaer.report"
        " --template {input.template:q}"
        " --recordings {input.recordings:q}"
        " --scores {input.scores}"
        " --summary {input.summary}"
        " {params.check}"
        " --dataset {params.dataset}"
        " --train results/train"
        " --predict results/predict"
        " --fuse results/fuse"
        " --dimensions {params.dimensions}"
        " --modalities {params.modalities}"
        " --tasks {params.tasks}"
        " --seeds {params.seeds}"
        " --config {params.config:q}"
        " --output {output}"
        " > {log} 2>&1"
