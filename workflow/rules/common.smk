"""What all chapters share: the checked configuration, the corpus, and short names for the rules.

A stage has one name: its module in workflow/softaer, its folder in results, its logs and benchmarks. Its
rule has it too, unless a target of the command line (labels, dataset, train, fuse) is called so; then the
rule adds its unit of work, as in labels_batch. Names of results stand in softaer/core/places.py.
"""

import functools
import json
import os
import shlex
import sys

from snakemake.exceptions import WorkflowError

from softaer import corpus, layouts
from softaer.core import code_digest as digests
from softaer.core import lock, places
from softaer.core.errors import InputError
from softaer.core.home import SCRIPT, TEMPLATE, package_alone
from softaer.core.places import benchmark_of, filled_in, log_of
from softaer.core.tasks import JOIN, OBJECTIVES, READERS, all_networks_of, networks
from softaer.corpus import COLUMNS
from softaer.networks.allocation import KEEP_FREED_MEMORY
from softaer.page import published
from softaer.running import configuration, paths, recordings, snakemake_private, start
from softaer.running.instances import instances
from softaer.running.params import flag_of, folder_of, results_by
from softaer.running.pins import read_pins
from softaer.running.snakemake_private import (
    as_it_lies,
    of_input,
    of_wildcards,
    untimed,
)
from softaer.running.words import (
    choice_flags,
    flag,
    media_read,
    options,
    per_modality,
    recording_flags,
    whereabouts,
)
from softaer.simulate.subjects import SUBJECTS

MAIN_PROCESS = workflow.is_main_process


def told(function):
    """The same function, whose errors Snakemake tells in one line."""

    @functools.wraps(function)
    def with_errors_told(*values, **named):
        try:
            return function(*values, **named)
        except InputError as error:
            raise WorkflowError(str(error)) from None

    return with_errors_told


@told
def read_experiment():
    """The configuration, its layout, the recordings, and which scores of others stand beside the own.

    Jobs trust what the main process has checked.
    """
    filled = configuration.filled(config, check=MAIN_PROCESS)
    filled = paths.located(filled, *snakemake_private.configurations(workflow))
    layout = layouts.layout(filled["corpus"]["layout"])
    if MAIN_PROCESS:
        configuration.check_layout(filled, layout)
    found = recordings.read(filled, layout, check=MAIN_PROCESS)
    asked = filled["report"]["published"]
    others = published.chosen_table(asked, layout, found.simulated, check=MAIN_PROCESS)
    return filled, layout, found, others


config, LAYOUT, CORPUS, PUBLISHED = read_experiment()

# Rules run "python -m softaer.<stage>": with the Python that runs Snakemake, active or not, or with that of
# their conda environment, for which Snakemake clears PYTHONPATH.
os.environ.update(PATH=os.path.dirname(sys.executable) + os.pathsep + os.getenv("PATH", ""))
if PACKAGES is not None:
    os.environ.update(PYTHONPATH=PACKAGES)
if snakemake_private.deploys_conda(workflow):
    shell.prefix(f"export PYTHONPATH={shlex.quote(PACKAGES or package_alone())}; ")


# Jobs know the run that has submitted them, and do nothing when another has taken over the folder.
if MAIN_PROCESS:
    start.name_run()


envvars:
    lock.RUN,


PINS = read_pins(f"{PROJECT}/envs")
# Stands before commands that free and ask for large blocks of memory all the time.
ALLOCATION = " ".join(f"{name}={value}" for name, value in KEEP_FREED_MEMORY.items())

# What is compared between runs, and not part of a command, is of no use in a job of a cluster: its results are
# recorded by the run that submitted it. Only the cache is asked by the job itself.
COMPARING = MAIN_PROCESS or workflow.enable_cache
DIGESTS = digests.Digests(".snakemake/softaer.digests.json") if COMPARING else None


def code_digest(stage):
    """Digest of a stage's code."""
    return DIGESTS.of(stage) if COMPARING else None


def file_digest(path):
    """Digest of a file that belongs to a stage's code."""
    return digests.file_digest(path) if COMPARING else None


def relevant(recordings, columns):
    """What some columns say of some recordings."""
    return corpus.relevant(recordings, columns) if COMPARING else None


def pins(*packages):
    """Versions of the packages that make a stage's values; another version reruns it."""
    return [f"{package}=={PINS[package]}" for package in packages]


STORED = snakemake_private.in_storage(workflow)
PLACED = snakemake_private.placed(workflow)
growing = functools.partial(snakemake_private.growing, stored=STORED)

# Extraction is shared with other experiments through Snakemake's cache if --cache is given; not where
# recordings may be skipped, since others may want to read what was skipped here.
SHARED = workflow.enable_cache and config["on_bad_recording"] == "fail"

# The table is an input for its content, which relevant() compares, and not for its time.
OWN_TABLE = not (CORPUS.simulated or CORPUS.listed)
TABLE = ancient(as_it_lies(CORPUS.table) if OWN_TABLE else CORPUS.table)
RATED = CORPUS.rated
WHOLE_ROWS = [name for name in COLUMNS if name not in ("media", "batch")]

