"""The environments: one version of each package everywhere, and all that a rule's stage imports."""

import ast
import importlib.metadata
import re
import sys
from functools import cache

import pytest
import yaml

from softaer.core.code_digest import ROOT

PIN = re.compile(r"([A-Za-z0-9._-]+)==([A-Za-z0-9.+!]+)")


def normalised(name):
    """Name of a distribution as package indexes compare them."""
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(lines):
    found = {}
    for line in lines:
        text = line.split("#")[0].strip()
        if text:
            match = PIN.fullmatch(text)
            assert match, f"{text!r} is not pinned to one version"
            name = normalised(match[1])
            assert name not in found, f"{name} is pinned twice"
            found[name] = match[2]
    return found


def merged(*tables):
    everything = {}
    for table in tables:
        for name, version in table.items():
            assert everything.setdefault(name, version) == version, name
    return everything


def conda(path):
    """Pins of the pip section of a conda environment, and of the script that follows it."""
    content = yaml.safe_load(path.read_text())
    (section,) = [entry["pip"] for entry in content["dependencies"] if isinstance(entry, dict)]
    script = path.with_suffix(".post-deploy.sh")
    later = PIN.findall(script.read_text()) if script.exists() else []
    return merged(pins(section), {normalised(name): version for name, version in later})


@pytest.fixture(scope="module")
def requirements(root):
    files = sorted((root / "envs").glob("requirements*.txt"))
    assert len(files) >= 3
    return merged(*(pins(path.read_text().splitlines()) for path in files))


@pytest.fixture(scope="module")
def environments(root):
    return {path.name: conda(path) for path in sorted((root / "envs").glob("*.yaml"))}


def test_conda_environments_hold_the_pins_of_the_requirements(environments, requirements):
    assert environments
    for name, packages in environments.items():
        for package, version in packages.items():
            assert requirements.get(package) == version, f"{package} of {name}"


def test_every_requirement_of_a_stage_is_in_a_conda_environment(root, environments):
    no_rule_s = {
        "tqdm",  # softaer predict
        *("snakemake", "snakemake-executor-plugin-slurm"),
        *("snakemake-executor-plugin-cluster-generic", "pydantic", "pygments"),
    }
    run_time = merged(
        pins((root / "envs/requirements.txt").read_text().splitlines()),
        pins((root / "envs/requirements-nodeps.txt").read_text().splitlines()),
    )
    assert set(run_time) - no_rule_s == set(merged(*environments.values()))


def test_constraints_agree_with_the_requirements(root, requirements):
    path = root / "envs" / "constraints.txt"
    if not path.exists():
        pytest.skip("no constraints.txt")
    constraints = pins(path.read_text().splitlines())
    for package, version in requirements.items():
        assert constraints.get(package, version) == version, package
    at_run_time = pins((root / "envs/requirements.txt").read_text().splitlines())
    assert set(at_run_time) <= set(constraints)


def test_conda_environments_have_a_python_that_mediapipe_supports(root):
    for path in (root / "envs").glob("*.yaml"):
        dependencies = yaml.safe_load(path.read_text())["dependencies"]
        (python,) = [d for d in dependencies if isinstance(d, str) and d.startswith("python=")]
        assert python in ("python=3.11", "python=3.12"), path.name


def rules(root):
    """Stage and environment of every rule that runs one."""
    for path in sorted((root / "workflow/rules").glob("*.smk")):
        for rule in re.split(r"^rule (?=\w+:)", path.read_text(), flags=re.MULTILINE)[1:]:
            name = rule.split(":")[0]
            stage = re.search(r"python -m softaer\.([a-z_.]+)", rule)
            environment = re.search(r'conda:\s+"([^"]+)"', rule)
            yield path, name, stage and stage[1], environment and environment[1]


def test_every_rule_names_an_environment_that_exists(root):
    found = list(rules(root))
    assert len(found) > 15
    for path, name, stage, environment in found:
        assert stage, f"rule {name} runs no stage"
        assert environment, f"rule {name} names no environment"
        assert (path.parent / environment).is_file(), f"rule {name}: {environment}"


