"""A real Slurm on one machine, started for the tests and ended with them.

Several slurmd on one host stand for nodes. There is no accounting and there are no cgroups: memory
is enforced by polling, once a second, and the state of jobs is asked of squeue.
"""

import os
import socket
import subprocess
import time
from pathlib import Path

from daemons import (
    alive,
    descendants,
    end,
    kill,
    pid_of,
    require,
    run,
    wait_until,
)

from debian_packages import UnavailableError
from patience import SILENT

CONFIGURATION = Path("/etc/slurm/slurm.conf")
"""Where Slurm's programs look for their configuration; what runs in a job looks nowhere else."""

PACKAGES = ["munge", "slurmctld", "slurmd", "slurm-client"]
"""Of Debian and Ubuntu."""

PROGRAMS = ["munged", "munge", "slurmctld", "slurmd", "sbatch", "squeue", "scontrol", "scancel"]

TEMPLATE = """
ClusterName=softaer
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort=16817
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool.%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=1,bf_interval=1,batch_sched_delay=0,sched_min_interval=0
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
EnforcePartLimits=ALL
ReturnToService=2
MinJobAge=600
KillWait=2
OverTimeLimit=0
CompleteWait=0
SlurmctldTimeout=10
SlurmdTimeout=10
UnkillableStepTimeout=20
SlurmdParameters=config_overrides
{nodes}
PartitionName=test Nodes=ALL Default=YES DefMemPerCPU=100 MaxTime=10-0 State=UP
"""


class Slurm:
    """A cluster of a few nodes on this machine.

    Parameters
    ----------
    folder
        For its state and logs.
    nodes
        How many there are, of two processors and 16 GB each, whatever the machine has.
    """

    def __init__(self, folder: Path, nodes: int = 3) -> None:
        self.folder = folder
        self.nodes = [f"n{number}" for number in range(1, nodes + 1)]
        self.daemons: list[Path] = []

    def start(self) -> None:
        """Start it.

        Raises
        ------
        UnavailableError
            Without root's rights or the programs, or where there is a Slurm already.
        """
        require(PROGRAMS, "Slurm")
        if CONFIGURATION.is_symlink() and not alive(
            Path(os.readlink(CONFIGURATION)).with_name("slurmctld.pid")
        ):
            CONFIGURATION.unlink()  # of a test run that was killed
        if CONFIGURATION.exists() or CONFIGURATION.is_symlink():
            raise UnavailableError(f"{CONFIGURATION} is there: this machine has a Slurm of its own")
        (self.folder / "state").mkdir()
        self.folder.chmod(0o755)
        host = socket.gethostname().split(".")[0]
        lines = [
            f"NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={16901 + place} "
            "CPUs=2 RealMemory=16000 State=UNKNOWN"
            for place, name in enumerate(self.nodes)
        ]
        text = TEMPLATE.format(host=host, folder=self.folder, nodes="\n".join(lines))
        (self.folder / "slurm.conf").write_text(text)
        CONFIGURATION.parent.mkdir(exist_ok=True)
        CONFIGURATION.symlink_to(self.folder / "slurm.conf")
        self._start_munge()
        self._start("slurmctld", "slurmctld.pid")
        self._wait(["scontrol", "ping"])
        for node in self.nodes:
            (self.folder / f"spool.{node}").mkdir()
            self.start_node(node)
        self.wait_for_nodes()

    def _start_munge(self) -> None:
        folder = self.folder / "munge"
        folder.mkdir(mode=0o700)
        (folder / "munge.key").write_bytes(os.urandom(128))
        (folder / "munge.key").chmod(0o400)
        self._start(
            "munged",
            "munged.pid",
            f"--key-file={folder}/munge.key",
            f"--socket={self.folder}/munge.socket",
            f"--pid-file={self.folder}/munged.pid",
            f"--log-file={folder}/munged.log",
            f"--seed-file={folder}/seed",
        )
        self._wait(["munge", "--no-input", "--socket", f"{self.folder}/munge.socket"])

    def start_node(self, name: str) -> None:
        """Bring a node up."""
        self._start("slurmd", f"slurmd.{name}.pid", "-N", name)

    def stop_node(self, name: str) -> None:
        """Let a node go down with everything that runs on it, as if it lost its power."""
        pidfile = self.folder / f"slurmd.{name}.pid"
        for doomed in (pid_of(pidfile), *self._steps_of(name)):
            for pid in (*descendants(doomed), doomed):
                kill(pid)
        self.daemons.remove(pidfile)

    def _steps_of(self, name: str) -> list[int]:
        """slurmstepd processes of a node; they do not belong to its slurmd."""
        jobs = self.jobs("%i %N %t")
        here = {job for job, node, state in (line.split(" ") for line in jobs) if node == name}
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                title = (process / "cmdline").read_bytes().decode(errors="replace")
            except OSError:
                continue
            if title.startswith("slurmstepd: [") and title[13:].split(".")[0] in here:
                found.append(int(process.name))
        return found

    def wait_for_nodes(self) -> None:
        """Wait until all nodes take jobs."""

        def ready() -> bool:
            done = run(["sinfo", "-h", "-N", "-t", "idle,alloc,mix,comp", "-o", "%N"])
            return set(done.stdout.split()) == set(self.nodes)

        wait_until(ready, "the nodes do not come up")

    def jobs(self, what: str = "%i") -> list[str]:
        """Jobs that wait or run, a line each, as squeue's format says."""
        states = "pending,running,completing"
        return run(["squeue", "-h", "-t", states, "-o", what]).stdout.splitlines()

    def _start(self, program: str, pidfile: str, *arguments: str) -> None:
        subprocess.run([program, *arguments], check=True, timeout=SILENT, stdin=subprocess.DEVNULL)
        path = self.folder / pidfile
        wait_until(lambda: path.exists() and path.read_text().strip(), f"no {pidfile}")
        self.daemons.append(path)

    def _wait(self, command: list[str]) -> None:
        wait_until(lambda: run(command).returncode == 0, f"{command} does not succeed")

    def hold(self, closed: bool) -> None:
        """Let no waiting job start, or let them start again."""
        run(["scontrol", "update", "PartitionName=test", f"State={'DOWN' if closed else 'UP'}"])

    def cancel_all(self) -> None:
        """Cancel all jobs and wait until they are gone."""
        if jobs := self.jobs():
            run(["scancel", *jobs])
        deadline = time.monotonic() + 10
        while self.jobs() and time.monotonic() < deadline:
            time.sleep(0.2)

    def stop(self) -> None:
        """End what was started, jobs first."""
        if self.daemons:
            self.cancel_all()
        end(self.daemons)
        if CONFIGURATION.is_symlink() and os.readlink(CONFIGURATION) == str(
            self.folder / "slurm.conf"
        ):
            CONFIGURATION.unlink()