DIMENSIONS, TARGETS = config["dimensions"], config["targets"]
TASKS, SEEDS = config["tasks"], config["seeds"]
MODALITIES = [name for name in ("audio", "video") if name in config["modalities"]]
FUSED_MODALITIES = JOIN.join(MODALITIES) if len(MODALITIES) > 1 else None
ALL_MODALITIES = [*MODALITIES, *filter(None, [FUSED_MODALITIES])]
FEATURE_STAGES = [f"{modality}_features" for modality in MODALITIES]
ALL_READERS = [READERS[modality] for modality in MODALITIES]
# Where values are held to the end of a recording, its length has to be known.
HELD = config["ratings"]["interpolation"] == "hold"
# Stages that write down what was odd in their inputs, in results/status.
NOTING = [*ALL_READERS, *(["audio_features"] if "audio" in MODALITIES else []), "ratings", "labels"]
ALL_COVERAGE = collect(places.COVERAGE, modality=MODALITIES)

ALL_NETWORKS = all_networks_of(TASKS, DIMENSIONS, TARGETS)
ALL_MODELS = {"dimension": DIMENSIONS, "modality": MODALITIES, "task": TASKS, "seed": SEEDS}
ALL_FUSED, ALL_COEFFICIENTS = (
    collect(pattern, dimension=DIMENSIONS, task=TASKS, seed=SEEDS) if FUSED_MODALITIES else []
    for pattern in (places.FUSED, places.COEFFICIENTS)
)
INSTANCES = {
    objective: instances(config["grid"], config["model"] | config["training"], objective)
    for objective in OBJECTIVES
}

APPLIED_TASK = config["apply"]["task"] or TASKS[-1]
APPLIED_NETWORKS = all_networks_of([APPLIED_TASK], DIMENSIONS, TARGETS)
PACKED_MODEL = config["apply"]["model"] or places.PACKED_MODEL
EXTRACTION = json.dumps({modality: config[modality] for modality in MODALITIES})

DELAY_TABLE = [places.ANNOTATION_DELAY] if config["delay"] == "estimated" else []
LEARNT = [
    *("--dimensions", *DIMENSIONS),
    *("--targets", *TARGETS),
    *("--modalities", *ALL_MODALITIES),
    *("--seeds", *SEEDS),
]
EXPERIMENT = [*LEARNT, "--tasks", *TASKS]
LAGS = [places.RATER_LAGS] if config["labels"]["alignment"] == "estimated" else []
CORPUS_WEIGHTS = (
    [places.CORPUS_WEIGHTS]
    if (config["labels"]["estimator"], config["labels"]["weights"]) == ("ewe", "corpus")
    else []
)
CHECK = [places.SIMULATE_CHECK] if CORPUS.simulated else []
READING_LIMITS = " ".join(map(str, options(config["media"])))
READING = f"{READING_LIMITS} --on-bad-recording {config['on_bad_recording']}"


wildcard_constraints:
    batch="[A-Za-z0-9_][A-Za-z0-9_.-]*",
    recording="[A-Za-z0-9_][A-Za-z0-9_.-]*",
    subject="[A-Za-z0-9_]+",
    dimension="[A-Za-z][A-Za-z0-9-]*",
    modality="audio|video",
    scope="[A-Za-z][A-Za-z0-9+-]*",
    objective="|".join(OBJECTIVES).replace("+", "[+]"),
    instance="[^/]+",
    task="single|multi|joint",
    seed="[0-9]+",


recordings_of, rated_of, applied_of, applied_named, rated_in, with_turns = map(
    told,
    (
        CORPUS.of,
        CORPUS.rated_of,
        CORPUS.applied_of,
        CORPUS.applied_named,
        CORPUS.rated_in,
        CORPUS.with_turns,
    ),
)


def turns_of_batch(wildcards):
    """Input: when the subjects of a batch speak."""
    return CORPUS.where(r.turns for r in with_turns(wildcards.batch))


def turn_flags(wildcards):
    """For params: arguments with these files."""
    return recording_flags(with_turns(wildcards.batch), lambda r: r.turns, {})


def delay_of(name):
    """For params: the delay of the annotations, or the table that has it, which is an input then."""
    if DELAY_TABLE:
        return flag_of("--delay-table", name)
    return [
        word
        for dimension, seconds in configuration.delays(config).items()
        for word in ("--delay", dimension, seconds)
    ]


def media_of_batch(kind):
    """Input: media files that the stage of a kind of stream opens."""
    return of_wildcards(
        lambda wildcards: CORPUS.where(
            media_read(recordings_of(wildcards.batch), kind), simulated=True
        )
    )


def relevant_in_batch(columns):
    """For params: what some columns say of the recordings of a batch."""
    return of_wildcards(lambda wildcards: relevant(recordings_of(wildcards.batch), columns))


