"""Packs the model of an experiment into a folder or a zip file that works anywhere.

It contains the packed model (``model.json``, ``weights.safetensors``) and a README.md that
describes its predictions, training data, scores and use.
"""

import argparse
import os
import tempfile
from pathlib import Path

from softaer.core import places, tables
from softaer.core.archives import zipped
from softaer.core.errors import InputError
from softaer.core.files import complete
from softaer.core.tasks import CONSTANT, JOIN, PLAIN_MEAN, RIDGE
from softaer.corpus import read_recordings
from softaer.modalities import BUILT_IN
from softaer.page.score_table import keyed
from softaer.predictor import DESCRIPTION, WEIGHTS, Predictor

CARD = "README.md"

WHAT_FOR = """\
E is what several raters perceived on average, not what a person feels; sigma is how far they
differed. It is made for research on groups with consent, and not for decisions about single people.
In the European Union, Article 5(1)(f) of the AI Act bars such systems at work and in education, but
for medical or safety reasons.
"""

LICENCES = """\
Sound is described by openSMILE, which is licensed for research and other non-commercial use only.
"""


def card(predictor: Predictor, results: Path) -> str:
    """Description of a model as Markdown.

    Parameters
    ----------
    predictor
        The model.
    results
        Folder of all results of the run that it comes from.
    """
    model = predictor.description
    dimensions = " and ".join(model["dimensions"])
    facts = {
        "predicts": f"{', '.join(predictor.outputs)}; {model['rate']} times a second",
        "from": " and ".join(predictor.parts()),
        "has learnt": f"task {model['task']}, {_count(model['seeds'], 'seed')}, "
        f"{len(model['networks'])} networks",
        "networks": _networks(predictor),
        "recordings": f"{model['trained_on']['train']} to train on, "
        f"{model['trained_on']['dev']} to choose by (dev)",
        "made with": ", ".join(
            f"{name} {version}"
            for name, version in ({"softaer": model["softaer"]} | model["software"]).items()
        ),
    }
    parts = [
        f"# {dimensions}: E and sigma\n",
        "```bash\nsoftaer predict THIS new.mp4    # this folder or zip file\n```\n",
        _table(["", ""], [list(fact) for fact in facts.items()]),
        _scores(predictor, results),
        WHAT_FOR,
        *([LICENCES] if _has_lld(predictor) else []),
    ]
    return "\n".join(parts)


def _networks(predictor: Predictor) -> str:
    """Kinds and sizes of the networks of each modality."""
    words = []
    for modality in predictor.modalities:
        some = [n.model for n in predictor.networks if n.modality == modality]
        kinds = dict.fromkeys(f"{m.architecture.network} with {m.weights:,} weights" for m in some)
        words.append(f"{modality}: {', '.join(kinds)}")
    return "; ".join(words)


def _has_lld(predictor: Predictor) -> bool:
    """Whether openSMILE describes the sound."""
    settings = {name: predictor.extraction(name) for name in predictor.modalities}
    return any(s.get("source", BUILT_IN.get(name)) == "lld" for name, s in settings.items())


def _scores(predictor: Predictor, results: Path) -> str:
    """Scores of the packed task on the test partition, if the run has them."""
    path = places.within(results, places.SCORES)
    if not path.exists():
        return "No scores came with it.\n"
    scores = tables.read(path)
    modality = JOIN.join(predictor.parts())
    task, method = predictor.description["task"], predictor.description.get("fusion_method")
    on_test = keyed(scores[(scores["partition"] == "test") & (scores["modality"] == modality)])
    models = {"CCC": (task, method or ""), "plain mean": (task, PLAIN_MEAN)}
    models |= {"ridge": (RIDGE, method or ""), "mean of train": (CONSTANT, method or "")}
    if method in (None, PLAIN_MEAN):
        del models["plain mean"]
    rows = []
    for (dimension, target), part in on_test.groupby(["dimension", "target"], sort=False):
        mean = part.groupby(["task", "fusion"])["ccc"].mean()
        cells = [f"{mean.get(model, float('nan')):.3f}" for model in models.values()]
        rows.append([dimension, target, *cells, str(part["recordings"].iloc[0])])
    words = f"{modality}, fused by {method}" if method else modality
    text = f"On the test partition, {words}, mean over seeds. Ridge (on the same features) and the "
    text += "mean of train are predictions without a network.\n\n"
    text += _table(["dimension", "target", *models, "recordings"], rows)
    if _simulated(results, predictor.modalities[0]):
        text += "\nThe corpus was simulated: these scores say nothing about people.\n"
    return text


def _simulated(results: Path, modality: str) -> bool:
    """Whether the scored recordings are those of the simulated corpus.

    A folder keeps that corpus if the experiment later uses another one.
    """
    table = places.within(results, places.SIMULATED_TABLE)
    covered = places.within(results, places.COVERAGE, modality=modality)
    if not table.exists() or not covered.exists():
        return False
    scored = set(tables.read(covered, ["recording"])["recording"])
    return scored <= {recording.recording for recording in read_recordings(table)}


def _table(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _count(things: list, name: str) -> str:
    return f"{len(things)} {name}{'s' * (len(things) != 1)}"


def pack(results: Path, output: Path, network_file: Path | None = None) -> None:
    """Pack the model of a run, and check that it can be loaded.

    Parameters
    ----------
    results
        Folder of all results of a run.
    output
        A ``.zip`` file, or a folder that does not exist yet.
    network_file
        See :meth:`softaer.predictor.Predictor.load`.

    Raises
    ------
    InputError
        If the run has no packed model, or the folder exists.
    """
    source = places.within(results, places.PACKED_MODEL)
    text = card(Predictor.load(source, network_file), results)
    contents = {name: (source / name).read_bytes() for name in (DESCRIPTION, WEIGHTS)}
    contents[CARD] = text.encode()
    if output.suffix == ".zip":
        with complete(output) as partial:
            zipped(contents, partial)
            Predictor.load(partial)
        return
    if output.exists():
        raise InputError(f"{output}: is there already; expected a new folder, or a file .zip")
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".partial-", dir=output.parent) as folder:
        partial = Path(folder) / output.name
        partial.mkdir()
        for name, content in contents.items():
            (partial / name).write_bytes(content)
        Predictor.load(partial)
        os.replace(partial, output)


def add_arguments(arguments: argparse.ArgumentParser) -> None:
    """Add the results folder and the output."""
    arguments.add_argument("results", type=Path, metavar="RESULTS", help="results of a run")
    arguments.add_argument("output", type=Path, metavar="OUTPUT", help="new folder, or file .zip")
    arguments.add_argument(
        "--network-file", type=Path, help="Python file with the model's network, if it is your own"
    )


def main(options: argparse.Namespace) -> None:
    """Pack the results named on the command line."""
    pack(options.results, options.output, options.network_file)
    print(f"{options.output}: try  softaer predict {options.output} FILE")
