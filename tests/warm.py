"""Commands that start with their libraries already imported.

A short ``python -m MODULE ...`` spends most of its time on imports. Here a server imports the
libraries once and runs each command in a fork of itself: a separate process with the command's
arguments, environment, working folder and standard streams, which imports the project's own code as
usual. ``python``, ``snakemake`` and ``softaer`` in a folder for ``PATH`` pass their command to the
server and end with its status.

Tests that kill processes or look at how they start and end do not use it.
"""

import array
import atexit
import contextlib
import functools
import gc
import importlib
import io
import json
import os
import runpy
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Iterator
from pathlib import Path

LIBRARIES = (
    *("av", "cv2", "jinja2", "jsonschema", "matplotlib.figure", "mediapipe", "numpy", "opensmile"),
    *("matplotlib.backends.backend_agg", "matplotlib.backends.backend_pdf"),
    *("matplotlib.backends.backend_svg", "pandas", "plotly.offline", "pyarrow.parquet"),
    *("pyarrow.dataset", "pyarrow.pandas_compat", "av.subtitles.stream", "matplotlib.typing"),
    *("safetensors.torch", "scipy.optimize", "scipy.signal", "scipy.stats", "skimage.data"),
    *("sklearn.linear_model", "snakemake.cli", "torch._dynamo", "yaml"),
)
"""Libraries that are imported once; nothing of the project."""

CLIENT = """#!{python} -IS
import array, json, os, signal, socket, sys
words, name = sys.argv[1:], os.path.basename(sys.argv[0])
if name != "python":
    words = ["-m", name, *words]
if words[:1] != ["-m"]:
    os.execv({python!r}, [{python!r}, *words])
server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
server.connect(os.path.join(os.path.dirname(os.path.abspath(sys.argv[0])), "socket"))
asked = json.dumps([words[1:], os.getcwd(), dict(os.environ)]).encode()
streams = array.array("i", [0, 1, 2])
server.sendmsg([len(asked).to_bytes(8, "big")],
               [(socket.SOL_SOCKET, socket.SCM_RIGHTS, streams)])
server.sendall(asked)
ended = int(server.recv(16) or -9)
if ended < 0:
    if -ended != signal.SIGKILL:
        signal.signal(-ended, signal.SIG_DFL)
    os.kill(os.getpid(), -ended)
os._exit(ended)
"""
"""The programs: they import only the standard library."""


@contextlib.contextmanager
def started(*within: str) -> Iterator[Path]:
    """Folder with ``python``, ``snakemake`` and ``softaer``.

    Parameters
    ----------
    within
        Command that is given the process with the libraries, and so all that becomes of it. They
        ask no Slurm then, as the executor for Slurm does when it is imported.
    """
    environment = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    if within:
        environment["SLURM_CONF"] = "/dev/null"
    with tempfile.TemporaryDirectory(prefix="softaer-warm-") as name:
        folder = Path(name)
        for program in ("python", "snakemake", "softaer"):
            (folder / program).write_text(CLIENT.format(python=sys.executable))
            (folder / program).chmod(0o755)
        with subprocess.Popen(
            [*within, sys.executable, "-I", __file__, name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | environment,
        ) as server:
            assert server.stdout.readline() == b"ready\n"
            yield folder


@functools.cache
def programs() -> Path:
    """The same, until the tests end."""
    stack = contextlib.ExitStack()
    atexit.register(stack.close)
    return stack.enter_context(started())


def serve(folder: str) -> None:
    """Take commands, a fork for each, until the standard input ends."""
    sys.executable = f"{folder}/python"
    for name in LIBRARIES:
        importlib.import_module(name)
    door = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    door.bind(f"{folder}/socket")
    door.listen(64)
    gc.freeze()
    print("ready", flush=True)
    waiting = selectors.DefaultSelector()
    waiting.register(door, selectors.EVENT_READ, lambda: start(door.accept()[0], waiting))
    waiting.register(0, selectors.EVENT_READ, sys.exit)
    while True:
        for ready, _ in waiting.select():
            # An earlier one of this round may have ended it, and its number be another's by now.
            if waiting.get_map().get(ready.fd) is ready:
                ready.data()


def start(client: socket.socket, waiting: selectors.BaseSelector) -> None:
    """Start a client's command, end it if the client goes away, and tell the client its status."""
    asked, streams = received(client)
    if not asked:
        client.close()
        return
    worker = os.fork()
    if worker == 0:
        try:
            client.close()
            for other in list(waiting.get_map().values()):
                if other.fd:
                    other.fileobj.close()
            waiting.close()
            carry_out(*json.loads(asked), streams)
        finally:
            os._exit(1)
    for stream in streams:
        os.close(stream)
    with contextlib.suppress(OSError):  # it does the same and may have ended
        os.setpgid(worker, worker)
    end = open(os.pidfd_open(worker), "rb", buffering=0)  # noqa: SIM115

    def tell() -> None:
        status = os.waitstatus_to_exitcode(os.waitpid(worker, 0)[1])
        with contextlib.suppress(OSError):
            client.send(str(status).encode())
        for file in (client, end):
            waiting.unregister(file)
            file.close()

    waiting.register(end, selectors.EVENT_READ, tell)
    waiting.register(client, selectors.EVENT_READ, lambda: os.killpg(worker, signal.SIGKILL))


def received(client: socket.socket) -> tuple[bytes, array.array]:
    """What a client asks for, and its standard streams; nothing if it has gone."""
    head, parts, _, _ = client.recvmsg(8, socket.CMSG_SPACE(3 * 4))
    streams = array.array("i", parts[0][2] if parts else b"")
    length, asked = int.from_bytes(head, "big"), b""
    while len(asked) < length and (more := client.recv(length - len(asked))):
        asked += more
    return (asked if len(asked) == length else b""), streams


def carry_out(words: list[str], folder: str, environment: dict, streams: array.array) -> None:
    """Be the command, from its start to its end."""
    os.setpgid(0, 0)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    unbuffered = bool(environment.get("PYTHONUNBUFFERED"))
    raw = open(1, "wb", buffering=0 if unbuffered else -1, closefd=False)  # noqa: SIM115
    sys.stdout = io.TextIOWrapper(raw, encoding="utf-8", write_through=unbuffered)
    sys.stderr = open(2, "w", encoding="utf-8", closefd=False, buffering=1)  # noqa: SIM115
    sys.path[:0] = [folder, *filter(None, environment.get("PYTHONPATH", "").split(os.pathsep))]
    sys.argv = ["-m", *words[1:]]
    status = 0
    try:
        runpy.run_module(words[0], run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        status = ended.code
        if not isinstance(status, int | None):
            print(status, file=sys.stderr)
            status = 1
    except BaseException:
        traceback.print_exc()
        status = 1
    # As an interpreter ends, but for taking apart what it has loaded, which takes longest of all.
    threading._shutdown()
    atexit._run_exitfuncs()
    for stream in filter(None, (sys.stdout, sys.stderr)):
        stream.flush()
    os._exit(status or 0)


if __name__ == "__main__":
    serve(sys.argv[1])
