"""Figures for papers, each as PDF and SVG, and the scores as LaTeX.

In: scores, predictions, learning curves, the raters' agreement. Out: results/figures, results/ccc.tex and
results/ccc_short.tex.
"""

FIGURES = ["scores", "traces", "uncertainty", "agreement", "raters", "frame_pairs"]
FIGURES += ["learning_curves"]
FIGURES += ["contributions"] if CONTRIBUTIONS else []

FIGURE_WIDTH = config["report"]["figure_width"]


rule figure_scores:
    input:
        scores=places.SCORES,
        intervals=places.INTERVALS,
        ceiling=places.CEILING,
    output:
        drawn("scores"),
    log:
        log_of("figures/scores"),
    localrule: True
    conda:
        "../../envs/learning.yaml"
    resources:
        mem_mb=500,
    params:
        code=code_digest("figures.scores"),
        width=FIGURE_WIDTH,
    shell:
        "python -m softaer.figures.scores"
        " --scores {input.scores}"
        " --intervals {input.intervals}"
        " --ceiling {input.ceiling}"
        " --figure-width {params.width}"
        " --output {output}"
        " > {log} 2>&1"


rule figure_traces:
    input:
        predictions=collect(places.POSTPROCESSED, **ALL_MODELS),
        fused=ALL_FUSED,
        each=places.RECORDING_SCORES,
        dataset=targets_of_corpus,
        recordings=TABLE,
    output:
        drawn("traces"),
    log:
        log_of("figures/traces"),
    localrule: True
    conda:
        "../../envs/learning.yaml"
    resources:
        mem_mb=growing(600, 8),
    params:
        code=code_digest("figures.traces"),
        width=FIGURE_WIDTH,
        corpus=relevant(RATED, ["recording", "batch", "partition"]),
        dataset=folder_of("dataset"),
        experiment=EXPERIMENT,
        results=results_by("predictions", places.POSTPROCESSED),
    shell:
        "python -m softaer.figures.traces"
        " --results {params.results:q}"
        " --recordings {input.recordings:q}"
        " --dataset {params.dataset:q}"
        " {params.experiment}"
        " --each {input.each}"
        " --figure-width {params.width}"
        " --output {output}"
        " > {log} 2>&1"


rule figure_uncertainty:
    input:
        places.UNCERTAINTY,
    output:
        drawn("uncertainty"),
    log:
        log_of("figures/uncertainty"),
    localrule: True
    conda:
        "../../envs/learning.yaml"
    resources:
        mem_mb=500,
    params:
        code=code_digest("figures.uncertainty"),
        width=FIGURE_WIDTH,
    shell:
        "python -m softaer.figures.uncertainty"
        " --uncertainty {input}"
        " --figure-width {params.width}"
        " --output {output}"
        " > {log} 2>&1"


rule figure_agreement:
    input:
        pairs=filled_in(places.AGREEMENT, part="pairs"),
        curve=filled_in(places.AGREEMENT, part="curve"),
    output:
        drawn("agreement"),
    log:
        log_of("figures/agreement"),
    localrule: True
    conda:
        "../../envs/learning.yaml"
    resources:
        mem_mb=500,
    params:
        code=code_digest("figures.agreement"),
        width=FIGURE_WIDTH,
    shell:
        "python -m softaer.figures.agreement"
        " --pairs {input.pairs}"
        " --curve {input.curve}"
        " --figure-width {params.width}"
        " --output {output}"
        " > {log} 2>&1"


rule figure_raters:
    input:
        places.RATERS,
    output:
        drawn("raters"),
    log:
        log_of("figures/raters"),
    localrule: True
    conda:
        "../../envs/learning.yaml"
    resources:
        mem_mb=500,
    params:
        code=code_digest("figures.raters"),
        width=FIGURE_WIDTH,
    shell:
        "python -m softaer.figures.raters"
        " --raters {input}"
        " --figure-width {params.width}"
        " --output {output}"
        " > {log} 2>&1"


rule figure_frame_pairs:
    input:
        places.FRAME_PAIRS,
    output:
        drawn("frame_pairs"),
    log:
        log_of("figures/frame_pairs"),
    localrule: True
    conda:
        "../../envs/learning.yaml"
    resources:
        mem_mb=500,
    params:
        code=code_digest("figures.frame_pairs"),
        width=FIGURE_WIDTH,
    shell:
        "python -m softaer.figures.frame_pairs"
        " --pairs {input}"
        " --figure-width {params.width}"
        " --output {output}"
        " > {log} 2>&1"


rule figure_learning_curves:
    input:
        curves=NETWORKS.files(places.CURVE, NETWORKS.all),
        selections=NETWORKS.selections(NETWORKS.all),
    output:
        drawn("learning_curves"),
    log:
        log_of("figures/learning_curves"),
    localrule: True
    conda:
        "../../envs/learning.yaml"
    resources:
        mem_mb=500,
    params:
        code=code_digest("figures.learning_curves"),
        width=FIGURE_WIDTH,
        experiment=TRAINED,
        results=results_by("selections", places.SELECTION),
    shell:
        "python -m softaer.figures.learning_curves"
        " --results {params.results:q}"
        " {params.experiment}"
        " --figure-width {params.width}"
        " --output {output}"
        " > {log} 2>&1"


rule figure_contributions:
    input:
        places.CONTRIBUTIONS,
    output:
        drawn("contributions"),
    log:
        log_of("figures/contributions"),
    localrule: True
    conda:
        "../../envs/learning.yaml"
    resources:
        mem_mb=500,
    params:
        code=code_digest("figures.contributions"),
        width=FIGURE_WIDTH,
    shell:
        "python -m softaer.figures.contributions"
        " --contributions {input}"
        " --figure-width {params.width}"
        " --output {output}"
        " > {log} 2>&1"


rule latex_table:
    input:
        scores=places.SCORES,
        intervals=places.INTERVALS,
        ceiling=places.CEILING,
    output:
        table=report(
            places.SCORES_LATEX,
            caption="../report/ccc.rst",
            category="Scores",
            labels={"table": "CCC as in the paper", "format": "LaTeX"},
        ),
        short=report(
            places.SCORES_SHORT_LATEX,
            caption="../report/ccc.rst",
            category="Scores",
            labels={"table": "CCC on test", "format": "LaTeX"},
        ),
    log:
        log_of("latex_table"),
    localrule: True
    conda:
        "../../envs/learning.yaml"
    resources:
        mem_mb=500,
    params:
        code=code_digest("latex_table"),
        targets=config["report"]["short_table"],
    shell:
        "python -m softaer.latex_table"
        " --scores {input.scores}"
        " --intervals {input.intervals}"
        " --ceiling {input.ceiling}"
        " --targets {params.targets}"
        " --output {output.table}"
        " --short-output {output.short}"
        " > {log} 2>&1"
