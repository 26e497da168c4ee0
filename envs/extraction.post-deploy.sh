#!/usr/bin/env bash
# Snakemake runs this in the environment made from extraction.yaml: pip's --no-deps has no place there.
set -euo pipefail
python -m pip install --no-deps mediapipe==0.10.21
