"""What the rules take of Snakemake beyond its documentation is still there, and does what it did.

Each test names a part of :mod:`softaer.running.snakemake_private` that breaks first.
"""

import inspect
import subprocess
import sys
from types import SimpleNamespace

import pytest
from snakemake import common, jobs, rules, utils

from softaer.running import snakemake_private

MODULE = """
from softaer.running import snakemake_private as private

MAIN = private.is_main(workflow)
PLACED = private.placed(workflow)

def first_jobs():
    jobs = private.first_of(workflow, private.needed_jobs(workflow))
    print("JOBS", sorted(job.rule.name for job in jobs), flush=True)

def last():
    print("LAST", private.runs(workflow, rules.a.rule), flush=True)

private.on_start(workflow, lambda: print("FIRST", PLACED("results/a.txt"), MAIN, flush=True))
private.on_start(workflow, first_jobs)
private.on_success(workflow, last)

rule a:
    input:
        private.as_it_lies("own.txt")
    output:
        "results/a.txt"
    benchmark:
        "results/benchmarks/a.tsv"
    params:
        folder=lambda wildcards, input: input[0]
    resources:
        mem_mb=private.growing(100),
        more=private.growing(10, 1000000)
    shell:
        "echo {params.folder} {resources.mem_mb} {resources.more} > {output}"

private.untimed(rules.a.rule)

rule b:
    input:
        "results/a.txt"
    output:
        "results/b.txt"
    shell:
        "cp {input} {output}"
"""

IMPORTER = """
onstart:
    print("BEFORE", flush=True)

module part:
    snakefile: "part.smk"
    prefix: "x"

use rule * from part as part_*

rule all:
    default_target: True
    input: "x/results/b.txt"

onsuccess:
    print("AFTER", flush=True)
"""


