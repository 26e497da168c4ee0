"""The report: everything that a reader needs to judge the scores, on one page.

In: scores, predictions, learning curves and the data set. Out: results/report.html.
"""


rule summarise:
    input:
        ratings=rated_batches("results/ratings/{batch}.parquet"),
        coverage=ALL_COVERAGE,
        recordings=ancient(TABLE),
    output:
        "results/summary.parquet",
    log:
        "results/logs/summarise.log",
    benchmark:
        "results/benchmarks/summarise.tsv"
    localrule: True
    conda:
        "../../envs/learning.yaml"
    resources:
        mem_mb=growing(500, 5),
    params:
        code=code_digest("summarise"),
        corpus=lambda wildcards: relevant(RATED, ["recording", "batch", "partition", "subject"]),
    shell:
        "python -m softaer.summarise"
        " --recordings {input.recordings:q}"
        " --ratings results/ratings"
        " --coverage {input.coverage}"
        " --output {output}"
        " > {log} 2>&1"


rule simulate_check:
    input:
        labels=rated_batches("results/labels/{batch}.parquet"),
        truth=collect(
            "results/corpus/truth/{recording}.parquet",
            recording=[r.recording for r in RATED],
        ),
        delays=DELAY_TABLE,
        recordings=ancient(TABLE),
    output:
        "results/simulate_check.parquet",
    log:
        "results/logs/simulate_check.log",
    benchmark:
        "results/benchmarks/simulate_check.tsv"
    conda:
        "../../envs/learning.yaml"
    resources:
        mem_mb=growing(600),
    params:
        code=code_digest("simulate.check"),
        corpus=relevant(RATED, ["recording", "partition"]),
        delay=DELAYS,
    shell:
        "python -m softaer.simulate.check"
        " --recordings {input.recordings:q}"
        " --labels {input.labels}"
        " --truth {input.truth}"
        " {params.delay}"
        " --output {output}"
        " > {log} 2>&1"


rule frame_pairs:
    input:
        dataset=rated_batches(f"results/dataset/{MODALITIES[-1]}/{{batch}}.parquet"),
        media=lambda wildcards: sorted(
            {
                file
                for r in rated_in()
                if PICTURES and r.video
                for file in (r.video, r.audio)
                if file
            }
        ),
        recordings=ancient(TABLE),
    output:
        "results/frame_pairs.parquet",
    log:
        "results/logs/frame_pairs.log",
    benchmark:
        "results/benchmarks/frame_pairs.tsv"
    conda:
        "../../envs/extraction.yaml"
    resources:
        mem_mb=growing(600, 2),
        reading=READING_LIMITS,
    params:
        code=code_digest("frame_pairs"),
        corpus=relevant(RATED, ["recording", "batch", "video_stream"]),
        dataset=f"results/dataset/{MODALITIES[-1]}",
        dimensions=DIMENSIONS,
        pictures="--pictures" if PICTURES else "--no-pictures",
    shell:
        "python -m softaer.frame_pairs"
        " --recordings {input.recordings:q}"
        " --dataset {params.dataset}"
        " --dimensions {params.dimensions}"
        " {params.pictures}"
        " {resources.reading}"
        " --output {output}"
        " > {log} 2>&1"


rule report:
    input:
        recordings=ancient(TABLE),
        scores="results/ccc.parquet",
        csv="results/ccc.csv",
        intervals="results/intervals.parquet",
        hypotheses="results/hypotheses.parquet",
        ceiling="results/ceiling.parquet",
        uncertainty="results/uncertainty.parquet",
        summary="results/summary.parquet",
        ratings=rated_batches("results/ratings/{batch}.parquet"),
        agreement=rules.agreement.output,
        pairs="results/frame_pairs.parquet",
        figures=collect("results/figures/{figure}.svg", figure=FIGURES),
        published=config["report"]["published"] or [],
        coverage=ALL_COVERAGE,
        scales="results/rating_scales.parquet",
        noted=lambda wildcards: [
            path
            for stage in NOTING
            for path in rated_batches(f"results/status/{stage}/{{batch}}.parquet")(wildcards)
        ],
        check=CHECK,
        delays=DELAY_TABLE,
        lags=LAGS,
        dataset=targets_of_corpus,
        curves=all_networks(CURVE),
        selections=selections(ALL_NETWORKS),
        latex="results/ccc.tex",
        predictions=collect(POSTPROCESSED, **ALL_MODELS),
        steps=collect(STEPS, **ALL_MODELS),
        fused=ALL_FUSED,
        coefficients=ALL_COEFFICIENTS,
    output:
        report(
            "results/report.html",
            caption="../report/report.rst",
            category="Report",
            labels={"page": "everything on one page", "format": "HTML"},
        ),
    log:
        "results/logs/report.log",
    benchmark:
        "results/benchmarks/report.tsv"
    localrule: True
    conda:
        "../../envs/learning.yaml"
    resources:
        mem_mb=growing(800, 4),
    params:
        code=code_digest("report"),
        template=[file_digest(TEMPLATE), file_digest(SCRIPT)],
        corpus=relevant(RATED, ["recording", "batch", "partition"]),
        experiment=EXPERIMENT,
        simulated="--simulated" if SIMULATED else "--no-simulated",
        dataset=f"results/dataset/{MODALITIES[0]}",
        delay=DELAYS,
        rater_lags=flag("--rater-lags", LAGS),
        noting=flag("--noting", NOTING),
        published=flag("--published", config["report"]["published"]),
        config=lambda wildcards: json.dumps(config),
    shell:
        "python -m softaer.report"
        " --results results"
        " --recordings {input.recordings:q}"
        " --dataset {params.dataset}"
        " {params.experiment}"
        " --coverage {input.coverage}"
        " --ratings results/ratings"
        " {params.delay}"
        " {params.rater_lags}"
        " {params.noting}"
        " {params.published:q}"
        " {params.simulated}"
        " --config {params.config:q}"
        " --output {output}"
        " > {log} 2>&1"
