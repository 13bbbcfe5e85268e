#!/usr/bin/env bash
# Sets up ./.venv with ebpfc, the pinned compiler and the test tools; as root on Debian, system packages too.
# In: nothing, or `--tests` for what only tests want: Debian's clang beside the pinned compiler, /etc/services.
# Out: .venv/bin/{ebpfc,ebpfctl,pytest,...}. Done again only when what it was made from has changed.
# Exit: 0 ready; 1 something is missing, and the last lines say what to do.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PATH="$PATH:/usr/sbin:/sbin"

PACKAGES=(libbpf1 libelf1 iproute2 bpftool tcpdump nftables iputils-ping ethtool make python3-venv)
COMMANDS=(ip tc bpftool tcpdump nft ping ethtool make)
if [ "${1:-}" = "--tests" ]; then
    PACKAGES+=(clang netbase)
    COMMANDS+=(clang)
fi

say() { printf '[setup] %s\n' "$*"; }
fail() {
    printf '[setup] error: %s\n' "$1" >&2
    shift
    [ $# -eq 0 ] || printf '[setup]        %s\n' "$@" >&2
    exit 1
}

# Runs a command with its output kept aside, and shows the end of it only when it fails.
quietly() {
    local log status=0
    log=$(mktemp)
    "$@" >"$log" 2>&1 </dev/null || status=$?
    [ "$status" -eq 0 ] || tail -n 15 "$log" >&2
    rm -f "$log"
    return "$status"
}

# Prints the first Python of at least 3.11 that can make virtual environments (Debian splits ensurepip off).
find_python() {
    local candidate
    for candidate in "${PYTHON:-}" python3.11 python3 python3.12 python3.13 python3.14 /usr/bin/python3; do
        if [ -n "$candidate" ] && command -v "$candidate" >/dev/null &&
            "$candidate" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$candidate"
            return 0
        fi
    done
    return 1
}

missing_tools() {
    local command libraries
    for command in "${COMMANDS[@]}"; do
        command -v "$command" >/dev/null || printf '%s ' "$command"
    done
    libraries=$(ldconfig -p 2>/dev/null || true)
    [[ $libraries == *libbpf.so.1* ]] || printf 'libbpf.so.1 '
    find_python >/dev/null || printf 'python3-venv '
}

system_packages() {
    local missing
    missing=$(missing_tools)
    [ -n "$missing" ] || return 0
    if [ "$(id -u)" -ne 0 ]; then
        say "missing, and not root to install them: ${missing}"
        say "  (compiling works without; attaching and the kernel's tests do not)"
        say "  as root: apt-get install ${PACKAGES[*]}"
        return 0
    fi
    if ! command -v apt-get >/dev/null; then
        say "no apt-get here; please install what gives: ${missing}"
        return 0
    fi
    say "system packages (missing: ${missing% })"
    export DEBIAN_FRONTEND=noninteractive
    local install=(apt-get install -y --no-install-recommends "${PACKAGES[@]}")
    if ! "${install[@]}" >/dev/null 2>&1 </dev/null; then
        say "  refreshing the package lists first"
        quietly apt-get update && quietly "${install[@]}" ||
            say "  not installed (is this machine online?); going on without: ${missing}"
    fi
}

virtual_environment() {
    say "Python packages and the pinned compiler into .venv (some 150 MB, once; a minute or two)"
    quietly "$1" -m venv --clear .venv ||
        fail "$1 cannot make a virtual environment" "as root: apt-get install python3-venv"
    quietly .venv/bin/python -m pip install --constraint constraints.txt --editable '.[clang,dev]' ||
        fail "pip could not install the packages" "is this machine online, and pip's index reachable?"
}

system_packages
python=$(find_python) || fail "no Python of at least 3.11 that can make virtual environments" \
    "as root: apt-get install python3 python3-venv" "or name one: PYTHON=/path/to/python3 $0"

# The folder is part of it: an editable install and its scripts hold absolute paths.
stamp=$({ pwd && "$python" -VV && cat pyproject.toml constraints.txt scripts/setup.sh; } | sha256sum)
if [ "$(cat .venv/setup.stamp 2>/dev/null)" = "$stamp" ]; then
    say "ready (.venv is up to date)"
else
    virtual_environment "$python"
    printf '%s\n' "$stamp" >.venv/setup.stamp
    say "ready"
fi
