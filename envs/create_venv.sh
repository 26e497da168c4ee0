#!/usr/bin/env bash
# create_venv.sh FOLDER [PYTHON]: makes a virtual environment with Python 3.11 or 3.12, or reports what is missing.
set -euo pipefail

folder=$1
candidates=("${@:2}")
[ ${#candidates[@]} -gt 0 ] || candidates=(python3.11 python3.12 python3 python)

probe='import sys; print("%d.%d" % sys.version_info[:2])'
seen=()
for python in "${candidates[@]}"; do
    version=$("$python" -c "$probe" 2>/dev/null) || continue
    seen+=("$python is $version")
    case $version in 3.11 | 3.12) ;; *) continue ;; esac
    if ! "$python" -c 'import venv, ensurepip' 2>/dev/null; then
        echo "error: $python ($version) lacks the modules venv and ensurepip." >&2
        echo "On Debian and Ubuntu: apt install python$version-venv" >&2
        exit 1
    fi
    "$python" -m venv --clear "$folder"
    exit 0
done

found=$(IFS=,; echo "${seen[*]:-none}")
echo "error: no Python 3.11 or 3.12 among ${candidates[*]} (found: $found)." >&2
echo "Install one, or name it: make demo PYTHON=/path/to/python3.12" >&2
exit 1
