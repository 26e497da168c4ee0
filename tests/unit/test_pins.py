"""Versions are those of the files that the environments are made of."""

import importlib.metadata
import re

import pytest

from softaer.running.pins import read_pins


def test_pins_come_from_all_files_and_comments_do_not_count(tmp_path):
    (tmp_path / "requirements.txt").write_text(
        "# old==0.1\n\nav==18.1.0\nname.with-parts_1==2!1.0rc1+cpu  # why\nloose>=3\n"
    )
    (tmp_path / "requirements-nodeps.txt").write_text("mediapipe==0.10.21\n")
    (tmp_path / "constraints.txt").write_text("other==1\n")
    assert read_pins(tmp_path) == {
        "av": "18.1.0",
        "name.with-parts_1": "2!1.0rc1+cpu",
        "mediapipe": "0.10.21",
    }


def test_a_folder_without_requirements_pins_nothing(tmp_path):
    assert read_pins(tmp_path) == {}


def test_every_package_that_a_rule_depends_on_is_pinned(root):
    rules = "".join(path.read_text() for path in (root / "workflow/rules").glob("*.smk"))
    named = {
        package
        for call in re.findall(r"=pins\((.*?)\)", rules)
        for package in re.findall(r'"(.+?)"', call)
    }
    assert {"av", "opensmile", "mediapipe", "torch"} <= named
    assert named <= set(read_pins(root / "envs"))


@pytest.mark.parametrize("package", ["av", "opensmile", "mediapipe", "torch"])
def test_the_pinned_versions_are_the_installed_ones(package, root):
    assert importlib.metadata.version(package).split("+")[0] == read_pins(root / "envs")[package]
