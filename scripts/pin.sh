#!/usr/bin/env bash
# Writes constraints.txt: the exact versions that CI and ./test install. Run it to move to newer ones, then ./test.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
"${PYTHON:-python3}" -m venv "$scratch"
"$scratch/bin/python" -m pip install --quiet '.[clang,dev]'
{
    printf '# Exact versions of everything, so that a build today is a build tomorrow. Written by scripts/pin.sh.\n'
    "$scratch/bin/python" -m pip freeze --all --exclude pip --exclude ebpfc
} >"$scratch/constraints.txt"
mv "$scratch/constraints.txt" constraints.txt
