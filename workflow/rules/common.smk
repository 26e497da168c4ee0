"""Shared by all rules: the checked configuration, the corpus, and short names.

A stage has one name, shared by its module in workflow/softaer, its folder in results, its logs and
benchmarks. Its rule has the same name, unless it is a target of the command line (labels, dataset, train,
fuse). Then the rule adds its unit of work, as in labels_batch. softaer/core/places.py defines the names of
results.
"""

import functools
import os
import shlex
import sys

from softaer import corpus, layouts
from softaer.core import code_digest as digests
from softaer.core import lock, places
from softaer.core.experiment import (
    ESTIMATION,
    PREPARATION,
    WEIGHTING,
    weighs_over_corpus,
    AudioFeatures,
    FaceFeatures,
    FeatureTable,
    TableFeatures,
    tried,
)
from softaer.core.home import package_alone
from softaer.core.places import benchmark_of, filled_in, log_of
from softaer.core.tasks import BASELINE_SEED, BASELINES, JOIN, LEAST_CONTRIBUTING, OBJECTIVES
from softaer.core.tasks import TASKS as NETWORK_TASKS
from softaer.modalities import BUILT_IN, SOURCES, configured, version_of
from softaer.page import published
from softaer.running import configuration, paths, recordings, snakemake_private, start
from softaer.running.inputs import Inputs, told
from softaer.running.instances import Networks
from softaer.running.params import flag_of, folder_of, results_by
from softaer.running.pins import read_pins
from softaer.running.snakemake_private import as_it_lies, untimed
from softaer.running.words import (
    flag,
    json_or_word,
    label_flags,
    options,
    other_readers,
    per_modality,
    reading_flags,
)

MAIN_PROCESS = workflow.is_main_process
snakemake_private.ancient_hides_nothing()
snakemake_private.failed_commands_are_shown_once()
snakemake_private.signatures_are_read_once()
snakemake_private.names_are_not_copied()


@told
def read_experiment():
    """The configuration, its modalities and layout, the recordings, and the published scores to compare with.

    Jobs trust what the main process has checked.
    """
    filled = configuration.filled(config, check=MAIN_PROCESS)
    filled = paths.located(filled, *snakemake_private.configurations(workflow))
    if MAIN_PROCESS:
        configuration.check_own_networks(filled)
    modalities = configuration.modalities(filled, check=MAIN_PROCESS)
    fusions = configuration.fusions(filled, list(modalities), check=MAIN_PROCESS)
    layout = layouts.layout(filled["corpus"]["layout"])
    if MAIN_PROCESS:
        configuration.check_layout(filled, layout)
    found = recordings.read(filled, layout, MAIN_PROCESS, modalities)
    asked = filled["report"]["published"]
    others = published.chosen_table(asked, layout, found.simulated, check=MAIN_PROCESS)
    return filled, modalities, fusions, layout, found, others


config, MODALITY, FUSIONS, LAYOUT, CORPUS, PUBLISHED = read_experiment()

# Rules run "python -m softaer.<stage>" with the Python that runs Snakemake, active or not, or with that of
# their conda environment, for which Snakemake clears PYTHONPATH.
os.environ.update(PATH=os.path.dirname(sys.executable) + os.pathsep + os.getenv("PATH", ""))
if PACKAGES is not None:
    os.environ.update(PYTHONPATH=PACKAGES)
if snakemake_private.deploys_conda(workflow):
    shell.prefix(f"export PYTHONPATH={shlex.quote(PACKAGES or package_alone())}; ")


# Jobs know the run that submitted them, and do nothing if another run has taken over the folder.
if MAIN_PROCESS:
    start.name_run()


envvars:
    lock.RUN,


PINS = read_pins(f"{PROJECT}/envs")

# Parameters that are only compared between runs are useless in a cluster job, because the run that submitted
# it records its results. Only the cache is accessed by the job itself.
COMPARING = MAIN_PROCESS or workflow.enable_cache
DIGESTS = digests.Digests(".snakemake/softaer.digests.json") if COMPARING else None


def code_digest(stage):
    """Digest of a stage's code."""
    return DIGESTS.of(stage) if COMPARING else None


def file_digest(path):
    """Digest of a file that belongs to a stage's code."""
    return digests.file_digest(path) if COMPARING else None


def relevant(recordings, columns):
    """Values of some columns for some recordings."""
    return corpus.relevant(recordings, columns) if COMPARING else None


def source_digest(name):
    """Digest of what a source reads with: of one's own file, or the versions of code and packages."""
    source, origin = MODALITY[name].source, MODALITY[name].origin
    if source.of_sound:
        return [code_digest(source.of_sound.partition(":")[0]), *pins(*source.packages)]
    return file_digest(origin) if origin.endswith(".py") else version_of(origin)


def pins(*packages):
    """Versions of the packages that compute a stage's values; another version reruns it."""
    return [f"{package}=={PINS[package]}" for package in packages]


STORED = snakemake_private.in_storage(workflow)
PLACED = snakemake_private.placed(workflow)
growing = functools.partial(snakemake_private.growing, stored=STORED)

