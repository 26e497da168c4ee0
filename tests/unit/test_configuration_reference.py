"""docs/configuration.md is what the schema and config.yaml say."""

import sys

import pytest
import yaml


@pytest.fixture(scope="module")
def module(root):
    sys.path.append(str(root / "tests"))
    import configuration_reference

    return configuration_reference


def test_the_page_is_up_to_date(root, module):
    found = (root / "docs/configuration.md").read_text()
    assert found == module.reference(), "run: python tests/configuration_reference.py"


def test_every_key_of_the_configuration_has_its_row(root, module):
    def keys(section, prefix=""):
        for name, value in section.items():
            if isinstance(value, dict) and value:
                yield from keys(value, f"{prefix}{name}.")
            else:
                yield f"{prefix}{name}"

    page = module.reference()
    for key in keys(yaml.safe_load((root / "config.yaml").read_text())):
        assert f"| `{key}` |" in page


def test_remarks_are_taken_from_behind_below_and_above_a_key(module):
    text = (
        "a:\n  # above\n  # it\n  b: 1\n  c: 2       # behind\n             # and below\n\nd: 3\n"
    )
    assert module.remarks(text) == {"a": "", "a.b": "above it", "a.c": "behind and below", "d": ""}
