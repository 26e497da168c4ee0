"""All uses of Snakemake's undocumented features.

If a version of Snakemake lacks one of them, ``tests/unit/test_snakemake_private.py`` fails and
names it. The rules use only documented features otherwise.
"""

import contextlib
import functools
import inspect
import logging
import os
import re
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from snakemake.iocontainers import InputFiles, Wildcards
    from snakemake.jobs import Job
    from snakemake.rules import Rule
    from snakemake.workflow import Workflow


def is_main(workflow: "Workflow") -> bool:
    """Whether the Snakefile being read is the main one, not a module of another."""
    return workflow.modifier.is_main_snakefile()


def in_storage(workflow: "Workflow") -> bool:
    """Whether results are kept by a storage provider, such as a scratch disk or an object store."""
    return workflow.storage_settings.default_storage_provider is not None


def deploys_conda(workflow: "Workflow") -> bool:
    """Whether rules run in their own conda environments."""
    from snakemake.settings.types import DeploymentMethod

    return DeploymentMethod.CONDA in workflow.deployment_settings.deployment_method


def placed(workflow: "Workflow") -> Callable[[str], str]:
    """A function that gives the path of a result: below the prefix of a module, if there is one."""
    modifier = workflow.modifier.path_modifier
    return lambda path: str(modifier.replace_prefix(path))


def as_it_lies(path: str) -> str:
    """A file of the user, which neither a prefix nor a storage provider moves.

    Unlike with ``local``, its jobs may run anywhere.
    """
    from snakemake.io import flag
    from snakemake.path_modifier import PATH_MODIFIER_FLAG

    return flag(path, PATH_MODIFIER_FLAG)


@functools.cache
def ancient_hides_nothing() -> None:
    """Make Snakemake look at each job that depends on a job to run by ``ancient`` files alone.

    Snakemake takes it for a job that will run anyway, does not look whether its output is missing
    or its parameters have changed, and then does not run it (Snakemake issue 4166). The run would
    end without its results, and without an error.
    """
    from snakemake.dag import DAG

    plain = DAG.update_needrun

    async def update_needrun(dag: DAG, *arguments: Any, **options: Any) -> None:
        def but_ancient(direction: dict, *jobs: "Job") -> "Iterable[Job]":
            """Jobs reached by at least one file that is not ``ancient``."""
            reached, waiting = set(jobs), list(jobs)
            for job in waiting:
                for other, files in direction[job].items():
                    if other not in reached and not all(file.is_ancient for file in files):
                        reached.add(other)
                        waiting.append(other)
            return reached

        dag.bfs = but_ancient
        try:
            await plain(dag, *arguments, **options)
        finally:
            del dag.bfs

    DAG.update_needrun = update_needrun


@functools.cache
def signatures_are_read_once() -> None:
    """Make Snakemake remember the parameters of the functions of rules.

    It inspects each of them several times per job, which takes a twelfth of its time for planning.
    """
    from snakemake import common, jobs, rules

    plain = common.get_function_params
    remembered = functools.cache(plain)

    def parameters(function: Callable) -> Mapping[str, inspect.Parameter]:
        return remembered(function) if isinstance(function, Hashable) else plain(function)

    for module in (common, jobs, rules):
        vars(module)["get_function_params"] = parameters


@functools.cache
def names_are_not_copied() -> None:
    """Make Snakemake fill in a command from the names that it uses.

    It copies all names of the Snakefile and of its own module five times per command, which takes
    a fifth of its time for planning.
    """
    from snakemake import jobs
    from snakemake.utils import QuotedFormatter, SequenceFormatter
    from snakemake.utils import format as plain

    def filled_in(pattern: str, **names: Any) -> str:
        formatter = SequenceFormatter(separator=" ")
        formatter.element_formatter = QuotedFormatter()
        try:
            return formatter.vformat(pattern, (), names)
        except KeyError:
            # A name of Snakemake's module, or none at all: it knows what to say.
            return plain(pattern, stepout=2, **names)

    jobs.format = filled_in


_FAILED = re.compile(r"Command '.*' returned non-zero exit status (\d+)", flags=re.DOTALL)


@functools.cache
def failed_commands_are_shown_once() -> None:
    """Shorten the first of two messages on a failed job, which repeats the whole command."""
    from snakemake.logging import logger

    def shortened(record: logging.LogRecord) -> bool:
        if isinstance(record.msg, str):
            record.msg = _FAILED.sub(r"The command exited with status \1", record.msg)
        return True

    logger.addFilter(shortened)


def by_default(workflow: "Workflow", rule: str) -> None:
    """Set the default rule, which an included Snakefile cannot do itself."""
    workflow.default_target = rule


def configurations(workflow: "Workflow") -> tuple[list[str], dict]:
    """Configuration files of Snakefiles, then of ``--configfile``; and values of ``--config``."""
    settings = workflow.config_settings
    given = list(map(str, settings.configfiles))
    named = [file for file in map(str, workflow.configfiles) if file not in given]
    return [*named, *given], dict(settings.config)


def on_start(workflow: "Workflow", action: Callable[[], None]) -> None:
    """Call a function before the first job, also in a module.

    Snakemake calls only the handlers of the main Snakefile. This one is called before them,
    whether they are defined earlier or later.
    """
    _chain(workflow, "onstart", action)


def on_success(workflow: "Workflow", action: Callable[[], None]) -> None:
    """Call a function after the last job; see :func:`on_start`."""
    _chain(workflow, "onsuccess", action)


def on_error(workflow: "Workflow", action: Callable[[], None]) -> None:
    """Call a function after a run with failed jobs; see :func:`on_start`."""
    _chain(workflow, "onerror", action)


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
    """Path of a job's file before the job: for a file on a scratch disk, its original."""
    return file.storage_object.query if file.is_storage else file


def runs(workflow: "Workflow", rule: "Rule") -> bool:
    """Whether a rule has a job in this run."""
    return any(job.rule is rule for job in workflow.dag.needrun_jobs(exclude_finished=False))


def first_of(workflow: "Workflow", jobs: "Iterable[Job]") -> "list[Job]":
    """Jobs that do not wait for any other of these jobs."""
    some = set(jobs)
    return [job for job in some if some.isdisjoint(workflow.dag.dependencies[job])]


def untimed(rule: "Rule") -> None:
    """Remove a rule's benchmark, because Snakemake refuses to time cached rules."""
    rule._benchmark = None


def growing(own: float, per_input: float = 0, stored: bool = False) -> Callable:
    """A resource that grows with the attempt and with the size of the input.

    Used for memory [MB] and run time [min]. Input that does not exist yet counts as 0. A
    job that is submitted without any request gets the defaults of the cluster.

    Parameters
    ----------
    own
        For a job without input.
    per_input
        For each MB of input.
    stored
        Whether input is in a storage, which is then asked for sizes.
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

    return with_input if per_input else alone