# With --cache, extraction is shared with other experiments through Snakemake's cache. This is off if
# recordings may be skipped, because other experiments may want to read what was skipped here.
SHARED = workflow.enable_cache and config["on_bad_recording"] == "fail"

# The table is an input because of its content, which relevant() compares, not because of its time stamp.
OWN_TABLE = not (CORPUS.simulated or CORPUS.listed)
TABLE = ancient(as_it_lies(CORPUS.table) if OWN_TABLE else CORPUS.table)
RATED = CORPUS.rated

DIMENSIONS, TARGETS = config["dimensions"], config["targets"]
TASKS, SEEDS = config["tasks"], config["seeds"]
MODALITIES = list(MODALITY)
# The built-in modalities can always be extracted.
EXTRACTED = configured(config | {"modalities": list(BUILT_IN)}) | MODALITY
# Modalities with features of their own.
UNJOINED = [name for name in MODALITIES if not MODALITY[name].parts]
ALL_MODALITIES = [*MODALITIES, *FUSIONS]
ALL_READERS = list(dict.fromkeys(MODALITY[name].reader for name in UNJOINED))
ALL_COVERAGE = collect(places.COVERAGE, modality=MODALITIES)

NETWORKS = Networks(config, MODALITIES)
ALL_MODELS = {"dimension": DIMENSIONS, "modality": MODALITIES, "task": TASKS, "seed": SEEDS}
ALL_BASELINES = ALL_MODELS | {"task": BASELINES, "seed": BASELINE_SEED}


def of_fusions(of_all, of_some, **models):
    """A file of each fusion and model; that of all modalities has a pattern of its own."""
    return [
        path
        for fusion in FUSIONS
        for path in (
            collect(of_all, **models)
            if fusion == JOIN.join(MODALITIES)
            else collect(of_some, fusion=fusion, **models)
        )
    ]


def coefficients_of(**models):
    """Coefficients of each fusion."""
    return of_fusions(places.COEFFICIENTS, places.SUBSET_COEFFICIENTS, **models)


# Modalities of the fusion of which it is asked what each adds, see softaer/contributions.py.
CONTRIBUTING = FUSIONS[-1].split(JOIN) if FUSIONS else []
CONTRIBUTIONS = [places.CONTRIBUTIONS] if len(CONTRIBUTING) >= LEAST_CONTRIBUTING else []
ALL_FUSED = of_fusions(places.FUSED, places.FUSED_SUBSET, **ALL_MODELS)
ALL_COEFFICIENTS = [coefficients_of(**ALL_MODELS), coefficients_of(**ALL_BASELINES)]


def systems(**models):
    """Final predictions of some models from every modality and fusion."""
    return [
        *collect(places.POSTPROCESSED, **{"modality": MODALITIES} | models),
        *of_fusions(places.FUSED, places.FUSED_SUBSET, **models),
    ]


ALL_SYSTEMS = systems(**ALL_MODELS) + systems(**ALL_BASELINES)
PACKED_MODEL = config["apply"]["model"] or places.PACKED_MODEL

DELAY_TABLE = [places.ANNOTATION_DELAY] if config["delay"] == "estimated" else []
LEARNT = [
    *("--dimensions", *DIMENSIONS),
    *("--targets", *TARGETS),
    *("--modalities", *ALL_MODALITIES),
    *("--seeds", *SEEDS),
]
TRAINED = [*LEARNT, "--tasks", *TASKS]
EXPERIMENT = [
    *TRAINED,
    *("--baselines", *BASELINES),
    *("--fusion", config["fusion"]["method"]),
]
ESTIMATOR = label_flags(config["labels"], ESTIMATION)
# Ratings after the steps before the alignment, if there are any.
PREPARED = label_flags(config["labels"], PREPARATION)
TRACES = places.RATER_TRACES if PREPARED else places.RATINGS
SCREEN = [places.RATER_SCREEN] if config["labels"]["screen"] else []
LAGS = [places.RATER_LAGS] if config["labels"]["alignment"] == "estimated" else []
CORPUS_WEIGHTS = (
    [places.CORPUS_WEIGHTS]
    if weighs_over_corpus(config["labels"]["estimator"], config["labels"]["weights"])
    else []
)
EVALUATION = options({k: v for k, v in config["evaluation"].items() if k != "groups"})
CHECK = [places.SIMULATE_CHECK] if CORPUS.simulated else []
READING_LIMITS = " ".join(map(str, options(config["media"])))
READING = f"{READING_LIMITS} --on-bad-recording {config['on_bad_recording']}"


wildcard_constraints:
    batch="[A-Za-z0-9_][A-Za-z0-9_.-]*",
    recording="[A-Za-z0-9_][A-Za-z0-9_.-]*",
    subject="[A-Za-z0-9_]+",
    dimension="[A-Za-z][A-Za-z0-9-]*",
    modality="|".join(EXTRACTED),
    fusion="|".join(FUSIONS).replace("+", "[+]") or "(?!)",
    scope="[A-Za-z][A-Za-z0-9+-]*",
    objective="|".join(OBJECTIVES).replace("+", "[+]"),
    instance="[^/]+",
    task="|".join([*NETWORK_TASKS, *BASELINES]),
    seed="[0-9]+",