def media_of(kind):
    """For params: arguments with these files, what in them is the subject's, and what counts as bad.

    What has been read stays valid under other limits, and is not read again.
    """

    def words(wildcards, input):
        some = recordings_of(wildcards.batch)
        lies = whereabouts(media_read(some, kind), input)
        files = recording_flags(some, lambda recording: getattr(recording, kind), lies)
        return f"{files} {choice_flags(some, kind, lies)} {READING}"

    return of_input(words)


def measured_media(wildcards):
    """Input: media files of a batch's rated recordings, without files that were never there."""
    paths = [path for r in rated_of(wildcards.batch) for path in (r.audio, r.video)]
    lengths = filled_in(places.LENGTHS, batch=wildcards.batch)
    measured = CORPUS.simulated or STORED or os.path.exists(PLACED(lengths))
    paths = [path for path in paths if path and (measured or os.path.exists(path))]
    return CORPUS.where(paths, simulated=True)


def lengths_of(path):
    """For params: arguments with those of a batch's measured files that a function gives."""

    def words(wildcards, input):
        lies = dict(zip(measured_media(wildcards), input))
        return recording_flags(rated_of(wildcards.batch), path, lies)

    return of_input(words)


def annotations_of(wildcards):
    """Input: annotation files of a batch."""
    paths = [p for r in rated_of(wildcards.batch) for p in r.annotation_files(DIMENSIONS)]
    return CORPUS.where(paths, simulated=True)


def ratings_read(wildcards, input):
    """For params: arguments with the annotations of a batch."""
    lies = whereabouts(annotations_of(wildcards), input.annotations)
    return recording_flags(rated_of(wildcards.batch), lambda r: r.annotations, lies)


def features_folders(wildcards, input):
    """For params: the folder of each modality's features."""
    return list(dict.fromkeys(os.path.dirname(path) for path in input.features))


def portrait(recording, kind):
    """Input: portrait (png) of a simulated recording's subject, or its points (parquet)."""
    return filled_in(places.PORTRAIT, subject=CORPUS.subject_of[recording], kind=kind)


def pictures_shown():
    """Input: media of which the report shows frames."""
    shown = [r for r in rated_in() if PICTURES and r.video]
    return CORPUS.where(sorted({p for r in shown for p in (r.video, r.audio) if p}), simulated=True)


def drawn(name):
    """Output: files of a figure; the one is shown in Snakemake's own report too."""
    shown = report(
        filled_in(places.FIGURE, figure=name, kind="svg"),
        caption=f"../report/{name}.rst",
        category="Figures",
        labels={"figure": name.replace("_", " "), "format": "SVG"},
    )
    return [filled_in(places.FIGURE, figure=name, kind="pdf"), shown]


@told
def applied_files():
    """Input: what the target 'apply' makes, for every recording that nobody rated."""
    some = CORPUS.require_applied()
    files = collect(places.APPLIED, batch=sorted({recording.batch for recording in some}))
    if config["apply"]["video"]:
        seen = [recording.recording for recording in some if recording.video]
        files += collect(places.APPLIED_VIDEO, recording=seen)
    return files


def rated_batches(pattern, *partitions):
    """An input function: one file for each batch with rated recordings of some partitions."""

    @functools.cache
    def expanded(modalities):
        batches = told(CORPUS.rated_batches)(*partitions)
        return list(dict.fromkeys(collect(pattern, batch=batches, modality=modalities)))

    def files(wildcards):
        return expanded(
            tuple([wildcards.modality] if "modality" in wildcards.keys() else MODALITIES)
        )

    return files


def targets_of_corpus(wildcards):
    """Datasets that hold the labels; those of any modality do, they are the same."""
    return rated_batches(places.DATASET.replace("{modality}", MODALITIES[0]))(wildcards)


def overridden(section, wildcards):
    """A section of the configuration with the values of an instance of the grid."""
    values = INSTANCES[wildcards.objective][wildcards.instance]
    return config[section] | {k: v for k, v in values.items() if k in config[section]}


def instances_of(pattern, scope, objective, seeds=SEEDS):
    """A file of each instance and seed of a network, for one modality or its wildcard."""
    return [
        filled_in(pattern, scope=scope, objective=objective, instance=instance, seed=seed)
        for instance in INSTANCES[objective]
        for seed in seeds
    ]


def all_networks(pattern, networks=ALL_NETWORKS):
    """A file of every instance and seed of some networks."""
    return [
        filled_in(path, modality=modality)
        for scope, objective in networks
        for modality in MODALITIES
        for path in instances_of(pattern, scope, objective)
    ]


def selections(networks):
    """The selection of each network."""
    return [
        filled_in(places.SELECTION, scope=scope, modality=modality, objective=objective)
        for scope, objective in networks
        for modality in MODALITIES
    ]


def networks_of(wildcards):
    """Scope and objective of the networks behind a prediction."""
    return networks(wildcards.task, wildcards.dimension, DIMENSIONS, TARGETS)
