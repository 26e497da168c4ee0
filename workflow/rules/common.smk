"""What all chapters share: the checked configuration, the corpus, and how outputs are named.

A stage has one name: its module in workflow/softaer, its folder in results, its logs and benchmarks. Its
rule has it too, unless a target of the command line (labels, dataset, train, fuse) is called so; then the
rule adds its unit of work, as in labels_batch.
"""

import functools
import inspect
import itertools
import json
import os
import shlex
import sys
import uuid
from dataclasses import replace

import pandas as pd
import yaml
from snakemake.exceptions import WorkflowError
from snakemake.utils import Paramspace, validate

PACKAGES = f"{workflow.basedir}/workflow"
SCHEMAS = f"{PACKAGES}/schemas"
sys.path.insert(0, PACKAGES)
# Rules run "python -m softaer.<stage>": with the Python that runs Snakemake, active or not, or with that of
# their conda environment. Snakemake clears PYTHONPATH for the latter, so it is set inside the command.
os.environ.update(PATH=os.path.dirname(sys.executable) + os.pathsep + os.getenv("PATH", ""))
# Jobs know the run that submitted them, and do nothing when another has taken over the folder. Each shares
# a lock as long as it runs, so that a run can see what a killed one has left at work.
if workflow.is_main_process:
    os.environ["SOFTAER_RUN"] = str(uuid.uuid4())
shell.prefix(
    f"set -euo pipefail; export PYTHONPATH={shlex.quote(PACKAGES)}; "
    "if command -v flock > /dev/null && [ -d .snakemake ]; "
    "then exec 9<> .snakemake/softaer.jobs; flock --shared 9 || true; fi; "
    'if grep -qsxF "$SOFTAER_RUN" .snakemake/softaer.runs '
    '&& [ "$(tail -n 1 .snakemake/softaer.runs)" != "$SOFTAER_RUN" ]; '
    'then echo "A later run has taken over this folder." >&2; exit 1; fi; '
)

from softaer.core import code_digest as digests
from softaer.running import configuration, lock
from softaer import corpus, layouts
from softaer.networks.allocation import KEEP_FREED_MEMORY
from softaer.corpus import (
    COLUMNS,
    PARTITIONS,
    check_batches,
    check_files,
    choices,
    rated,
    read_rows,
    resolve,
    row_schema,
    validate_rows,
)
from softaer.core.errors import InputError
from softaer.running.orphans import end_orphans
from softaer.running.pins import read_pins
from softaer.core.home import SCRIPT, TEMPLATE
from softaer.simulate.plan import plan
from softaer.simulate.subjects import SUBJECTS
from softaer.core.tasks import FIRST_STAGES, JOIN, OBJECTIVES, READERS, all_networks_of, networks


envvars:
    "SOFTAER_RUN",


if not workflow.is_main_process and lock.taken_over(
    ".snakemake/softaer.runs", os.environ["SOFTAER_RUN"]
):
    raise WorkflowError(
        "A later run has taken over this folder; this job of a former one does nothing."
    )

PINS = read_pins(f"{workflow.basedir}/envs")

# Stands before commands that free and ask for large blocks of memory all the time.
ALLOCATION = " ".join(f"{name}={value}" for name, value in KEEP_FREED_MEMORY.items())


# What is compared between runs, and not part of a command, is of no use in a job of a cluster: its results are
# recorded by the run that submitted it. Only the cache is asked by the job itself.
COMPARING = workflow.is_main_process or workflow.enable_cache


def code_digest(stage):
    """Digest of a stage's code."""
    return digests.code_digest(stage) if COMPARING else None


def file_digest(path):
    """Digest of a file that belongs to a stage's code."""
    return digests.file_digest(path) if COMPARING else None


def relevant(recordings, columns):
    """What some columns say of some recordings."""
    return corpus.relevant(recordings, columns) if COMPARING else None


