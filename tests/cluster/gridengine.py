"""A real Grid Engine on one machine, started for the tests and ended with them.

It lives in a folder and two ports of its own, beside whatever else there is.
"""

import os
import subprocess
import time
from pathlib import Path

from daemons import end, require, run, wait_until

from debian_packages import UnavailableError
from patience import SILENT

PACKAGES = ["gridengine-master", "gridengine-exec", "gridengine-client"]
"""Of Debian and Ubuntu."""

PROGRAMS = ["qsub", "qstat", "qconf", "qdel", "qacct"]

BINARIES = Path("/usr/lib/gridengine")
SHARE = Path("/usr/share/gridengine")

BOOTSTRAP = """
admin_user        none
default_domain    none
ignore_fqdn       true
spooling_method   berkeleydb
spooling_lib      libspoolb
spooling_params   {folder}/spooldb
binary_path       {binaries}
qmaster_spool_dir {folder}/qmaster
security_mode     none
listener_threads  2
worker_threads    2
scheduler_threads 1
"""

HOST = """
hostname localhost
load_scaling NONE
complex_values NONE
user_lists NONE
xuser_lists NONE
projects NONE
xprojects NONE
usage_scaling NONE
report_variables NONE
"""

THREADS = """
pe_name smp
slots 99
user_lists NONE
xuser_lists NONE
start_proc_args NONE
stop_proc_args NONE
allocation_rule $pe_slots
control_slaves FALSE
job_is_first_task TRUE
urgency_slots min
accounting_summary FALSE
qsort_args NONE
"""

CONFIGURATION = {
    "execd_spool_dir": "{folder}/execd",
    "min_uid": "0",
    "min_gid": "0",
    "load_report_time": "00:00:05",
    "reporting_params": "accounting=true reporting=false flush_time=00:00:01 "
    "accounting_flush_time=00:00:00 joblog=false sharelog=00:00:00",
}
"""What differs from Debian's."""

SCHEDULING = {"schedule_interval": "0:0:1", "flush_submit_sec": "1", "flush_finish_sec": "1"}

QUEUE = {"qname": "test.q", "hostlist": "localhost", "slots": "{slots}", "pe_list": "smp"} | {
    "load_thresholds": "NONE",
    "shell": "/bin/sh",
    "tmpdir": "/tmp",
}


class GridEngine:
    """A cluster of one node.

    Parameters
    ----------
    folder
        For its state and logs.
    slots
        How many jobs run at once, whatever the machine has.
    """

    def __init__(self, folder: Path, slots: int = 4) -> None:
        self.folder = folder
        self.slots = slots
        self.daemons: list[Path] = []

    @property
    def environment(self) -> dict[str, str]:
        """What its programs, and jobs that submit jobs, have to find in their environment."""
        return {
            "SGE_ROOT": str(self.folder),
            "SGE_CELL": "default",
            "SGE_QMASTER_PORT": "16444",
            "SGE_EXECD_PORT": "16445",
        }

    def start(self) -> None:
        """Start it.

        Raises
        ------
        UnavailableError
            Without root's rights or the programs, or if it does not come up.
        """
        require(PROGRAMS, "Grid Engine")
        self.folder.chmod(0o755)
        common = self.folder / "default" / "common"
        for path in (common, self.folder / "qmaster/job_scripts", self.folder / "spooldb"):
            path.mkdir(parents=True)
        (self.folder / "execd").mkdir()
        (self.folder / "util").symlink_to(SHARE / "util")
        (common / "bootstrap").write_text(
            BOOTSTRAP.format(folder=self.folder, binaries=BINARIES).lstrip()
        )
        # Whatever the machine calls itself is this one.
        name = os.uname().nodename
        (common / "host_aliases").write_text(f"localhost {name} {name.split('.')[0]}\n")
        (common / "act_qmaster").write_text("localhost\n")
        self._call(BINARIES / "spoolinit", "berkeleydb", "libspoolb", self._path("spooldb"), "init")
        defaults = (SHARE / "default-configuration").read_text()
        self._default("configuration", self._file("configuration", _with(defaults, self._filled())))
        self._default("complexes", SHARE / "util/resources/centry")
        self._default("usersets", SHARE / "util/resources/usersets")
        self._default("managers", "root")
        self._call(BINARIES / "sge_qmaster")
        self.daemons.append(self.folder / "qmaster/qmaster.pid")
        wait_until(lambda: self._run("qconf", "-sss").returncode == 0, "no qmaster")
        self._call("qconf", "-as", "localhost")
        self._call("qconf", "-Ae", self._file("host", HOST))
        self._call("qconf", "-Ap", self._file("threads", THREADS))
        scheduling = self._run("qconf", "-ssconf").stdout
        self._call("qconf", "-Msconf", self._file("scheduling", _with(scheduling, SCHEDULING)))
        self._call(BINARIES / "sge_execd")
        self.daemons.append(self.folder / "execd/localhost/execd.pid")
        template = self._run("qconf", "-sq").stdout
        queue = {key: value.format(slots=self.slots) for key, value in QUEUE.items()}
        self._call("qconf", "-Aq", self._file("queue", _with(template, queue)))
        wait_until(lambda: " lx-" in self._run("qhost").stdout, "the node does not come up")

    def jobs(self, states: str = "prs") -> list[str]:
        """Numbers of the jobs that wait (p), run (r) or are suspended (s)."""
        lines = self._run("qstat", "-s", states).stdout.splitlines()[2:]
        return [line.split()[0] for line in lines]

    def hold(self, closed: bool) -> None:
        """Let no waiting job start, or let them start again."""
        self._call("qmod", "-d" if closed else "-e", "test.q")

    def delete(self, *jobs: str) -> None:
        """Delete jobs, as their owner would."""
        self._run("qdel", *jobs)

    def cancel_all(self) -> None:
        """Cancel all jobs and wait until they are gone."""
        deadline = time.monotonic() + 15
        while (jobs := self.jobs()) and time.monotonic() < deadline:
            self.delete(*jobs)
            time.sleep(0.5)

    def stop(self) -> None:
        """End what was started, jobs first."""
        if self.daemons:
            self.cancel_all()
        end(self.daemons)

    def _filled(self) -> dict[str, str]:
        return {key: value.format(folder=self.folder) for key, value in CONFIGURATION.items()}

    def _path(self, name: str) -> Path:
        return self.folder / name

    def _file(self, name: str, text: str) -> Path:
        path = self.folder / f"{name}.conf"
        path.write_text(text.lstrip())
        return path

    def _default(self, *arguments: object) -> None:
        self._call(BINARIES / "spooldefaults", *arguments)

    def _call(self, *command: object) -> None:
        try:
            subprocess.run(
                list(map(str, command)),
                env=os.environ | self.environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=SILENT,
                check=True,
            )
        except (OSError, subprocess.SubprocessError) as error:
            said = getattr(error, "stderr", "") or getattr(error, "stdout", "") or ""
            raise UnavailableError(f"{' '.join(map(str, command))}: {error} {said}") from error

    def _run(self, *command: str) -> subprocess.CompletedProcess:
        return run(command, self.environment)


def _with(text: str, values: dict[str, str]) -> str:
    """Lines "key value" with some values replaced."""
    lines = []
    for line in text.splitlines():
        key = line.split(maxsplit=1)[0] if line.strip() else ""
        lines.append(f"{key} {values[key]}" if key in values else line)
    return "\n".join(lines) + "\n"
