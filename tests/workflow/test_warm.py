"""Commands that start with their libraries imported behave as others do."""

import os
import signal
import subprocess
import sys
import time

import pytest

import warm
from patience import SILENT

pytestmark = pytest.mark.workflow

MODULE = """
import json, os, signal, sys
print(json.dumps([sys.argv[1:], os.getcwd(), os.environ["WORD"], sys.stdin.read()]))
print("said", file=sys.stderr)
{ending}
"""


@pytest.mark.parametrize(
    "ending",
    [
        *("pass", "sys.exit()", "sys.exit(3)", "sys.exit('no')", "1 / 0"),
        "os.kill(os.getpid(), signal.SIGKILL)",
    ],
)
def test_a_command_says_and_ends_as_with_any_python(ending, tmp_path):
    (tmp_path / "stage.py").write_text(MODULE.format(ending=ending))
    found = []
    for python in (sys.executable, warm.programs() / "python"):
        done = subprocess.run(
            [python, "-m", "stage", "--flag", "a b"],
            cwd=tmp_path,
            env=os.environ | {"WORD": "σ"},
            input="read",
            capture_output=True,
            text=True,
            timeout=SILENT,
        )
        last = done.stderr.splitlines()[-1]
        found.append((done.returncode, done.stdout, last))
    assert found[0] == found[1]


def test_what_is_killed_does_not_go_on(tmp_path):
    (tmp_path / "stage.py").write_text(
        "import os, time\nprint(os.getpid(), flush=True)\ntime.sleep(10_000)\n"
    )
    command = [warm.programs() / "python", "-m", "stage"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as client:
        pid = int(client.stdout.readline())
        os.kill(pid, 0)
        client.send_signal(signal.SIGKILL)
        client.wait(SILENT)
    deadline = time.monotonic() + SILENT
    while os.path.exists(f"/proc/{pid}"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