def read_schema(name):
    with open(f"{SCHEMAS}/{name}.schema.yaml") as file:
        return yaml.load(file, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


LISTED_TABLE = "results/corpus/listed.csv"


def read_corpus():
    """The corpus table's path and its recordings; jobs trust what the main process has checked."""
    if SIMULATED:
        table = "results/corpus/recordings.csv"
        return table, resolve(plan(config["simulate"]["recordings"]), os.path.dirname(table))
    if LISTED:
        table, where, folder = LISTED_TABLE, f"{ROOT} as {config['corpus']['layout']}", ""
        rows = dict(enumerate(LAYOUT.rows(ROOT), start=2))
    else:
        table = where = config["corpus"]["recordings"]
        rows, folder = read_rows(table), os.path.dirname(table)
    if workflow.is_main_process:
        validate_rows(rows, row_schema(), where)
    recordings = resolve(rows.values(), folder)
    if workflow.is_main_process:
        check_files(recordings, config["dimensions"], where)
        check_batches(recordings, where)
    return table, recordings


try:
    if workflow.is_main_process:
        configuration.check(config, read_schema("config"))
    validate(config, f"{SCHEMAS}/config.schema.yaml")
    LAYOUT = layouts.layout(config["corpus"]["layout"])
    ROOT = config["corpus"]["root"]
    # A table says which recordings there are; without one, the layout lists them.
    LISTED = config["corpus"]["recordings"] == "simulated" and ROOT is not None
    SIMULATED = config["corpus"]["recordings"] == "simulated" and ROOT is None
    if workflow.is_main_process:
        configuration.check_layout(config, LAYOUT)
    TABLE, RECORDINGS = read_corpus()
except InputError as error:
    raise WorkflowError(str(error)) from None


def read_applied():
    """New recordings of a table of their own, and all those that the model is applied to."""
    table = config["apply"]["recordings"]
    if table is None:
        return [], [recording for recording in RECORDINGS if recording.annotations is None]
    rows = read_rows(table)
    if workflow.is_main_process:
        validate_rows(rows, row_schema(), table)
        # The simulated corpus is of no concern to a model from elsewhere.
        others = [] if SIMULATED and config["apply"]["model"] else RECORDINGS
        known = {recording.recording for recording in others}
        known |= {recording.batch for recording in others}
        for row in rows.values():
            for column in ("recording", "batch"):
                if row.get(column) in known:
                    raise InputError(
                        f"{table}, column {column!r}: found {row[column]!r}, which {TABLE} has too; "
                        "expected names of its own"
                    )
    new = resolve(rows.values(), os.path.dirname(table))
    if workflow.is_main_process:
        check_batches(new, table)
        # Nobody has to have rated them.
        check_files([replace(recording, annotations=None) for recording in new], [], table)
    return new, new


try:
    NEW, APPLIED = read_applied()
except InputError as error:
    raise WorkflowError(str(error)) from None

# Extraction is shared with other experiments through Snakemake's cache if --cache is given; not where
# recordings may be skipped, since others may want to read what was skipped here.
SHARED = workflow.enable_cache and config["on_bad_recording"] == "fail"

RATED = rated(RECORDINGS)
BATCHES = sorted({recording.batch for recording in RECORDINGS})

DIMENSIONS = config["dimensions"]
MODALITIES = [name for name in ("audio", "video") if name in config["modalities"]]
FUSED_MODALITIES = JOIN.join(MODALITIES) if len(MODALITIES) > 1 else None
ALL_MODALITIES = [*MODALITIES, *filter(None, [FUSED_MODALITIES])]
TARGETS = config["targets"]
TASKS = config["tasks"]
SEEDS = config["seeds"]
FEATURE_STAGES = [f"{modality}_features" for modality in MODALITIES]
ALL_READERS = [READERS[modality] for modality in MODALITIES]
# Where values are held to the end of a recording, its length has to be known.
HELD = config["ratings"]["interpolation"] == "hold"
# Stages that write down what was odd in their inputs, in results/status.
NOTING = [*ALL_READERS, *(["audio_features"] if "audio" in MODALITIES else []), "ratings", "labels"]
ALL_COVERAGE = collect("results/coverage/{modality}.parquet", modality=MODALITIES)

# Without a grid there is one instance; the number of cells names it.
GRID = {key.partition(".")[2]: values for key, values in config["grid"].items()}
GRID = GRID or {"cells": [config["model"]["cells"]]}
INSTANCES = Paramspace(
    pd.DataFrame(itertools.product(*GRID.values()), columns=list(GRID)),
    filename_params="*",
    filename_sep=",",
)

NETWORK = "{scope}/{modality}/{objective}"
RUN = f"{NETWORK}/{INSTANCES.wildcard_pattern}/seed{{seed}}"
WEIGHTS = f"results/train/{RUN}/weights.safetensors"
DESCRIPTION = f"results/train/{RUN}/description.json"
CURVE = f"results/train/{RUN}/learning_curve.parquet"
SELECTION = f"results/select/{NETWORK}.parquet"
MODEL = "{dimension}/{modality}/{task}/seed{seed}"
PREDICTION = f"results/predict/{MODEL}.parquet"
POSTPROCESSED = f"results/postprocess/{MODEL}.parquet"
STEPS = f"results/postprocess/{MODEL}.steps.parquet"
FUSED = "results/fuse/{dimension}/{task}/seed{seed}.parquet"
COEFFICIENTS = "results/fuse/{dimension}/{task}/seed{seed}.coefficients.parquet"

ALL_NETWORKS = all_networks_of(TASKS, DIMENSIONS, TARGETS)
ALL_MODELS = {"dimension": DIMENSIONS, "modality": MODALITIES, "task": TASKS, "seed": SEEDS}
ALL_FUSED, ALL_COEFFICIENTS = (
    collect(pattern, dimension=DIMENSIONS, task=TASKS, seed=SEEDS) if FUSED_MODALITIES else []
    for pattern in (FUSED, COEFFICIENTS)
)

APPLIED_TASK = config["apply"]["task"] or TASKS[-1]
APPLIED_NETWORKS = all_networks_of([APPLIED_TASK], DIMENSIONS, TARGETS)
PACKED_MODEL = config["apply"]["model"] or "results/packed_model"
EXTRACTION = json.dumps({modality: config[modality] for modality in MODALITIES})

ESTIMATED_DELAY = config["delay"] == "estimated"
DELAY_TABLE = ["results/annotation_delay.parquet"] if ESTIMATED_DELAY else []
DELAYS = (
    ["--delay-table", *DELAY_TABLE]
    if ESTIMATED_DELAY
    else [
        word
        for dimension, seconds in configuration.delays(config).items()
        for word in ("--delay", dimension, seconds)
    ]
)
LEARNT = [
    *("--dimensions", *DIMENSIONS),
    *("--targets", *TARGETS),
    *("--modalities", *ALL_MODALITIES),
    *("--seeds", *SEEDS),
]
EXPERIMENT = [*LEARNT, "--tasks", *TASKS]
LAGS = ["results/rater_lags.parquet"] if config["labels"]["alignment"] == "estimated" else []
CORPUS_WEIGHTS = (
    ["results/rater_weights.parquet"]
    if (config["labels"]["estimator"], config["labels"]["weights"]) == ("ewe", "corpus")
    else []
)
CHECK = ["results/simulate_check.parquet"] if SIMULATED else []
FIGURES = ["scores", "traces", "uncertainty", "agreement", "frame_pairs", "learning_curves"]
# What was delivered under a licence may not be shown, unless somebody says that it may.
PICTURES = config["report"]["frames"]
if PICTURES is None:
    PICTURES = config["corpus"]["layout"] == "table"
PICTURES = PICTURES and "video" in MODALITIES


wildcard_constraints:
    **{name: "[^/,]+" for name in GRID},
    batch="[A-Za-z0-9_][A-Za-z0-9_.-]*",
    recording="[A-Za-z0-9_][A-Za-z0-9_.-]*",
    subject="[A-Za-z0-9_]+",
    dimension="[A-Za-z][A-Za-z0-9-]*",
    modality="audio|video",
    scope="[A-Za-z][A-Za-z0-9+-]*",
    objective="|".join(OBJECTIVES).replace("+", "[+]"),
    task="single|multi|joint",
    seed="[0-9]+",


def by_batch(recordings):
    """A function that gives the recordings of a batch. Every job asks, so they are sorted once."""
    batches = {}
    for recording in recordings:
        batches.setdefault(recording.batch, []).append(recording)

    def of(batch):
        if batch not in batches:
            raise WorkflowError(f"{TABLE}: no such recordings in a batch {batch!r}")
        return batches[batch]

    return of


recordings_of, rated_of = by_batch([*RECORDINGS, *NEW]), by_batch(RATED)
applied_of = by_batch(APPLIED)


APPLIED_BY_NAME = {recording.recording: recording for recording in APPLIED}


def applied_named(name):
    """A recording that the model is applied to."""
    if name not in APPLIED_BY_NAME:
        raise WorkflowError(f"no recording {name!r} to apply a model to")
    return APPLIED_BY_NAME[name]


def applied_files():
    """What the target 'apply' makes: for every recording that nobody rated, or of a table of its own."""
    if not APPLIED:
        raise WorkflowError(
            f"{TABLE}: no recording without annotations; expected some, or a table of recordings in "
            "'apply.recordings'"
        )
    batches = sorted({recording.batch for recording in APPLIED})
    files = collect("results/apply/{batch}.parquet", batch=batches)
    if config["apply"]["video"]:
        seen = [recording.recording for recording in APPLIED if recording.video]
        files += collect("results/apply_video/{recording}.mp4", recording=seen)
    return files


@functools.cache
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

    @functools.cache
    def expanded(**fixed):
        batches = sorted({r.batch for r in rated_in(*partitions)})
        return list(dict.fromkeys(collect(pattern, batch=batches, **fixed)))

    def files(wildcards):
        if "modality" in wildcards.keys():
            return expanded(modality=wildcards.modality)
        return expanded(modality=tuple(MODALITIES))

    return files


def measured_media(wildcards):
    """Media files of a batch's rated recordings, without files that were never there."""
    paths = [path for r in rated_of(wildcards.batch) for path in (r.audio, r.video) if path]
    measured = os.path.exists(f"results/recording_lengths/{wildcards.batch}.parquet")
    return [p for p in dict.fromkeys(paths) if SIMULATED or measured or os.path.exists(p)]


def recording_flags(recordings, path):
    """Arguments "--recording NAME PATH" of the recordings that have a path, quoted for the shell.

    Quoted here, since Snakemake formats a command three times and takes long over thousands of words.
    """
    return shlex.join(
        word
        for recording in recordings
        if path(recording) is not None
        for word in ("--recording", recording.recording, path(recording))
    )


def media_read(batch, kind):
    """Media files that the stage of a kind of stream opens: its own, and those that share their clock."""
    files = []
    for recording in recordings_of(batch):
        path = getattr(recording, kind)
        if path:
            files += [path, dict(chosen(recording, kind)).get("beside", path)]
    return list(dict.fromkeys(files))


def chosen(recording, kind):
    """What of a recording's media is the subject's; without the file beside if that alone is not there.

    An experiment with sound alone does not need the pictures. Where both were put away after extraction,
    nothing has changed.
    """
    own = getattr(recording, kind)
    return [
        (name, value)
        for name, value in choices(recording, kind)
        if name != "beside" or os.path.exists(value) or not os.path.exists(own)
    ]


def choice_flags(batch, kind):
    """Arguments "--choose NAME WHAT VALUE": what of each recording's media is the subject's."""
    return shlex.join(
        word
        for recording in recordings_of(batch)
        if getattr(recording, kind)
        for choice in chosen(recording, kind)
        for word in ("--choose", recording.recording, *choice)
    )


def with_turns(batch):
    """Recordings with sound of a batch, if it matters when their subjects speak."""
    if config["audio"]["turns"] == "ignore":
        return []
    recordings = [r for r in recordings_of(batch) if r.audio]
    for recording in recordings:
        if recording.turns is None:
            raise WorkflowError(
                f"recording {recording.recording!r} has no turns; expected a path in its table's column "
                f"'turns' (audio.turns: {config['audio']['turns']})"
            )
    return recordings


WHOLE_ROWS = [name for name in COLUMNS if name not in ("media", "batch")]
SUBJECT_OF = {recording.recording: recording.subject for recording in RECORDINGS}


def subject_of(recording):
    """Subject of a simulated recording."""
    return SUBJECT_OF[recording]


def portrait(recording, kind):
    """Portrait (png) of a simulated recording's subject, or its points (parquet)."""
    return f"results/corpus/portraits/{subject_of(recording)}.{kind}"


def pins(*packages):
    """Versions of the packages that make a stage's values; another version reruns it."""
    return [f"{package}=={PINS[package]}" for package in packages]


def growing(own, per_input=0):
    """A resource by the attempt: what a job takes itself, and so much for each MB of its input.

    Used for memory [MB] and for run time [min]. Input that is not there yet counts for nothing: a job
    that is submitted without any request gets what the cluster gives by default.
    """
    if not per_input:

        def resource(wildcards, attempt):
            return int(own * attempt)

    else:

        def resource(wildcards, input, attempt):
            size = sum(os.path.getsize(path) for path in input if os.path.exists(path)) / 1e6
            return int((own + per_input * size) * attempt)

    # Snakemake asks for it several times per job, and it would be worked out each time.
    resource.__signature__ = inspect.signature(resource)
    return resource


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
        elif isinstance(value, list):
            words += [f"--{name}", *value]
        else:
            words += [f"--{name}", value]
    return words


# A resource and not a parameter: what has been read stays valid under other limits, and is not read again.
READING_LIMITS = " ".join(map(str, options(config["media"])))
READING = f"{READING_LIMITS} --on-bad-recording {config['on_bad_recording']}"

ESTIMATOR = [
    *("--estimator", config["labels"]["estimator"]),
    *("--against", config["labels"]["against"]),
    *("--spread", config["labels"]["spread"]),
    *("--spread-about", config["labels"]["spread_about"]),
    *flag("--corpus-weights", CORPUS_WEIGHTS),
    *flag("--rater-lags", LAGS),
]


def overridden(section, wildcards):
    """A section of the configuration with the values of an instance of the grid."""
    values = INSTANCES.instance(wildcards)
    return config[section] | {
        # numpy's scalars become Python's, so that params hold plain values
        key: value.item() if hasattr(value, "item") else value
        for key, value in values.items()
        if key in config[section]
    }


def instances_of(pattern, scope, objective, seeds=SEEDS):
    """A file of each instance and seed of a network, for one modality or its wildcard."""
    return [
        pattern.replace(INSTANCES.wildcard_pattern, instance)
        .replace("{scope}", scope)
        .replace("{objective}", objective)
        .replace("{seed}", str(seed))
        for instance in INSTANCES.instance_patterns
        for seed in seeds
    ]


def all_networks(pattern, networks=ALL_NETWORKS):
    """A file of every instance and seed of some networks."""
    return [
        path.replace("{modality}", modality)
        for scope, objective in networks
        for modality in MODALITIES
        for path in instances_of(pattern, scope, objective)
    ]


def selections(networks):
    """The selection of each network."""
    return [
        SELECTION.format(scope=scope, modality=modality, objective=objective)
        for scope, objective in networks
        for modality in MODALITIES
    ]


def per_modality(name, paths):
    """Arguments "NAME MODALITY PATH", once per modality."""
    return [word for modality, path in zip(MODALITIES, paths) for word in (name, modality, path)]


def networks_of(wildcards):
    """Scope and objective of the networks behind a prediction."""
    return networks(wildcards.task, wildcards.dimension, DIMENSIONS, TARGETS)


def targets_of_corpus(wildcards):
    """Datasets that hold the labels; those of any modality do, they are the same."""
    pattern = f"results/dataset/{MODALITIES[0]}/{{batch}}.parquet"
    return rated_batches(pattern)(wildcards)


def drawn(name):
    """Files of a figure; the one is shown in Snakemake's own report too."""
    shown = report(
        f"results/figures/{name}.svg",
        caption=f"../report/{name}.rst",
        category="Figures",
        labels={"figure": name.replace("_", " "), "format": "SVG"},
    )
    return [f"results/figures/{name}.pdf", shown]
