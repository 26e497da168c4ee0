"""Figures for papers, each as PDF and as SVG, and the scores as LaTeX.

In: scores, predictions, learning curves, the raters' agreement. Out: results/figures and results/ccc.tex.
"""


rule figure_scores:
    input:
        scores="results/ccc.parquet",
        intervals="results/intervals.parquet",
        ceiling="results/ceiling.parquet",
    output:
        drawn("scores"),
    log:
        "results/logs/figures/scores.log",
    localrule: True
    conda:
        "../../envs/learning.yaml"
    resources:
        mem_mb=500,
    params:
        code=code_digest("figures.scores"),
    shell:
        "python -m softaer.figures.scores --results results --output {output} > {log} 2>&1"


rule figure_traces:
    input:
        predictions=collect(POSTPROCESSED, **ALL_MODELS),
        fused=ALL_FUSED,
        dataset=targets_of_corpus,
        coverage=ALL_COVERAGE,
        recordings=ancient(TABLE),
    output:
        drawn("traces"),
    log:
        "results/logs/figures/traces.log",
    localrule: True
    conda:
        "../../envs/learning.yaml"
    resources:
        mem_mb=growing(600, 8),
    params:
        code=code_digest("figures.traces"),
        corpus=relevant(RATED, ["recording", "batch", "partition"]),
        dataset=f"results/dataset/{MODALITIES[0]}",
        experiment=EXPERIMENT,
    shell:
        "python -m softaer.figures.traces"
        " --results results"
        " --recordings {input.recordings:q}"
        " --dataset {params.dataset}"
        " {params.experiment}"
        " --coverage {input.coverage}"
        " --output {output}"
        " > {log} 2>&1"


rule figure_uncertainty:
    input:
        "results/uncertainty.parquet",
    output:
        drawn("uncertainty"),
    log:
        "results/logs/figures/uncertainty.log",
    localrule: True
    conda:
        "../../envs/learning.yaml"
    resources:
        mem_mb=500,
    params:
        code=code_digest("figures.uncertainty"),
    shell:
        "python -m softaer.figures.uncertainty --results results --output {output} > {log} 2>&1"


rule figure_agreement:
    input:
        "results/agreement/pairs.parquet",
    output:
        drawn("agreement"),
    log:
        "results/logs/figures/agreement.log",
    localrule: True
    conda:
        "../../envs/learning.yaml"
    resources:
        mem_mb=500,
    params:
        code=code_digest("figures.agreement"),
    shell:
        "python -m softaer.figures.agreement --results results --output {output} > {log} 2>&1"


rule figure_frame_pairs:
    input:
        "results/frame_pairs.parquet",
    output:
        drawn("frame_pairs"),
    log:
        "results/logs/figures/frame_pairs.log",
    localrule: True
    conda:
        "../../envs/learning.yaml"
    resources:
        mem_mb=500,
    params:
        code=code_digest("figures.frame_pairs"),
    shell:
        "python -m softaer.figures.frame_pairs --results results --output {output} > {log} 2>&1"


rule figure_learning_curves:
    input:
        curves=all_networks(CURVE),
        selections=selections(ALL_NETWORKS),
    output:
        drawn("learning_curves"),
    log:
        "results/logs/figures/learning_curves.log",
    localrule: True
    conda:
        "../../envs/learning.yaml"
    resources:
        mem_mb=500,
    params:
        code=code_digest("figures.learning_curves"),
        experiment=EXPERIMENT,
    shell:
        "python -m softaer.figures.learning_curves"
        " --results results"
        " {params.experiment}"
        " --output {output}"
        " > {log} 2>&1"


rule latex_table:
    input:
        scores="results/ccc.parquet",
        intervals="results/intervals.parquet",
        ceiling="results/ceiling.parquet",
    output:
        report(
            "results/ccc.tex",
            caption="../report/ccc.rst",
            category="Scores",
            labels={"table": "CCC as in the paper", "format": "LaTeX"},
        ),
    log:
        "results/logs/latex_table.log",
    localrule: True
    conda:
        "../../envs/learning.yaml"
    resources:
        mem_mb=500,
    params:
        code=code_digest("latex_table"),
    shell:
        "python -m softaer.latex_table"
        " --scores {input.scores}"
        " --intervals {input.intervals}"
        " --ceiling {input.ceiling}"
        " --output {output}"
        " > {log} 2>&1"
