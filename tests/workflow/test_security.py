"""Nothing that comes from outside is executed, and nothing leaves the machine."""

import ast
import io
import itertools
import os
import pickle
import re

import pandas as pd
import pytest
from projects import copied

pytestmark = pytest.mark.workflow

UNPICKLERS = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
"""Modules that execute what they load."""

CALLS = {"torch.load", "numpy.load", "np.load", "pd.read_pickle", "pandas.read_pickle"}
"""Functions that do, or may."""


def test_no_module_can_unpickle_or_evaluate(root):
    for path in sorted((root / "workflow").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = set()
            if isinstance(node, ast.Import):
                names = {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                names = {node.module.split(".")[0]}
            assert not names & UNPICKLERS, f"{path}: imports {names}"
            if isinstance(node, ast.Call):
                call = ast.unparse(node.func)
                if any(ast.unparse(word) == "allow_pickle=False" for word in node.keywords):
                    continue
                assert call not in CALLS | {"eval", "exec", "yaml.load"}, f"{path}: {call}"


class Hostile:
    """Makes a file when it is unpickled."""

    def __init__(self, witness):
        self.witness = witness

    def __reduce__(self):
        return os.mkdir, (str(self.witness),)


def zipped(payload: bytes) -> bytes:
    """A pickle in the clothes of a file that torch.save has written."""
    import zipfile

    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("archive/data.pkl", payload)
        archive.writestr("archive/version", "3\n")
    return content.getvalue()


@pytest.mark.parametrize("dress", [bytes, zipped], ids=["bare", "in a zip file"])
@pytest.mark.parametrize(
    ("stage", "pattern", "target", "said"),
    [
        ("predict", "results/train/arousal/audio/E/*/seed1/weights.safetensors",
            "results/predict/arousal/audio/single/seed1.parquet", "not the weights of"),
        ("predict", "results/train/arousal/audio/E/*/seed1/description.json",
            "results/predict/arousal/audio/single/seed1.parquet", "not the description of a model"),
        ("dataset_batch", "results/labels/train1.parquet", "results/dataset/audio/train1.parquet",
            "cannot be read as a Parquet table"),
    ],
    ids=["weights", "description", "table"],
)  # fmt: skip
def test_a_hostile_file_in_place_of_a_result_is_refused_and_does_nothing(
    finished_project, tmp_path, dress, stage, pattern, target, said
):
    witness = tmp_path / "executed"
    payload = dress(pickle.dumps(Hostile(witness)))
    project = copied(finished_project, tmp_path / "run")
    (path,) = project.directory.glob(pattern)
    path.write_bytes(payload)
    outcome = project.run("--allowed-rules", stage, "--force", target)
    assert outcome.returncode != 0
    assert re.search(rf"{path.name}: {said}", outcome.output), outcome.output
    assert "Traceback" not in outcome.output
    assert not witness.exists()
    # The payload does what it is feared for.
    if dress is bytes:
        pickle.loads(payload)
        assert witness.exists()


def test_names_that_look_like_html_are_shown_as_they_are(finished_project, empty_project):
    """A rater, a file and a folder whose names are markup, up to the report."""
    made = finished_project.path("results/corpus")
    markup = "<img src=x onerror=alert(1)>"
    folder = empty_project.path(markup)
    folder.mkdir()
    rows = []
    for row in pd.read_csv(made / "recordings.csv").itertuples():
        ratings = pd.read_csv(made / row.annotations).replace({"rater": {"r1": markup}})
        ratings.to_csv(folder / f"{row.recording}.csv", index=False)
        rows.append(
            {
                "recording": row.recording,
                "subject": f"{row.subject}{markup}",
                "partition": row.partition,
                "audio": made / row.media,
                "video": f"{markup}.mp4" if row.partition == "test" else made / row.media,
                "annotations": f"{row.recording}.csv",
            }
        )
    (folder / f"{markup}.mp4").write_bytes(b"no film")
    pd.DataFrame(rows).to_csv(folder / "recordings.csv", index=False)
    outcome = empty_project.run(
        config={
            "corpus": {"recordings": f"{markup}/recordings.csv"},
            "on_bad_recording": "skip",
            "labels": {"alignment": "estimated"},
            "tasks": ["multi"],
            "dimensions": ["arousal"],
        }
    )
    assert outcome.returncode == 0, outcome.output
    page = empty_project.path("results/report.html").read_text(encoding="utf-8")
    assert markup not in page
    assert page.count("&lt;img src=x onerror=alert(1)&gt;") >= 3
    assert "Without features" in page


def test_a_whole_run_needs_and_tries_no_network(finished_project):
    """The finished project was made where there is no network, and nothing asked for one."""
    counters = finished_project.path("network.txt")
    if not counters.exists():
        pytest.skip("not allowed to make name spaces, so that the network could not be taken away")
    found = {}
    lines = [line.split() for line in counters.read_text().splitlines()]
    # Two lines for each protocol of IPv4, names and values; a line for each counter of IPv6.
    for names, values in itertools.pairwise(lines):
        if names[0].endswith(":") and names[0] == values[0]:
            keys = [names[0] + name for name in names[1:]]
            found |= dict(zip(keys, map(int, values[1:]), strict=True))
    found |= {line[0]: int(line[1]) for line in lines if len(line) == 2}
    asked = {
        name: found.get(name, 0)
        for name in ("Ip:OutNoRoutes", "Ip:OutRequests", "Tcp:ActiveOpens", "Ip6OutNoRoutes")
    }
    assert not any(asked.values()), asked
