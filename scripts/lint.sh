#!/usr/bin/env bash
# The checks that run nothing: style (ruff), types (mypy strict), which room imports which (import-linter).
# Runs all of them. Exit: 0 clean, 1 when any found something.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PATH="$PWD/.venv/bin:$PATH"
status=0

step() {
    printf '[lint] %s\n' "$*"
    "$@" || status=1
}

step ruff check --quiet .
step ruff format --check --quiet .
step mypy
step mypy examples/demo.py scripts/reference_pages.py
step lint-imports --no-logo
exit "$status"
