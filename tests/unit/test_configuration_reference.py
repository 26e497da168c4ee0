"""config.yaml, its schema and docs/configuration.md are what the configuration's classes say."""

import sys

import jsonschema
import pytest
import yaml

from softaer.core.experiment import Configuration, Postprocessing, defaults
from softaer.core.fields import remarks, types


@pytest.fixture(scope="module")
def module(root):
    sys.path.append(str(root / "tests"))
    import configuration_reference

    return configuration_reference


@pytest.mark.parametrize(
    "path", ["config.yaml", "docs/configuration.md", "workflow/schemas/config.schema.yaml"]
)
def test_a_file_is_up_to_date(root, module, path):
    found = (root / path).read_text(encoding="utf-8")
    assert found == module.FILES[path](), "run: python tests/configuration_reference.py"


def test_every_key_of_the_configuration_has_its_row(module):
    def keys(section, prefix=""):
        for name, value in section.items():
            if isinstance(value, dict) and value:
                yield from keys(value, f"{prefix}{name}.")
            else:
                yield f"{prefix}{name}"

    page = module.reference()
    for key in keys(defaults()):
        assert f"| `{key}` |" in page


def test_no_line_of_the_configuration_is_too_long(root):
    lines = (root / "config.yaml").read_text(encoding="utf-8").splitlines()
    assert max(map(len, lines)) <= 120


def test_an_editor_is_told_what_is_wrong(root):
    schema = yaml.safe_load((root / "workflow/schemas/config.schema.yaml").read_text())
    check = jsonschema.Draft202012Validator(schema)
    assert check.is_valid(defaults())
    assert check.is_valid({"model": {"cells": 8}, "delay": {"arousal": 4}})
    assert not check.is_valid({"model": {"cells": 0}})
    assert not check.is_valid({"model": {"cell": "rnn"}})
    assert not check.is_valid({"modle": {}})


def test_what_stands_below_a_field_is_its_remark():
    assert remarks(Postprocessing) == {
        "median_windows": "windows that are tried",
        "max_shift": "in either direction",
    }
    said = remarks(Configuration)["grid"].splitlines()
    assert said[0].startswith("Several values for keys of model and training")
    assert said[-1].startswith("    grid: {")
    assert set(remarks(Configuration)) < set(types(Configuration))