def module_path(module):
    path = ROOT.joinpath(*module.split(".")[1:])
    for candidate in (path.with_suffix(".py"), path / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None


def top_level_imports(module, seen):
    """Third-party packages that importing a module imports."""
    if module in seen:
        return set()
    seen.add(module)
    found = set()
    parents = module.split(".")
    for depth in range(1, len(parents)):
        found |= top_level_imports(".".join(parents[:depth]), seen)
    for node in ast.parse(module_path(module).read_text()).body:
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        for name in names:
            package = name.split(".")[0]
            if package == "softaer":
                if module_path(name):
                    found |= top_level_imports(name, seen)
            elif package not in sys.stdlib_module_names:
                found.add(package)
    return found


packages_distributions = cache(importlib.metadata.packages_distributions)


def distributions_of(package):
    return {normalised(name) for name in packages_distributions().get(package, ())}


def brought_along(packages):
    """Packages, and what they require without condition."""
    found = set(packages)
    for package in packages:
        try:
            required = importlib.metadata.requires(package) or []
        except importlib.metadata.PackageNotFoundError:
            continue
        found |= {normalised(re.match(r"[A-Za-z0-9._-]+", r)[0]) for r in required if ";" not in r}
    return found


def test_an_environment_has_all_that_its_stages_import(root, environments):
    missing = {}
    for path, name, stage, environment in rules(root):
        packages = brought_along(environments[(path.parent / environment).name])
        for imported in top_level_imports(f"softaer.{stage}", set()):
            distributions = distributions_of(imported)
            assert distributions, f"{imported} of rule {name} is not installed"
            if not distributions & packages:
                missing.setdefault(environment, set()).add((name, imported))
    assert missing == {}


def test_the_imports_of_a_stage_are_found():
    assert {"torch", "numpy", "pyarrow"} <= top_level_imports("softaer.train", set())
    assert "torch" not in top_level_imports("softaer.labels", set())
    assert "cv2" in top_level_imports("softaer.simulate.media", set())


def imported_by_the_rules(root):
    """What the rules' chapters import of this package: modules, and names within modules."""
    found = set()
    for path in (root / "workflow").rglob("*.smk"):
        for node in ast.walk(ast.parse(python_of(path))):
            if isinstance(node, ast.ImportFrom) and node.module.split(".")[0] == "softaer":
                names = [f"{node.module}.{alias.name}" for alias in node.names]
                found |= {name.partition(".")[2] for name in (node.module, *names)} - {""}
    return found


def python_of(path):
    """The imports of a chapter that it makes as it is read, without what is Snakemake's own."""
    return "\n".join(
        match[0].strip()
        for match in re.finditer(
            r"^from softaer[\w.]* import (?:\([^)]*\)|[^\n(]+)$", path.read_text(), re.MULTILINE
        )
    )


def test_what_the_snakefile_imports_is_light(root):
    heavy = {"torch", "cv2", "mediapipe", "opensmile", "pandas", "numpy", "pyarrow"}
    modules = {module for module in imported_by_the_rules(root) if module_path(f"softaer.{module}")}
    assert {"running.configuration", "core.code_digest", "corpus", "core.lock"} <= modules
    for module in modules:
        assert not heavy & top_level_imports(f"softaer.{module}", set()), module


def test_what_the_snakefile_imports_is_required(root, requirements):
    text = "\n".join(path.read_text() for path in (root / "workflow/rules").glob("*.smk"))
    imported = set(re.findall(r"^(?:import|from) (\w+)", text, re.MULTILINE))
    imported |= set(
        re.findall(r"^    import (\w+)", _sources("running.configuration", "corpus"), re.MULTILINE)
    )
    for package in imported - sys.stdlib_module_names - {"softaer"}:
        assert distributions_of(package) & set(requirements), package


def _sources(*modules):
    return "\n".join(module_path(f"softaer.{module}").read_text() for module in modules)
