"""Functions for the inputs, outputs and parameters of all rules.

Snakemake wants files with rules to be free of functions. What does not need the experiment is in
softaer/running instead.
"""

recordings_of, applied_of, applied_named, rated_in = map(
    told, (CORPUS.of, CORPUS.applied_of, CORPUS.applied_named, CORPUS.rated_in)
)
inspected = functools.partial(told(CORPUS.inspected), config["inspect"]["names"])
INPUTS = Inputs(
    *(CORPUS, DIMENSIONS, lambda path: STORED or os.path.exists(PLACED(path))), EXTRACTED
)


def with_last(stage):
    """For wildcard_constraints: the modalities whose features a stage makes, or nothing."""
    names = [name for name, modality in EXTRACTED.items() if modality.source.last == stage]
    return "|".join(names) or "(?!)"


def with_first(stage):
    """The same for the stage that opens their files."""
    names = [name for name, modality in EXTRACTED.items() if modality.source.first == stage]
    return "|".join(names) or "(?!)"


def setting(key):
    """For params: a setting of the modality."""
    return lambda wildcards: EXTRACTED[wildcards.modality].settings[key]


def settings_of(section):
    """For params: arguments of a command that takes a section's keys from the modality."""
    return lambda wildcards: EXTRACTED[wildcards.modality].words(section)


def delay_of(name):
    """For params: the annotation delay, or the table that contains it, which is then an input."""
    if DELAY_TABLE:
        return flag_of("--delay-table", name)
    return [
        word
        for dimension, seconds in configuration.delays(config).items()
        for word in ("--delay", dimension, seconds)
    ]


def relevant_in_batch(columns):
    """For params: values of some columns for the recordings of a batch."""
    return lambda wildcards: relevant(recordings_of(wildcards.batch), columns)


def features_folders(wildcards, input):
    """For params: the folder of each modality's features."""
    return list(dict.fromkeys(os.path.dirname(path) for path in input.features))


def portrait(recording, kind):
    """Input: portrait (png) of a simulated recording's subject, or its points (parquet)."""
    return filled_in(places.PORTRAIT, subject=CORPUS.subject_of[recording], kind=kind)


def drawn(name):
    """Output: files of a figure; the SVG is also shown in Snakemake's own report."""
    shown = report(
        filled_in(places.FIGURE, figure=name, kind="svg"),
        caption=f"../report/{name}.rst",
        category="Figures",
        labels={"figure": name.replace("_", " "), "format": "SVG"},
    )
    return [filled_in(places.FIGURE, figure=name, kind="pdf"), shown]


@told
def applied_tables():
    """Input: predictions of every recording without ratings."""
    batches = sorted({recording.batch for recording in CORPUS.require_applied()})
    return collect(places.APPLIED, batch=batches)


@told
def applied_files():
    """Input: the files that the target 'apply' makes for every recording without ratings."""
    some = CORPUS.require_applied()
    files = [*applied_tables(), places.APPLIED_PAGE]
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


# Datasets that contain the labels, which are the same for all modalities.
targets_of_corpus = rated_batches(filled_in(places.DATASET, modality=MODALITIES[0]))
