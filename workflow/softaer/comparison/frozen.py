"""The archive of a finished run: settings, tables and digests, with which others can repeat it.

It holds tables and settings only; files get in by name, so media, frames of faces, the report and
networks stay out. The same run gives the same bytes.
"""

import csv
import hashlib
import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from softaer.comparison.crate import METADATA, crate
from softaer.comparison.finished import Finished, corpus_table, read_finished
from softaer.comparison.settings import normalised
from softaer.core import places
from softaer.core.archives import zipped
from softaer.core.errors import InputError
from softaer.core.experiment import OVER_CORPUS, is_own_file, weighs_over_corpus
from softaer.core.files import complete
from softaer.core.listing import first_few
from softaer.core.tasks import JOIN, LEAST_CONTRIBUTING
from softaer.corpus import Recording, read_recordings
from softaer.running.record import checksums
from softaer.running.recordings import is_simulated

RECORD = "experiment.yaml"
GIVEN = "configuration/given.yaml"
NORMALISED = "configuration/normalised.yaml"
CORPUS = "corpus/recordings.csv"
CODE = "code"
"""Folder of the Python files that the configuration names."""

INPUTS = "inputs.csv"
CARD = "README.md"
DIGESTS = "SHA256SUMS"

ALWAYS = (
    *(places.SCORES, places.SCORES_CSV, places.RECORDING_SCORES, places.RECORDING_SCORES_CSV),
    *(places.INTERVALS, places.CLAIMS, places.HYPOTHESES, places.POWER, places.CEILING),
    *(places.UNCERTAINTY, places.DISTRIBUTION, places.DISTRIBUTION_CSV, places.COVERED),
    *(places.SUMMARY, places.RATING_SCALES, places.RATER_SCREEN, places.RATERS),
    places.RATER_RECORDINGS,
)
"""Tables that every run has."""

AGREEMENT = ("pairs", "raters", "dimensions", "reliability", "curve")

TEXT = """\
# {name}

A finished run of softaer {softaer} (commit {commit}), without its media.

| | |
|---|---|
| `{record}` | the run: complete configuration, command, versions, digests of code and inputs |
| `{given}`, `{normalised}` | the configuration as it was written, and all values in one form |
| `{corpus}` | the table of recordings |
| `results/` | {tables} tables |
| `{inputs}` | name, size [bytes] and SHA-256 of every file that the run has read |
| `{digests}` | SHA-256 of every file here (`sha256sum -c {digests}`) |
| `{metadata}` | the same for machines (RO-Crate 1.1) |

To repeat the run and compare the results:

```bash
softaer verify THIS.zip again --media FOLDER_OF_THE_RECORDINGS
```
"""


@dataclass(frozen=True)
class Input:
    """A file that a run has read; its size [bytes] and SHA-256 are ``None`` if they are unknown."""

    name: str
    size: int | None
    sha256: str | None


def tables_of(run: Finished, ratings: bool = False) -> list[str]:
    """Tables of a run that go into its archive, as paths from the folder of the run.

    Tables that a run with its configuration does not make are left out: a folder may still have
    them from a former configuration.

    Parameters
    ----------
    run
        A finished run.
    ratings
        Whether the traces of single raters are included.
    """
    labels, batches = run.config["labels"], sorted({r.batch for r in run.rated})
    fused = len(run.experiment.modalities) > len(run.experiment.single)
    contributing = fused and run.experiment.modalities[-1].count(JOIN) + 1 >= LEAST_CONTRIBUTING
    groups = (places.GROUP_SCORES, places.GROUP_SCORES_CSV)
    sometimes: dict[Sequence[str], bool] = {
        groups: bool(run.config["evaluation"]["groups"]),
        (places.ANNOTATION_DELAY,): run.config["delay"] == "estimated",
        (places.RATER_STATISTICS,): labels["scale"] in OVER_CORPUS,
        (places.RATER_LAGS,): labels["alignment"] == "estimated",
        (places.CORPUS_WEIGHTS,): weighs_over_corpus(labels["estimator"], labels["weights"]),
        (places.CONTRIBUTIONS,): contributing,
        (places.SIMULATE_CHECK,): is_simulated(run.config),
    }
    patterns = [places.LABELS, places.RATER_WEIGHTS, *([places.RATINGS] if ratings else [])]
    return [
        *ALWAYS,
        *(path for paths, made in sometimes.items() if made for path in paths),
        *(places.filled_in(places.AGREEMENT, part=part) for part in AGREEMENT),
        *(places.filled_in(places.COVERAGE, modality=name) for name in run.experiment.single),
        *(places.filled_in(p, batch=batch) for p in patterns for batch in batches),
    ]


