#!/usr/bin/env bash
# Tells Snakemake what has become of a Grid Engine job: running, success or failed.
#
# A job that has ended is gone from qstat at once and found by qacct a little later; one that was deleted
# before it started, never. So a job that neither knows counts as failed after PATIENCE seconds.
set -uo pipefail
job=$1
unknown=.snakemake/gridengine_logs/$job.unknown
PATIENCE=${SOFTAER_GRIDENGINE_PATIENCE:-300}

if known=$(qstat -j "$job" 2>&1); then
    # An error state (Eqw) does not end by itself.
    if qstat -u '*' 2> /dev/null | awk -v job="$job" '$1 == job && $5 ~ /E/ { found = 1 } END { exit !found }'; then
        qdel "$job" > /dev/null 2>&1
        echo failed
    else
        echo running
    fi
    exit 0
fi
if [[ $known != *"do not exist"* ]]; then
    echo running # Grid Engine did not answer; asked again soon.
    exit 0
fi
if record=$(qacct -j "$job" 2> /dev/null); then
    rm -f "$unknown"
    if awk '$1 == "failed" || $1 == "exit_status" { if ($2 != 0) bad = 1 } END { exit bad }' <<< "$record"; then
        echo success
    else
        echo failed
    fi
    exit 0
fi
mkdir -p "$(dirname "$unknown")"
[ -e "$unknown" ] || touch "$unknown"
if (($(date +%s) - $(stat -c %Y "$unknown") > PATIENCE)); then
    rm -f "$unknown"
    echo failed
else
    echo running
fi
