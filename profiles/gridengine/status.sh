#!/usr/bin/env bash
# Reports the status of a Grid Engine job to Snakemake: running, success or failed.
#
# A finished job disappears from qstat at once and appears in qacct a little later. A job that was deleted
# before it started never appears there. So a job that is unknown to both counts as failed after PATIENCE seconds.
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
    echo running # Grid Engine did not answer; Snakemake asks again soon.
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