def snakemake(folder, *words, status=0):
    command = [sys.executable, "-m", "snakemake", "--cores", "1", *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == status, done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def output(tmp_path_factory):
    """What a Snakefile says that uses another as a module with a prefix."""
    folder = tmp_path_factory.mktemp("importer")
    (folder / "part.smk").write_text(MODULE)
    (folder / "Snakefile").write_text(IMPORTER)
    (folder / "own.txt").write_text("12")
    text = snakemake(folder)
    assert (folder / "x/results/b.txt").read_text() == "own.txt 100 12\n"
    assert not (folder / "x/results/benchmarks").exists()
    return text


def test_a_module_acts_before_the_first_job_and_after_the_last(output):
    said = [
        line for line in output.splitlines() if line.split(" ")[0] in ("FIRST", "BEFORE", "JOBS")
    ]
    assert said == ["JOBS ['part_a']", "FIRST x/results/a.txt False", "BEFORE"]
    assert output.index("LAST True") < output.index("AFTER")


def test_a_snakefile_that_is_included_names_what_is_run_by_default(tmp_path):
    (tmp_path / "part.smk").write_text(
        'rule first:\n    output: "1"\n    shell: "touch 1"\n'
        'rule second:\n    output: "2"\n    shell: "touch 2"\n'
    )
    (tmp_path / "Snakefile").write_text(
        "from softaer.running import snakemake_private\n"
        'include: "part.smk"\n'
        'snakemake_private.by_default(workflow, "second")\n'
    )
    snakemake(tmp_path)
    assert (tmp_path / "2").exists()
    assert not (tmp_path / "1").exists()


def test_configurations_are_known_in_their_order(tmp_path):
    for name in ("a", "b"):
        (tmp_path / f"{name}.yaml").write_text(f"name: {name}\n")
    (tmp_path / "Snakefile").write_text(
        "from softaer.running import snakemake_private\n"
        'configfile: "a.yaml"\n'
        'print("FILES", *snakemake_private.configurations(workflow))\n'
        'print("STORED", snakemake_private.in_storage(workflow), '
        "snakemake_private.deploys_conda(workflow))\n"
        'rule a:\n    output: "1"\n    shell: "touch 1"\n'
    )
    words = ("--dry-run", "--configfile", "b.yaml", "--config", "more=1")
    text = snakemake(tmp_path, *words)
    assert f"FILES ['a.yaml', '{tmp_path}/b.yaml'] {{'more': 1}}" in text
    assert "STORED False False" in text


def test_a_file_of_a_scratch_disk_is_known_by_its_origin():
    stored = SimpleNamespace(is_storage=True, storage_object=SimpleNamespace(query="results/a"))
    assert snakemake_private.known_path(stored) == "results/a"


ANCIENT = """
rule all:
    input: "b", "c"

rule table:
    output: "a"
    params: size=config["size"]
    shell: "echo {params.size} > {output}"

rule asks_for_missing_output:
    input: ancient("a")
    output: "b"
    shell: "touch {output}"

rule has_other_settings:
    input: ancient("a")
    output: "c"
    params: size=config["size"]
    shell: "echo {params.size} > {output}"

rule as_before:
    input: ancient("a")
    output: "d"
    shell: "touch {output}"
"""


@pytest.mark.parametrize("patched", [False, True])
def test_jobs_behind_an_ancient_file_that_is_made_anew_are_looked_at(patched, tmp_path):
    """Without the patch, Snakemake runs the first job alone. Once it does not, none is needed."""
    patch = "from softaer.running import snakemake_private\n"
    patch += "snakemake_private.ancient_hides_nothing()\n"
    (tmp_path / "Snakefile").write_text((patch if patched else "") + ANCIENT)
    targets = ("all", "d")
    snakemake(tmp_path, *targets, "--config", "size=1")
    (tmp_path / "b").unlink()
    kept = (tmp_path / "d").stat().st_mtime_ns
    snakemake(tmp_path, *targets, "--config", "size=2")
    assert (tmp_path / "a").read_text() == "2\n"
    assert (tmp_path / "b").exists() == patched
    assert (tmp_path / "c").read_text() == ("2\n" if patched else "1\n")
    assert (tmp_path / "d").stat().st_mtime_ns == kept


@pytest.mark.parametrize("patched", [False, True])
def test_the_command_of_a_failed_job_is_not_shown_twice(patched, tmp_path):
    patch = "from softaer.running import snakemake_private\n"
    patch += "snakemake_private.failed_commands_are_shown_once()\n"
    rule = 'rule a:\n    output: "a"\n    shell: "echo \'it\' is; exit 7"\n'
    (tmp_path / "Snakefile").write_text((patch if patched else "") + rule)
    text = snakemake(tmp_path, status=1)
    assert ("set -euo pipefail" in text) != patched
    assert ("The command exited with status 7" in text) == patched
    assert text.count("echo 'it' is; exit 7") == 2 - patched
    assert "Error in rule a:" in text


def test_signatures_are_read_once(monkeypatch):
    class Unhashable:
        __hash__ = None

        def __call__(self, wildcards, input):
            """Something that a rule can call."""

    def of_attempts(wildcards, attempt):
        return attempt

    modules = (common, jobs, rules)
    for module in modules:
        monkeypatch.setattr(module, "get_function_params", common.get_function_params)
    # Without what the decorator remembers of an earlier call.
    snakemake_private.signatures_are_read_once.__wrapped__()
    read = []
    plain = inspect.signature
    monkeypatch.setattr(inspect, "signature", lambda some: read.append(some) or plain(some))
    for module in modules:
        assert list(module.get_function_params(of_attempts)) == ["wildcards", "attempt"]
        assert list(module.get_function_params(Unhashable())) == ["wildcards", "input"]
    assert read.count(of_attempts) == 1


def test_commands_are_filled_in_as_by_snakemake(monkeypatch):
    plain = utils.format
    monkeypatch.setattr(jobs, "format", plain)
    # Also if an earlier test has called it.
    snakemake_private.names_are_not_copied.__wrapped__()
    assert jobs.format is not plain
    names = {
        "input": ["a b", "c"],
        "params": SimpleNamespace(flags=["-x", 1], none=None),
        "wildcards": {"batch": "b1"},
    }
    patterns = ["true", "cat {input} {params.flags} {{}}", "{input[0]!r} {params.none}"]
    for pattern in patterns:
        assert jobs.format(pattern, **names) == plain(pattern, **names)
    assert jobs.format("cat {input:q}", **names) == "cat 'a b' c"
    with pytest.raises(NameError, match="nothing"):
        jobs.format("{nothing}", **names)
    with pytest.raises(NameError, match="wildcards"):
        jobs.format("{batch}", **names)
    with pytest.raises(AttributeError, match="flag"):
        jobs.format("{params.flag}", **names)
