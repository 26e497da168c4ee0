"""Results in a storage: a scratch disk, and an object store that speaks S3."""

import shutil

import pandas as pd
import pytest
from moto.server import ThreadedMotoServer
from projects import TINY, Project, digests, new_project

from debian_packages import UnavailableError, provide, tell

pytestmark = pytest.mark.workflow

SOUND = TINY | {"modalities": ["audio"]}


@pytest.fixture(scope="module")
def rsync():
    """Copies files for the storage on a scratch disk."""
    try:
        provide(("rsync",), ("rsync",))
    except UnavailableError as error:
        pytest.skip(tell("rsync", error))


def on_scratch(project: Project, scratch, *words: str):
    """Run with results on the disk of the project, and a local scratch disk for the jobs."""
    storage = ("--default-storage-provider", "fs", "--local-storage-prefix", str(scratch))
    return project.run(*storage, *words, config=TINY)


@pytest.fixture(scope="module")
def stored(root, rsync, tmp_path_factory) -> Project:
    """The smallest experiment, run with a scratch disk."""
    folder = tmp_path_factory.mktemp("stored")
    project = new_project(root, folder)
    outcome = on_scratch(project, folder / "scratch")
    assert outcome.returncode == 0, outcome.output
    return project


def test_a_scratch_disk_changes_no_result(stored, undisturbed):
    assert digests(stored.directory / "results") == undisturbed


def test_another_scratch_disk_or_none_reruns_nothing(stored, tmp_path):
    shutil.rmtree(stored.source.parent / "scratch")
    again = on_scratch(stored, tmp_path, "--dry-run")
    without = stored.run("--dry-run", config=TINY)
    for outcome in (again, without):
        assert "Nothing to be done" in outcome.output, outcome.output


def test_results_lie_in_an_object_store(root, tmp_path, monkeypatch):
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    try:
        host, port = server.get_host_and_port()
        monkeypatch.setenv("SNAKEMAKE_STORAGE_S3_ACCESS_KEY", "someone")
        monkeypatch.setenv("SNAKEMAKE_STORAGE_S3_SECRET_KEY", "secret")
        project = new_project(root, tmp_path)
        words = (
            *("--default-storage-provider", "s3", "--default-storage-prefix", "s3://bucket/run"),
            *("--storage-s3-endpoint-url", f"http://{host}:{port}"),
            *("--local-storage-prefix", str(tmp_path / "scratch")),
        )
        outcome = project.run(*words, config=SOUND)
        assert outcome.returncode == 0, outcome.output
        assert "Nothing to be done" in project.run(*words, "--dry-run", config=SOUND).output
        assert not project.path("results/ccc.csv").exists()

        import boto3

        client = boto3.client(
            "s3",
            endpoint_url=f"http://{host}:{port}",
            aws_access_key_id="someone",
            aws_secret_access_key="secret",
            region_name="us-east-1",
        )
        client.download_file("bucket", "run/results/ccc.csv", str(tmp_path / "ccc.csv"))
        assert set(pd.read_csv(tmp_path / "ccc.csv")["modality"]) == {"audio"}
        page = client.get_object(Bucket="bucket", Key="run/results/report.html")["Body"].read()
        assert len(page) > 100_000
    finally:
        server.stop()
