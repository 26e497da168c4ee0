"""What all chapters share: the checked configuration, the corpus, and how outputs are named.

A stage has one name: its module in workflow/softaer, its folder in results, its logs and benchmarks. Its
rule has it too, unless a target of the command line (labels, dataset, train, fuse) is called so; then the
rule adds its unit of work, as in labels_batch.
"""

import json
import os
import sys

import yaml
from snakemake.exceptions import WorkflowError
from snakemake.utils import validate

PACKAGES = f"{workflow.basedir}/workflow"
SCHEMAS = f"{PACKAGES}/schemas"
TEMPLATE = f"{PACKAGES}/report/report.html.j2"
sys.path.insert(0, PACKAGES)
# Rules run "python -m softaer.<stage>", with or without a conda environment of their own.
SEARCH_PATH = [PACKAGES, *filter(None, os.getenv("PYTHONPATH", "").split(os.pathsep))]
os.environ.update(PYTHONPATH=os.pathsep.join(dict.fromkeys(SEARCH_PATH)))

from softaer import configuration
from softaer.code_digest import code_digest
from softaer.corpus import (
    PARTITIONS,
    rated,
    read_rows,
    relevant,
    resolve,
    validate_rows,
)
from softaer.errors import InputError
from softaer.simulate.plan import plan
from softaer.simulate.subjects import SUBJECTS
from softaer.tasks import FUSED as FUSION_SIGN
from softaer.tasks import OBJECTIVES, TARGETS, TASKS as OBJECTIVE_OF


def read_schema(name):
    with open(f"{SCHEMAS}/{name}.schema.yaml") as file:
        return yaml.safe_load(file)


def read_corpus():
    """The corpus table's path and its rows; jobs trust what the main process has checked."""
    if SIMULATED:
        return "results/corpus/recordings.csv", plan(config["simulate"]["recordings"])
    table = config["corpus"]["recordings"]
    rows = read_rows(table)
    if workflow.is_main_process:
        validate_rows(rows, read_schema("recordings"), table)
    return table, list(rows.values())


try:
    configuration.check(config, read_schema("config"))
    validate(config, f"{SCHEMAS}/config.schema.yaml")
    SIMULATED = config["corpus"]["recordings"] == "simulated"
    TABLE, ROWS = read_corpus()
except InputError as error:
    raise WorkflowError(str(error)) from None

RECORDINGS = resolve(ROWS, os.path.dirname(TABLE))
RATED = rated(RECORDINGS)
BATCHES = sorted({recording.batch for recording in RECORDINGS})

DIMENSIONS = config["dimensions"]
MODALITIES = config["modalities"]
TASKS = config["tasks"]
SEEDS = config["seeds"]
NETWORKS = {
    "dimension": DIMENSIONS,
    "modality": MODALITIES,
    "objective": sorted({o for task in TASKS for o in OBJECTIVE_OF[task].values()}),
    "seed": SEEDS,
}
FUSED_MODALITIES = FUSION_SIGN.join(MODALITIES) if len(MODALITIES) > 1 else None

FEATURE_STAGES = [f"{modality}_features" for modality in MODALITIES]
NETWORK = "{dimension}/{modality}/{objective}/seed{seed}"
WEIGHTS = f"results/train/{NETWORK}/weights.safetensors"
DESCRIPTION = f"results/train/{NETWORK}/description.json"
CURVE = f"results/train/{NETWORK}/learning_curve.parquet"
PREDICTION = f"results/predict/{NETWORK}.parquet"
FUSED = "results/fuse/{dimension}/{task}/seed{seed}.parquet"
ALL_FUSED = collect(FUSED, dimension=DIMENSIONS, task=TASKS, seed=SEEDS) if FUSED_MODALITIES else []

DELAYS = [
    word
    for dimension, seconds in configuration.delays(config).items()
    for word in ("--delay", dimension, seconds)
]


wildcard_constraints:
    batch="[A-Za-z0-9_][A-Za-z0-9_.-]*",
    recording="[A-Za-z0-9_][A-Za-z0-9_.-]*",
    subject="[A-Za-z0-9_]+",
    dimension="[A-Za-z][A-Za-z0-9-]*",
    modality="audio|video",
    objective="|".join(OBJECTIVES).replace("+", "[+]"),
    task="|".join(OBJECTIVE_OF),
    seed="[0-9]+",


def recordings_of(batch, of=RECORDINGS):
    return [r for r in of if r.batch == batch]


def rated_in(*partitions):
    """Rated recordings of some partitions, or why there is no experiment without them."""
    if not RATED:
        raise WorkflowError(
            f"{TABLE}: no recording has annotations; expected paths in column 'annotations' "
            "(only the target 'extract' does without)"
        )
    for recording in RATED:
        if recording.partition is None or recording.subject is None:
            lacking = "partition" if recording.partition is None else "subject"
            raise WorkflowError(
                f"{TABLE}: recording {recording.recording!r} has annotations but no {lacking}"
            )
    for partition in partitions:
        if not any(r.partition == partition for r in RATED):
            raise WorkflowError(
                f"{TABLE}: no rated recording in partition {partition!r}; expected at least one"
            )
    return [r for r in RATED if r.partition in (partitions or PARTITIONS)]


def rated_batches(pattern, *partitions):
    """An input function: one file for each batch with rated recordings of some partitions."""

    def files(wildcards):
        batches = sorted({r.batch for r in rated_in(*partitions)})
        fixed = {"modality": MODALITIES} | dict(wildcards.items())
        return list(dict.fromkeys(collect(pattern, batch=batches, **fixed)))

    return files


def recording_flags(recordings, path):
    """Arguments "--recording NAME PATH" of the recordings that have a path."""
    return [
        word
        for recording in recordings
        if path(recording) is not None
        for word in ("--recording", recording.recording, path(recording))
    ]


def subject_of(recording):
    """Subject of a simulated recording."""
    return next(row["subject"] for row in ROWS if row["recording"] == recording)


def portrait(recording, kind):
    """Portrait (png) of a simulated recording's subject, or its points (parquet)."""
    return f"results/corpus/portraits/{subject_of(recording)}.{kind}"


def flag(name, value):
    """Arguments "NAME VALUE..." of a command, or nothing without a value."""
    if value is None or value == []:
        return []
    return [name, *(value if isinstance(value, list) else [value])]


def options(section):
    """Arguments of a command from a section of the configuration: --learning-rate 0.001 ..."""
    words = []
    for key, value in section.items():
        name = key.replace("_", "-")
        if isinstance(value, bool):
            words.append(f"--{name}" if value else f"--no-{name}")
        else:
            words += [f"--{name}", value]
    return words


def predictions_to_fuse(wildcards):
    """Modality, target and path of the predictions that go into a fusion."""
    return [
        (
            modality,
            target,
            PREDICTION.format(
                dimension=wildcards.dimension,
                modality=modality,
                objective=OBJECTIVE_OF[wildcards.task][target],
                seed=wildcards.seed,
            ),
        )
        for target in TARGETS
        for modality in MODALITIES
    ]


def targets_of_corpus(wildcards):
    """Datasets that hold the labels; those of any modality do, they are the same."""
    pattern = f"results/dataset/{MODALITIES[0]}/{{batch}}.parquet"
    return rated_batches(pattern)(wildcards)