def inputs_of(run: Finished, record: Mapping[str, Any]) -> list[Input]:
    """Files that a run has read, sorted by name.

    Those of a simulated corpus are results, which the record does not list. The corpus table is not
    among them, because it is compared cell by cell.

    Parameters
    ----------
    run
        A finished run.
    record
        Content of its ``experiment.yaml``.
    """
    told = dict(record.get("inputs", {}))
    told.pop(run.config["corpus"]["recordings"], None)
    if is_simulated(run.config):
        above = run.results.parent
        paths = [path for r in all_recordings(run) for path in _files(r, run.experiment.dimensions)]
        told |= {
            Path(path).relative_to(above).as_posix(): entry
            for path, entry in checksums(paths).items()
        }
    return [Input(name, entry["size"], entry["sha256"]) for name, entry in sorted(told.items())]


def all_recordings(run: Finished) -> list[Recording]:
    """All recordings of a run's corpus, rated or not."""
    return read_recordings(corpus_table(run.config, run.results))


def _files(recording: Recording, dimensions: Sequence[str]) -> list[str]:
    rated = recording.annotations is not None
    found = [recording.audio, recording.video]
    found += recording.annotation_files(dimensions) if rated else []
    return [path for path in found if path]


def own_code(config: Mapping[str, Any]) -> dict[tuple[str, ...], str]:
    """Python files of the user that a configuration names, by the keys that name them."""
    found: dict[tuple[str, ...], str] = {}
    if config["model"]["network_file"] is not None:
        found["model", "network_file"] = config["model"]["network_file"]
    if is_own_file(config["ratings"]["format"]):
        found["ratings", "format"] = config["ratings"]["format"]
    given = config["modalities"]
    for name, entry in given.items() if isinstance(given, Mapping) else ():
        source = entry.get("source")
        if isinstance(source, str) and source.endswith(".py"):
            found["modalities", name, "source"] = source
    return found


def table_as_given(run: Finished) -> Path:
    """The corpus table that the user wrote, or that the run made if there is none."""
    corpus = run.config["corpus"]
    if is_simulated(run.config) or corpus["root"] is not None:
        return corpus_table(run.config, run.results)
    return run.results.parent / corpus["recordings"]


def freeze(
    folder: Path, output: Path, name: str, ratings: bool = False, licence: str | None = None
) -> list[str]:
    """Write the archive of a finished run.

    Parameters
    ----------
    folder
        Folder of the run.
    output
        A zip file.
    name
        By which the run is called.
    ratings
        Whether the traces of single raters are included.
    licence
        Address or name of the licence under which the archive is given away.

    Returns
    -------
    Tables that the run should have and does not: it was made by another version.

    Raises
    ------
    InputError
        If the run has not ended, or two Python files of the user have one name.
    """
    run = read_finished(folder, name)
    whole = run.results.parent
    raw = places.within(run.results, places.EXPERIMENT).read_bytes()
    record = yaml.safe_load(raw)
    paths = {path: places.within(run.results, path) for path in tables_of(run, ratings)}
    contents = {
        RECORD: raw,
        GIVEN: _yaml(record.get("given") or record.get("changed", {})),
        NORMALISED: _yaml(_from(whole, normalised(run.config, whole))),
        CORPUS: table_as_given(run).read_bytes(),
        **{path: file.read_bytes() for path, file in paths.items() if file.is_file()},
        **_code(run, whole),
        INPUTS: _csv(inputs_of(run, record)),
    }
    tables = [path for path in contents if path in paths]
    facts = {"name": name, "softaer": record["softaer"], "commit": record["commit"] or "unknown"}
    names = {"record": RECORD, "given": GIVEN, "normalised": NORMALISED, "corpus": CORPUS}
    names |= {"inputs": INPUTS, "digests": DIGESTS, "metadata": METADATA}
    contents[CARD] = TEXT.format(**facts, **names, tables=len(tables)).encode()
    made = places.within(run.results, places.REPORT).stat().st_mtime
    day = datetime.fromtimestamp(made, UTC).date().isoformat()
    contents[METADATA] = crate(name, record, contents, tables, day, licence)
    contents[DIGESTS] = "".join(
        f"{_sha256(content)}  {path}\n" for path, content in contents.items()
    ).encode()
    with complete(output) as partial:
        zipped(contents, partial)
    return [path for path in paths if path not in contents]


