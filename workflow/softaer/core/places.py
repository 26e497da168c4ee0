"""Places: how the files of a run are called.

Rules and stages take the names of results from here and from nowhere else. A pattern has wildcards
in braces, as Snakemake reads them. Rules use patterns as they stand. Results may lie elsewhere for
a stage (below a prefix, on a scratch disk): it is told a folder, and asks :func:`within` it.
"""

import os
from pathlib import Path

from softaer.core.tasks import JOIN

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

# From media to features.
BATCH = f"{RESULTS}/{{stage}}/{{batch}}.parquet"
AUDIO_LLD = f"{RESULTS}/audio_lld/{{batch}}.parquet"
AUDIO_FEATURES = f"{RESULTS}/audio_features/{{batch}}.parquet"
LANDMARKS = f"{RESULTS}/landmarks/{{batch}}.parquet"
VIDEO_FEATURES = f"{RESULTS}/video_features/{{batch}}.parquet"
FEATURES = f"{RESULTS}/{{modality}}_features/{{batch}}.parquet"
STATUS = f"{RESULTS}/status/{{stage}}/{{batch}}.parquet"
STATUS_TABLE = f"{RESULTS}/status.csv"

# From ratings to labels.
LENGTHS = f"{RESULTS}/recording_lengths/{{batch}}.parquet"
RATINGS = f"{RESULTS}/ratings/{{batch}}.parquet"
RATING_SCALES = f"{RESULTS}/rating_scales.parquet"
RATER_LAGS = f"{RESULTS}/rater_lags.parquet"
CORPUS_WEIGHTS = f"{RESULTS}/rater_weights.parquet"
RATER_WEIGHTS = f"{RESULTS}/rater_weights/{{batch}}.parquet"
LABELS = f"{RESULTS}/labels/{{batch}}.parquet"
AGREEMENT = f"{RESULTS}/agreement/{{part}}.parquet"
CEILING = f"{RESULTS}/ceiling.parquet"

# From both to what a network learns from.
STANDARDISATION = f"{RESULTS}/standardisation/{{modality}}.parquet"
ANNOTATION_DELAY = f"{RESULTS}/annotation_delay.parquet"
DATASET = f"{RESULTS}/dataset/{{modality}}/{{batch}}.parquet"
COVERAGE = f"{RESULTS}/coverage/{{modality}}.parquet"

# Networks, and what they predict.
NETWORK = f"{RESULTS}/train/{{scope}}/{{modality}}/{{objective}}/{{instance}}/seed{{seed}}"
WEIGHTS = f"{NETWORK}/weights.safetensors"
DESCRIPTION = f"{NETWORK}/description.json"
CURVE = f"{NETWORK}/learning_curve.parquet"
SELECTION = f"{RESULTS}/select/{{scope}}/{{modality}}/{{objective}}.parquet"
PREDICTION = f"{RESULTS}/predict/{{dimension}}/{{modality}}/{{task}}/seed{{seed}}.parquet"
POSTPROCESSED = f"{RESULTS}/postprocess/{{dimension}}/{{modality}}/{{task}}/seed{{seed}}.parquet"
STEPS = f"{RESULTS}/postprocess/{{dimension}}/{{modality}}/{{task}}/seed{{seed}}.steps.parquet"
FUSED = f"{RESULTS}/fuse/{{dimension}}/{{task}}/seed{{seed}}.parquet"
COEFFICIENTS = f"{RESULTS}/fuse/{{dimension}}/{{task}}/seed{{seed}}.coefficients.parquet"

# What they are worth.
SCORES = f"{RESULTS}/ccc.parquet"
SCORES_CSV = f"{RESULTS}/ccc.csv"
SCORES_LATEX = f"{RESULTS}/ccc.tex"
INTERVALS = f"{RESULTS}/intervals.parquet"
HYPOTHESES = f"{RESULTS}/hypotheses.parquet"
UNCERTAINTY = f"{RESULTS}/uncertainty.parquet"
SUMMARY = f"{RESULTS}/summary.parquet"
SIMULATE_CHECK = f"{RESULTS}/simulate_check.parquet"
FRAME_PAIRS = f"{RESULTS}/frame_pairs.parquet"
FIGURE = f"{RESULTS}/figures/{{figure}}.{{kind}}"
REPORT = f"{RESULTS}/report.html"

# The model for others, and what it says of their recordings.
PACKED_MODEL = f"{RESULTS}/packed_model"
PACKED_FILES = ("model.json", "weights.safetensors")
APPLIED = f"{RESULTS}/apply/{{batch}}.parquet"
APPLIED_FOLDER = f"{RESULTS}/apply/{{batch}}"
APPLIED_VIDEO = f"{RESULTS}/apply_video/{{recording}}.mp4"

# What is said of a run.
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
    """Log of a job, by its stage and its unit of work: ``labels/{batch}``."""
    return filled_in(LOG, unit=unit)


def benchmark_of(unit: str) -> str:
    """Time and memory that a job has taken."""
    return filled_in(BENCHMARK, unit=unit)


def root(path: str, pattern: str) -> str:
    """Folder that the folder of results lies in, by one of its files.

    Parameters
    ----------
    path
        Of the file.
    pattern
        What it is called: one of this module.

    Examples
    --------
    >>> root("/scratch/7/results/fuse/arousal/multi/seed1.parquet", FUSED)
    '/scratch/7'
    >>> root("results/ccc.parquet", SCORES)
    ''
    """
    return os.sep.join(path.split(os.sep)[: -len(pattern.split("/"))])


def within(results: Path, pattern: str, **values: object) -> Path:
    """A file in some folder of results.

    Parameters
    ----------
    results
        Folder that holds what a run keeps in ``results``.
    pattern
        One of this module.
    values
        Of its wildcards.

    Examples
    --------
    >>> within(Path("elsewhere"), COVERAGE, modality="audio").as_posix()
    'elsewhere/coverage/audio.parquet'
    """
    return Path(results) / pattern.removeprefix(f"{RESULTS}/").format(**values)


def final_prediction(results: Path, dimension: str, modality: str, task: str, seed: int) -> Path:
    """A final prediction in some folder of results; that of ``audio+video`` is a fusion."""
    pattern = FUSED if JOIN in modality else POSTPROCESSED
    return within(results, pattern, dimension=dimension, modality=modality, task=task, seed=seed)


def beside_prediction(results: Path, dimension: str, modality: str, task: str, seed: int) -> Path:
    """What was fitted for a final prediction: its steps, or the coefficients of a fusion."""
    pattern = COEFFICIENTS if JOIN in modality else STEPS
    return within(results, pattern, dimension=dimension, modality=modality, task=task, seed=seed)
