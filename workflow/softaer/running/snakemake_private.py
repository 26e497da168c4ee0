"""What the rules take of Snakemake beyond what it documents, all of it here.

A version of Snakemake without one of these fails ``tests/unit/test_snakemake_private.py``, which
says which. Everything else in the rules is documented.
"""

import contextlib
import inspect
import os
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from snakemake.iocontainers import InputFiles, Wildcards
    from snakemake.jobs import Job
    from snakemake.rules import Rule
    from snakemake.workflow import Workflow

_WILDCARDS = inspect.signature(lambda wildcards: None)
_INPUT = inspect.signature(lambda wildcards, input: None)
_ATTEMPT = inspect.signature(lambda wildcards, attempt: None)
_INPUT_ATTEMPT = inspect.signature(lambda wildcards, input, attempt: None)


def is_main(workflow: "Workflow") -> bool:
    """Whether the Snakefile that is read is the main one, and no module of another."""
    return workflow.modifier.is_main_snakefile()


def in_storage(workflow: "Workflow") -> bool:
    """Whether results are kept by a storage provider, such as a scratch disk or an object store."""
    return workflow.storage_settings.default_storage_provider is not None


def deploys_conda(workflow: "Workflow") -> bool:
    """Whether rules run in conda environments of their own."""
    from snakemake.settings.types import DeploymentMethod

    return DeploymentMethod.CONDA in workflow.deployment_settings.deployment_method


def placed(workflow: "Workflow") -> Callable[[str], str]:
    """A function that says where a result lies: below the prefix of a module, if there is one."""
    modifier = workflow.modifier.path_modifier
    return lambda path: str(modifier.replace_prefix(path))


def as_it_lies(path: str) -> str:
    """A file of the user's own, which neither a prefix nor a storage provider moves.

    Unlike with ``local``, its jobs may run anywhere.
    """
    from snakemake.io import flag
    from snakemake.path_modifier import PATH_MODIFIER_FLAG

    return flag(path, PATH_MODIFIER_FLAG)


def by_default(workflow: "Workflow", rule: str) -> None:
    """Name the rule that is run if nothing is asked for; an included Snakefile cannot."""
    workflow.default_target = rule


def configurations(workflow: "Workflow") -> tuple[list[str], dict]:
    """Files that Snakefiles name and then those of ``--configfile``; and what ``--config`` says."""
    settings = workflow.config_settings
    given = list(map(str, settings.configfiles))
    named = [file for file in map(str, workflow.configfiles) if file not in given]
    return [*named, *given], dict(settings.config)


def on_start(workflow: "Workflow", action: Callable[[], None]) -> None:
    """Do something before the first job, in a module too.

    Snakemake calls the handlers of the main Snakefile alone. This one is called before them,
    whether they are defined before or after.
    """
    _chain(workflow, "onstart", action)


def on_success(workflow: "Workflow", action: Callable[[], None]) -> None:
    """Do something after the last job; see :func:`on_start`."""
    _chain(workflow, "onsuccess", action)


def _chain(workflow: "Workflow", name: str, action: Callable[[], None]) -> None:
    attribute = f"_{name}"
    theirs, register = getattr(workflow, attribute), getattr(workflow, name)

    def both(handler: Callable[[str], None]) -> Callable[[str], None]:
        def call(log: str) -> None:
            action()
            handler(log)

        return call

    def register_both(handler: Callable[[str], None]) -> None:
        register(handler)
        if is_main(workflow):
            setattr(workflow, attribute, both(handler))

    setattr(workflow, attribute, both(theirs))
    setattr(workflow, name, register_both)


def needed_jobs(workflow: "Workflow") -> "set[Job]":
    """Jobs that will run."""
    return set(workflow.dag.needrun_jobs())


def known_path(file: Any) -> str:
    """Where a job's file can be seen before the job: for one on a scratch disk, at its origin."""
    return file.storage_object.query if file.is_storage else file


def runs(workflow: "Workflow", rule: "Rule") -> bool:
    """Whether a rule has a job in this run."""
    return any(job.rule is rule for job in workflow.dag.needrun_jobs(exclude_finished=False))


def first_of(workflow: "Workflow", jobs: "Iterable[Job]") -> "list[Job]":
    """Those of some jobs that wait for no other of them."""
    some = set(jobs)
    return [job for job in some if some.isdisjoint(workflow.dag.dependencies[job])]


def untimed(rule: "Rule") -> None:
    """Take away a rule's benchmark: Snakemake refuses to time what may come from its cache."""
    rule._benchmark = None


def of_wildcards(function: Callable[["Wildcards"], Any]) -> Callable:
    """A function of wildcards, for input or params; see :func:`of_input`."""
    return _told(_WILDCARDS, function)


def of_input(function: Callable[["Wildcards", "InputFiles"], Any]) -> Callable:
    """A function of wildcards and input, for params or resources.

    Snakemake looks at the arguments of such functions several times per job, and would work them
    out each time.
    """
    return _told(_INPUT, function)


def _told(arguments: inspect.Signature, function: Any) -> Callable:
    function.__signature__ = arguments
    return function


def growing(own: float, per_input: float = 0, stored: bool = False) -> Callable:
    """A resource by the attempt: what a job takes itself, and so much for each MB of its input.

    Used for memory [MB] and for run time [min]. Input that is not there yet counts for nothing: a
    job that is submitted without any request gets what the cluster gives by default.

    Parameters
    ----------
    own
        For a job without input.
    per_input
        For each MB of input.
    stored
        Whether input lies in a storage, which is asked for sizes.
    """

    def size(input: "InputFiles") -> float:
        if stored:
            from snakemake_interface_storage_plugins.exceptions import FileOrDirectoryNotFoundError

            with contextlib.suppress(FileOrDirectoryNotFoundError):
                return input.size_mb
        return sum(os.path.getsize(path) for path in input if os.path.exists(path)) / 1e6

    def alone(wildcards: "Wildcards", attempt: int) -> int:
        return int(own * attempt)

    def with_input(wildcards: "Wildcards", input: "InputFiles", attempt: int) -> int:
        return int((own + per_input * size(input)) * attempt)

    return _told(_INPUT_ATTEMPT, with_input) if per_input else _told(_ATTEMPT, alone)
