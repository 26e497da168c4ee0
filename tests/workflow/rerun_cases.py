"""What an edit reruns: the cases of test_reruns.py, and the table of docs/reruns.md.

python tests/workflow/rerun_cases.py        writes the table into the page
"""

from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "reruns.md"
BEGIN, END = "<!-- table -->\n", "<!-- end of table -->\n"

SCORES = {"figure_scores", "latex_table", "report"}
RESAMPLED = {"evaluate", "uncertainty", "figure_uncertainty", "agreement", "figure_agreement",
    "raters", "figure_raters"}  # fmt: skip
EACH = {"recording_scores", "figure_traces", "report"}
DISTRIBUTION = {"predictive", "uncertainty", "figure_uncertainty"}
FUSION = {"fuse_modalities", "score", "evaluate", "packed_model"} | DISTRIBUTION | EACH | SCORES
BASELINES = {"baselines", "postprocess", "fuse_modalities", "score",
    "evaluate"} | DISTRIBUTION | EACH | SCORES  # fmt: skip
PREDICTION = {"predict", "postprocess"} | FUSION
TRAINING = {"train_network", "select", "figure_learning_curves"} | PREDICTION
DATASET = {"dataset_batch", "baselines", "coverage", "summarise", "frame_pairs",
    "figure_frame_pairs", "thumbnails", "ceiling"} | TRAINING  # fmt: skip
LABELS = {"labels_batch", "simulate_check", "agreement", "figure_agreement", "raters",
    "figure_raters"} | DATASET  # fmt: skip
RATINGS = {"ratings", "rating_scales", "rater_screen"} | LABELS
FEATURES = {"standardisation"} | DATASET
OF_SOUND = FEATURES - {"frame_pairs", "figure_frame_pairs", "thumbnails"}

CHAINS = {
    "fusion and later stages": FUSION,
    "prediction and later stages": PREDICTION,
    "training and later stages": TRAINING,
    "dataset and later stages": DATASET,
    "labels and later stages": LABELS,
    "ratings, labels and later stages": RATINGS,
    "standardisation, dataset and later stages": FEATURES,
    "standardisation, dataset and later stages, without pairs of frames": OF_SOUND,
}
"""Groups of rules that are redone together; the page lists their rules."""


@dataclass(frozen=True)
class Case:
    """An edit, in words for the page, and the rules that it reruns."""

    edit: str
    rules: frozenset[str]
    config: dict | None = None
    module: str | None = None

    def told(self) -> str:
        """The rules in words: the longest chain that fits, and the rest by name."""
        if not self.rules:
            return "nothing"
        fitting = [name for name, rules in CHAINS.items() if rules <= self.rules]
        chain = max(fitting, key=lambda name: len(CHAINS[name]), default=None)
        rest = sorted(self.rules - CHAINS.get(chain, set()))
        return ", ".join([*(f"`{rule}`" for rule in rest), *filter(None, [chain])])


def setting(text: str, config: dict, rules: set[str]) -> Case:
    return Case(f"`{text}`", frozenset(rules), config=config)


def code(module: str, rules: set[str]) -> Case:
    return Case(f"code in `{module}.py`", frozenset(rules), module=module)


