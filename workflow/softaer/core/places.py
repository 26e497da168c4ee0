"""Places: the names of all files of a run.

Rules and stages take the names of results only from here. A pattern has wildcards in braces, as in
Snakemake, and rules use it directly. For a stage, results may be elsewhere (below a prefix, on a
scratch disk): it gets their folder as an argument and uses :func:`within`.
"""

import os
from pathlib import Path

from softaer.core.tasks import FACE, JOIN, SPEECH

RESULTS = "results"
"""Folder of all results, below the folder of a run."""

# The corpus.
LISTED_TABLE = f"{RESULTS}/corpus/listed.csv"
SIMULATED_TABLE = f"{RESULTS}/corpus/recordings.csv"
SIMULATED_RATERS = f"{RESULTS}/corpus/raters.parquet"
PORTRAIT = f"{RESULTS}/corpus/portraits/{{subject}}.{{kind}}"
TRUTH = f"{RESULTS}/corpus/truth/{{recording}}.parquet"
ANNOTATIONS = f"{RESULTS}/corpus/annotations/{{recording}}.csv"
MEDIA = f"{RESULTS}/corpus/media/{{recording}}.mp4"

# From media and feature tables to features.
LLD = f"{RESULTS}/{{modality}}_lld/{{batch}}.parquet"
LANDMARKS = f"{RESULTS}/landmarks/{{batch}}.parquet"
FACE_MESH = f"{RESULTS}/face_mesh/{{batch}}.parquet"
FEATURE_TABLE = f"{RESULTS}/{{modality}}_table/{{batch}}.parquet"
FEATURES = f"{RESULTS}/{{modality}}_features/{{batch}}.parquet"
EVIDENCE = {SPEECH: LLD, FACE: LANDMARKS}
"""Where each column of evidence comes from."""

STATUS = f"{RESULTS}/status/{{stage}}/{{batch}}.parquet"
STATUS_TABLE = f"{RESULTS}/status.csv"

# From ratings to labels.
LENGTHS = f"{RESULTS}/recording_lengths/{{batch}}.parquet"
RATINGS = f"{RESULTS}/ratings/{{batch}}.parquet"
RATING_SCALES = f"{RESULTS}/rating_scales.parquet"
RATER_SCREEN = f"{RESULTS}/rater_screen.parquet"
RATER_STATISTICS = f"{RESULTS}/rater_statistics.parquet"
RATER_TRACES = f"{RESULTS}/rater_traces/{{batch}}.parquet"
RATER_LAGS = f"{RESULTS}/rater_lags.parquet"
RATERS = f"{RESULTS}/raters.parquet"
RATER_RECORDINGS = f"{RESULTS}/rater_recordings.parquet"
CORPUS_WEIGHTS = f"{RESULTS}/rater_weights.parquet"
RATER_WEIGHTS = f"{RESULTS}/rater_weights/{{batch}}.parquet"
LABELS = f"{RESULTS}/labels/{{batch}}.parquet"
AGREEMENT = f"{RESULTS}/agreement/{{part}}.parquet"
CEILING = f"{RESULTS}/ceiling.parquet"

# From features and labels to datasets.
STANDARDISATION = f"{RESULTS}/standardisation/{{modality}}.parquet"
ANNOTATION_DELAY = f"{RESULTS}/annotation_delay.parquet"
PANEL_MOMENTS = f"{RESULTS}/panel_moments/{{batch}}.parquet"
DATASET = f"{RESULTS}/dataset/{{modality}}/{{batch}}.parquet"
COVERAGE = f"{RESULTS}/coverage/{{modality}}.parquet"

# Networks and their predictions.
NETWORK = f"{RESULTS}/train/{{scope}}/{{modality}}/{{objective}}/{{instance}}/seed{{seed}}"
WEIGHTS = f"{NETWORK}/weights.safetensors"
DESCRIPTION = f"{NETWORK}/description.json"
CURVE = f"{NETWORK}/learning_curve.parquet"
SELECTION = f"{RESULTS}/select/{{scope}}/{{modality}}/{{objective}}.parquet"
PREDICTION = f"{RESULTS}/predict/{{dimension}}/{{modality}}/{{task}}/seed{{seed}}.parquet"
RIDGE = f"{RESULTS}/baselines/{{dimension}}/{{modality}}.parquet"
POSTPROCESSED = f"{RESULTS}/postprocess/{{dimension}}/{{modality}}/{{task}}/seed{{seed}}.parquet"
STEPS = f"{RESULTS}/postprocess/{{dimension}}/{{modality}}/{{task}}/seed{{seed}}.steps.parquet"
FUSED = f"{RESULTS}/fuse/{{dimension}}/{{task}}/seed{{seed}}.parquet"
COEFFICIENTS = f"{RESULTS}/fuse/{{dimension}}/{{task}}/seed{{seed}}.coefficients.parquet"
SUBSET = f"{RESULTS}/fuse/{{dimension}}/{{task}}/{{fusion}}/seed{{seed}}"
FUSED_SUBSET = f"{SUBSET}.parquet"
SUBSET_COEFFICIENTS = f"{SUBSET}.coefficients.parquet"
CONTRIBUTIONS = f"{RESULTS}/contributions.parquet"
PREDICTIVE = f"{RESULTS}/predictive/{{dimension}}/{{task}}.parquet"
PREDICTIVE_FIT = f"{RESULTS}/predictive/{{dimension}}/{{task}}.fit.parquet"