def _code(run: Finished, whole: Path) -> dict[str, bytes]:
    files = [whole / path for path in dict.fromkeys(own_code(run.config).values())]
    names = [file.name for file in files]
    if len(set(names)) < len(names):
        raise InputError(f"{first_few(map(str, files))}: found one name twice; expected two names")
    return {f"{CODE}/{file.name}": file.read_bytes() for file in files}


def _from(folder: Path, values: Mapping[str, Any]) -> dict[str, Any]:
    """Settings whose paths below the folder of the run are relative to it."""
    above = f"{folder.resolve()}/"
    return {k: v.removeprefix(above) if isinstance(v, str) else v for k, v in values.items()}


def _yaml(content: Any) -> bytes:
    return yaml.safe_dump(_plain(content), sort_keys=False, allow_unicode=True).encode()


def _plain(value: Any) -> Any:
    """A value without tuples and shared parts, for YAML."""
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value


def _csv(inputs: Sequence[Input]) -> bytes:
    sink = io.StringIO()
    lines = csv.writer(sink, lineterminator="\n")
    lines.writerow(("name", "size", "sha256"))
    lines.writerows((i.name, i.size, i.sha256) for i in inputs)
    return sink.getvalue().encode()


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@dataclass(frozen=True, eq=False)
class Frozen:
    """An archive that has been read.

    Attributes
    ----------
    path
        Of the archive.
    contents
        Content of each file, by its name.
    record
        Record of the run.
    inputs
        Files that the run has read.
    """

    path: Path
    contents: Mapping[str, bytes]
    record: Mapping[str, Any]
    inputs: Sequence[Input]

    @property
    def tables(self) -> list[str]:
        """Names of the tables."""
        return [name for name in self.contents if name.startswith(f"{places.RESULTS}/")]


def read_frozen(path: Path) -> Frozen:
    """Read an archive, and check that it is unchanged.

    Raises
    ------
    InputError
        If it is no archive of :func:`freeze`, or a file in it has changed.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected an archive made by softaer freeze")
    try:
        with zipfile.ZipFile(path) as file:
            contents = {name: file.read(name) for name in file.namelist()}
    except zipfile.BadZipFile as error:
        raise InputError(f"{path}: {error}; expected an archive made by softaer freeze") from None
    lacking = [name for name in (RECORD, CORPUS, INPUTS, DIGESTS) if name not in contents]
    if lacking:
        raise InputError(f"{path}: has no {lacking[0]}; expected an archive made by softaer freeze")
    told = {}
    for line in contents[DIGESTS].decode().splitlines():
        digest, _, name = line.partition("  ")
        told[name] = digest
    for name in sorted((set(told) | set(contents)) - {DIGESTS}):
        if name not in contents or told.get(name) != _sha256(contents[name]):
            raise InputError(
                f"{path}: {name} was changed after the archive was made; expected the file of "
                f"{DIGESTS}"
            )
    rows = csv.DictReader(io.StringIO(contents[INPUTS].decode()))
    inputs = [
        Input(row["name"], int(row["size"]) if row["size"] else None, row["sha256"] or None)
        for row in rows
    ]
    return Frozen(path, contents, yaml.safe_load(contents[RECORD]), inputs)