SETTINGS = [
    setting("simulate.recordings", {"simulate": {"recordings": 5, "duration": 10}},
        {"simulate_tables", "simulate_portraits", "simulate_truth", "simulate_raters",
         "simulate_media", "audio_lld", "landmarks", "audio_features",
         "video_features"} | RATINGS | FEATURES),
    setting("simulate.seed", {"simulate": {"recordings": 4, "duration": 10, "seed": 2}},
        {"simulate_truth", "simulate_raters", "simulate_media", "audio_lld", "landmarks",
         "audio_features", "video_features"} | RATINGS | FEATURES),
    setting("on_bad_recording", {"on_bad_recording": "skip"}, {"report"}),
    setting("media.max_duration", {"media": {"max_duration": 60.0}}, {"report"}),
    setting("audio.feature_set", {"audio": {"feature_set": "ComParE_2016"}},
        {"audio_lld", "audio_features"} | OF_SOUND),
    setting("audio.window", {"audio": {"window": 3.0}}, {"audio_features"} | OF_SOUND),
    setting("audio.functionals", {"audio": {"functionals": ["mean", "p90", "slope"]}},
        {"audio_features"} | OF_SOUND),
    setting("video.refine", {"video": {"refine": False}},
        {"landmarks", "video_features"} | FEATURES),
    setting("video.rate", {"video": {"rate": 12.5}}, {"landmarks", "video_features"} | FEATURES),
    setting("video.max_gap", {"video": {"max_gap": 0.2}}, {"video_features"} | FEATURES),
    setting("ratings.max_gap", {"ratings": {"max_gap": 0.5}}, RATINGS),
    setting("ratings.interpolation", {"ratings": {"interpolation": "hold"}},
        {"recording_lengths"} | RATINGS),
    setting("ratings.missing", {"ratings": {"missing": [-999]}}, RATINGS),
    setting("ratings.raters", {"ratings": {"raters": ["r1", "r2", "r3"]}}, RATINGS),
    setting("ratings.format", {"ratings": {"format": "table"}}, RATINGS),
    setting("ratings.called", {"ratings": {"called": {"arousal": "Activation"}}}, RATINGS),
    setting("ratings.scale", {"ratings": {"scale": {"from": [-1, 1], "to": [0, 1]}}}, RATINGS),
    setting("ratings.scales", {"ratings": {"scales": "free"}}, {"rating_scales", "report"}),
    setting("labels.scale", {"labels": {"scale": "rater"}},
        {"rater_statistics", "rater_traces"} | LABELS),
    setting("labels.smoothing", {"labels": {"smoothing": "median"}}, {"rater_traces"} | LABELS),
    setting("labels.elastic", {"labels": {"elastic": "ctw"}}, LABELS),
    setting("labels.estimator", {"labels": {"estimator": "trimmed_mean"}}, LABELS),
    setting("labels.estimator: panel", {"labels": {"estimator": "panel"}},
        {"rater_statistics", "rater_traces", "rater_weights"} | LABELS),
    setting("labels.trim", {"labels": {"trim": 0.1}}, {"report"}),
    setting("labels.spread", {"labels": {"spread": "population"}}, LABELS),
    setting("labels.min_raters", {"labels": {"min_raters": 2}}, LABELS),
    setting("labels.screen", {"labels": {"screen": ["flat"]}}, {"rater_screen"} | LABELS),
    setting("labels.alignment", {"labels": {"alignment": "estimated"}}, {"rater_lags"} | LABELS),
    setting("labels.weights", {"labels": {"weights": "corpus"}}, {"rater_weights"} | LABELS),
    setting("delay", {"delay": 3.5}, {"simulate_check"} | DATASET),
    setting("delay: estimated", {"delay": "estimated", "max_delay": 2.0},
        {"annotation_delay", "simulate_check"} | DATASET),
    setting("model.layers", {"model": {"layers": 2, "cells": 8}}, TRAINING),
    setting("model.network", {"model": {"network": "tcn", "layers": 1, "cells": 8}}, TRAINING),
    setting("training.max_steps", {"training": {"max_steps": 3}}, TRAINING),
    setting("training.loss: panel, with tasks: [multi]",
        {"tasks": ["multi"], "training": {"max_steps": 2, "loss": "panel"}},
        {"panel_moments"} | TRAINING),
    setting("grid", {"grid": {"model.cells": [8, 9]}}, TRAINING),
    setting("seeds", {"seeds": [1, 2]}, TRAINING),
    setting("postprocessing.steps", {"postprocessing": {"steps": ["centring"]}},
        {"postprocess"} | FUSION),
    setting("fusion.method", {"fusion": {"method": "rescaled"}}, FUSION),
    setting("fusion.of", {"fusion": {"of": [["video", "audio"]]}}, {"report"}),
    setting("evaluation.draws", {"evaluation": {"draws": 200}}, RESAMPLED | SCORES),
    setting("report.frames", {"report": {"frames": False}},
        {"frame_pairs", "figure_frame_pairs", "report"}),
    setting("report.figure_width", {"report": {"figure_width": 8.4}}, {"figure_scores",
        "figure_traces", "figure_uncertainty", "figure_agreement", "figure_raters",
        "figure_frame_pairs", "figure_learning_curves", "report"}),
    setting("report.short_table", {"report": {"short_table": ["E"]}}, {"latex_table", "report"}),
    setting("report.without", {"report": {"without": ["claims"]}}, {"report"}),
]  # fmt: skip