# Evaluation.
SCORES = f"{RESULTS}/ccc.parquet"
SCORES_CSV = f"{RESULTS}/ccc.csv"
SCORES_LATEX = f"{RESULTS}/ccc.tex"
SCORES_SHORT_LATEX = f"{RESULTS}/ccc_short.tex"
RECORDING_SCORES = f"{RESULTS}/recordings.parquet"
RECORDING_SCORES_CSV = f"{RESULTS}/recordings.csv"
INTERVALS = f"{RESULTS}/intervals.parquet"
CLAIMS = f"{RESULTS}/claims.parquet"
HYPOTHESES = f"{RESULTS}/hypotheses.parquet"
POWER = f"{RESULTS}/power.parquet"
UNCERTAINTY = f"{RESULTS}/uncertainty.parquet"
DISTRIBUTION = f"{RESULTS}/distribution.parquet"
DISTRIBUTION_CSV = f"{RESULTS}/distribution.csv"
COVERED = f"{RESULTS}/covered.parquet"
SUMMARY = f"{RESULTS}/summary.parquet"
SIMULATE_CHECK = f"{RESULTS}/simulate_check.parquet"
FRAME_PAIRS = f"{RESULTS}/frame_pairs.parquet"
THUMBNAILS = f"{RESULTS}/thumbnails/{{batch}}.parquet"
FIGURE = f"{RESULTS}/figures/{{figure}}.{{kind}}"
REPORT = f"{RESULTS}/report.html"

GROUP_SCORES = f"{RESULTS}/groups.parquet"
GROUP_SCORES_CSV = f"{RESULTS}/groups.csv"

# Videos of rated recordings.
INSPECTED = f"{RESULTS}/inspect"

# The packed model, and predictions of new recordings.
PACKED_MODEL = f"{RESULTS}/packed_model"
PACKED_FILES = ("model.json", "weights.safetensors")
APPLIED = f"{RESULTS}/apply/{{batch}}.parquet"
APPLIED_FOLDER = f"{RESULTS}/apply/{{batch}}"
APPLIED_PAGE = f"{RESULTS}/apply.html"
APPLIED_VIDEO = f"{RESULTS}/apply_video/{{recording}}.mp4"

# In the folder of softaer predict.
PREDICTIONS = "predictions.html"
PREDICTED_TABLE = "predictions.recordings.csv"

# Records of a run.
LOG = f"{RESULTS}/logs/{{unit}}.log"
BENCHMARK = f"{RESULTS}/benchmarks/{{unit}}.tsv"
EXPERIMENT = f"{RESULTS}/experiment.yaml"


def filled_in(pattern: str, **values: object) -> str:
    """A pattern with some of its wildcards filled in; the others stay.

    Examples
    --------
    >>> filled_in(DATASET, modality="audio")
    'results/dataset/audio/{batch}.parquet'
    """
    for name, value in values.items():
        pattern = pattern.replace(f"{{{name}}}", str(value))
    return pattern


def log_of(unit: str) -> str:
    """Log of a job, given its stage and its unit of work: ``labels/{batch}``."""
    return filled_in(LOG, unit=unit)


def benchmark_of(unit: str) -> str:
    """File with the time and memory of a job."""
    return filled_in(BENCHMARK, unit=unit)


def root(path: str, pattern: str) -> str:
    """Parent of the folder of results, derived from one result file.

    Parameters
    ----------
    path
        Path of the file.
    pattern
        Its pattern, from this module.

    Examples
    --------
    >>> root("/scratch/7/results/fuse/arousal/multi/seed1.parquet", FUSED)
    '/scratch/7'
    >>> root("results/ccc.parquet", SCORES)
    ''
    """
    return os.sep.join(path.split(os.sep)[: -len(pattern.split("/"))])


def within(results: Path, pattern: str, **values: object) -> Path:
    """A file in a given folder of results.

    Parameters
    ----------
    results
        Folder that takes the place of ``results``.
    pattern
        A pattern of this module.
    values
        Values of its wildcards.

    Examples
    --------
    >>> within(Path("elsewhere"), COVERAGE, modality="audio").as_posix()
    'elsewhere/coverage/audio.parquet'
    """
    return Path(results) / pattern.removeprefix(f"{RESULTS}/").format(**values)


def final_prediction(
    results: Path, dimension: str, modality: str, task: str, seed: int, whole: str | None = None
) -> Path:
    """A final prediction in a folder of results; for ``audio+video``, the fusion.

    Parameters
    ----------
    results
        Folder of all results.
    dimension, modality, task, seed
        Of the prediction.
    whole
        Name of the fusion of all modalities; by default, a fusion is of all.

    Examples
    --------
    >>> args = (Path("r"), "arousal", "audio+video", "multi", 1)
    >>> final_prediction(*args).as_posix()
    'r/fuse/arousal/multi/seed1.parquet'
    >>> final_prediction(*args, whole="audio+video+head").as_posix()
    'r/fuse/arousal/multi/audio+video/seed1.parquet'
    """
    patterns = (POSTPROCESSED, FUSED, FUSED_SUBSET)
    return _of_model(patterns, results, dimension, modality, task, seed, whole)


def beside_prediction(
    results: Path, dimension: str, modality: str, task: str, seed: int, whole: str | None = None
) -> Path:
    """The fitted parameters of a final prediction: its steps, or the coefficients of a fusion.

    The arguments are those of :func:`final_prediction`.
    """
    patterns = (STEPS, COEFFICIENTS, SUBSET_COEFFICIENTS)
    return _of_model(patterns, results, dimension, modality, task, seed, whole)


def _of_model(
    patterns: tuple[str, str, str],
    results: Path,
    dimension: str,
    modality: str,
    task: str,
    seed: int,
    whole: str | None,
) -> Path:
    single, of_all, of_some = patterns
    fused = of_all if whole in (None, modality) else of_some
    pattern = fused if JOIN in modality else single
    values = {"dimension": dimension, "modality": modality, "fusion": modality}
    return within(results, pattern, **values, task=task, seed=seed)
