#!/usr/bin/env bash
# Snakemake runs this in the environment made from extraction.yaml: that file cannot express pip's --no-deps.
set -euo pipefail
python -m pip install --no-deps mediapipe==0.10.21