MODULES = [
    code("simulate/tables", {"simulate_tables"}),
    code("simulate/portraits", {"simulate_portraits", "simulate_media", "audio_lld", "landmarks",
        "audio_features", "video_features"} | FEATURES),
    code("simulate/truth", {"simulate_truth", "simulate_raters", "simulate_media", "audio_lld",
        "landmarks", "audio_features", "video_features"} | RATINGS | FEATURES),
    code("simulate/raters", {"simulate_raters"} | RATINGS),
    code("simulate/media", {"simulate_media", "audio_lld", "landmarks", "audio_features",
        "video_features"} | FEATURES),
    code("audio_lld", {"audio_lld", "audio_features"} | OF_SOUND),
    code("audio_features", {"audio_features"} | OF_SOUND),
    code("landmarks", {"landmarks", "video_features"} | FEATURES),
    code("video_features", {"video_features"} | FEATURES),
    code("ratings", RATINGS),
    code("rating_scales", {"rating_scales", "report"}),
    code("labels", LABELS),
    code("agreement", {"agreement", "figure_agreement", "report"}),
    code("rater_screen", {"rater_screen", "raters", "figure_raters", "report"}),
    code("raters", {"raters", "figure_raters", "report"}),
    code("ceiling", {"ceiling"} | SCORES),
    code("standardisation", FEATURES),
    code("dataset", DATASET),
    code("coverage", {"coverage", "summarise", "ceiling", "postprocess"} | FUSION),
    code("train", TRAINING),
    code("select", {"select", "figure_learning_curves"} | PREDICTION),
    code("predict", PREDICTION),
    code("baselines", BASELINES),
    code("postprocess", {"postprocess"} | FUSION - {"fuse_modalities"}),
    code("fuse", FUSION),
    code("score", {"score"} | EACH | SCORES),
    code("recording_scores", EACH),
    code("evaluate", {"evaluate"} | SCORES),
    code("predictive", {"packed_model", "report"} | DISTRIBUTION),
    code("uncertainty", {"uncertainty", "figure_uncertainty", "report"}),
    code("summarise", {"summarise", "report"}),
    code("simulate/check", {"simulate_check", "ceiling"} | SCORES),
    code("frame_pairs", {"frame_pairs", "figure_frame_pairs", "report"}),
    code("thumbnails", {"thumbnails", "report"}),
    code("figures/scores", {"figure_scores", "report"}),
    code("figures/traces", {"figure_traces", "report"}),
    code("latex_table", {"latex_table", "report"}),
    code("report", {"report"}),
]  # fmt: skip

OF_A_TEST_RECORDING = {"ratings", "rating_scales", "labels_batch", "dataset_batch", "coverage",
    "summarise", "ceiling", "agreement", "figure_agreement", "rater_screen", "raters",
    "figure_raters", "frame_pairs", "thumbnails",
    "figure_frame_pairs", "baselines"} | PREDICTION  # fmt: skip

FILES = {
    "comment": Case("a comment, a docstring, an unused function", frozenset()),
    "touched annotations": Case("an annotation file touched, content unchanged", frozenset()),
    "touched media": Case("a media file touched, content unchanged", frozenset()),
    "changed annotations": Case(
        "an edited annotation file of a test recording",
        frozenset(OF_A_TEST_RECORDING),
    ),
    "new recording": Case(
        "a new recording in test (its own batch)",
        frozenset(
            {"audio_lld", "landmarks", "audio_features", "video_features"} | OF_A_TEST_RECORDING
        ),
    ),
    "removed recording": Case(
        "a recording removed from test (its own batch)",
        frozenset(OF_A_TEST_RECORDING - {"ratings", "labels_batch", "dataset_batch", "thumbnails"}),
    ),
    "renamed subject": Case(
        "a subject in train renamed in recordings.csv",
        frozenset({"summarise"} | RESAMPLED | SCORES),
    ),
    "new modality": Case(
        "one more feature table in `modalities`: its own jobs, and what takes all modalities; no "
        "job of the others",
        frozenset(
            {"feature_table", "table_features", "contributions", "figure_contributions"} | OF_SOUND
        ),
    ),
    "copied": Case(
        "the project with results and `.snakemake/metadata` copied or cloned elsewhere", frozenset()
    ),
}
"""Edits of files; test_reruns.py makes them, and test_many_modalities.py adds a modality."""


def table() -> str:
    """The table of the page."""
    lines = ["| edit | redone |", "|---|---|"]
    lines += [f"| {case.edit} | {case.told()} |" for case in [*SETTINGS, *MODULES, *FILES.values()]]
    lines += ["", "| group | rules |", "|---|---|"]
    lines += [
        f"| {name} | {', '.join(f'`{rule}`' for rule in sorted(rules))} |"
        for name, rules in CHAINS.items()
    ]
    return "\n".join(lines) + "\n"


def page() -> str:
    """The page with the table in its place."""
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + BEGIN + table() + END + after


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
