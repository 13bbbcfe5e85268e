"""Runs of rules that are looked up: which rules make one; policies of such runs decide as the reference does."""

from __future__ import annotations

import subprocess
import sys
from random import Random

import pytest

from ebpfc.compiler.codegen.runs import RULES_AT_LEAST
from ebpfc.compiler.pipeline import Compiled, Options, compile_text
from ebpfc.testing.agreement import HOOKS, build_traced, disagreements
from ebpfc.testing.frames_for_policy import frames_for
from ebpfc.testing.pool import NETMASK
from ebpfc.testing.random_policies import random_policy
from ebpfc.testing.timed_trial import timed_trial


def run_count(compiled: Compiled) -> int:
    return compiled.c_text.count("GLOBAL int classify_")


@pytest.mark.kernel
@pytest.mark.usefixtures("every_run")
@pytest.mark.parametrize("batch", range(4))
def test_reference_and_kernel_agree_on_random_policies(batch: int) -> None:
    found_runs = 0
    for seed in range(batch * 6, batch * 6 + 6):
        rng = Random(f"runs {seed}")
        text, _ = random_policy(rng, HOOKS, rules=rng.choice((5, 8, 14, 25)), netmask=True, wide=seed % 2 == 1)
        compiled, built = build_traced(text, netmask=NETMASK)
        found_runs += run_count(compiled)
        found = disagreements(compiled.policy, built, frames_for(rng, compiled.policy, 200))
        assert not found, "\n".join([*map(str, found[:3]), text])
    assert found_runs > 1


@pytest.mark.kernel
@pytest.mark.usefixtures("every_run")
@pytest.mark.parametrize("batch", range(4))
def test_simulator_and_kernel_agree_on_policies_that_remember(batch: int) -> None:
    """Every third tracks connections; tables, limiters and connections are compared in the end."""
    for seed in range(7000 + batch * 6, 7000 + batch * 6 + 6):
        found = timed_trial(seed, 300)
        assert not found, f"seed {seed}: {found[0]}"


def plain(count: int, first: int = 0) -> str:
    """Rules of one host and port each."""
    return "".join(
        f"drop src host 10.0.{n // 200}.{n % 200} and tcp dst port {1000 + n}\n" for n in range(first, first + count)
    )


LOOSE = "pass udp dst port {port} within 1/s\n"
PAYLOAD = "drop udp dst port {port} and udp[udp[9]] == 1\n"
NAMED = 'drop udp dst port {port} then count "{port}"\n'


def several(rule: str, count: int, first: int = 0) -> str:
    return "".join(rule.format(port=port) for port in range(first, first + count))


def nets(count: int) -> str:
    return "{" + ", ".join(f"10.{n // 100}.{n % 100}.0/25" for n in range(count)) + "}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (plain(RULES_AT_LEAST - 1), 0),
        (plain(RULES_AT_LEAST), 1),
        (several(LOOSE, 20) + plain(RULES_AT_LEAST) + several(LOOSE, 20, 30), 1),
        (plain(40) + several(LOOSE, 16) + plain(40, 40), 1),
        (plain(100) + several(LOOSE, 17) + plain(100, 100), 2),
        (plain(40) + several(LOOSE, 17) + plain(40, 40), 0),
        (plain(100) + several(NAMED, 62), 1),
        (several(NAMED, 40) + plain(100) + several(NAMED, 40, 40), 2),
        (plain(40) + "drop\n" + plain(40, 40), 0),
        (plain(40) + "drop inbound\n" + plain(40, 40), 0),
        (plain(70) + "drop tcp[tcp[12] >> 2] == 1\n" + plain(70, 70), 2),
        ("if ip {\n" + plain(40) + "} else {\n" + plain(40, 40) + "}\n", 1),
        (plain(10) + "if over 1/s {\n" + plain(70) + "} else {\n" + plain(70, 70) + "}\n" + plain(10, 140), 2),
        ("if tcp[tcp[12] >> 2] == 1 {\n" + plain(70) + "}\n", 1),
        ("if ip {\n" + plain(100) + several(LOOSE, 17) + plain(100, 100) + "}\n", 2),
        ("if ip {\n" + plain(100) + "} else {\n" + several(NAMED, 80) + plain(100, 100) + "}\n", 2),
        ("if ip {\n" + plain(100) + 'count "all"\n' + "}\n", 1),
        ("if ip {\n" + several(PAYLOAD, 70) + "}\n" + plain(100), 1),
        ("".join(f"drop tcp and udp dst port {n}\n" for n in range(70)), 0),
        (plain(70) + f"drop src net {nets(40)} and dst net {nets(40)}\n" + plain(70, 70), 2),
        (plain(40) + f"drop tcp and dst net {nets(2000)}\n" + plain(40, 40), 1),
        (plain(70).replace("tcp dst", "udp dst") + 'count "all" ip\n', 1),
    ],
)
def test_what_becomes_a_table(text: str, expected: int) -> None:
    assert run_count(compile_text(f"hook xdp\n{text}", Options())) == expected


@pytest.mark.parametrize(("rules", "loads"), [(RULES_AT_LEAST - 1, "False"), (RULES_AT_LEAST, "True")])
def test_numpy_is_imported_only_for_a_run(rules: int, loads: str) -> None:
    """It takes as long as compiling a small policy."""
    code = (
        "import sys; from ebpfc.compiler.pipeline import Options, compile_text; "
        "compile_text(sys.stdin.read(), Options()); print('numpy' in sys.modules)"
    )
    text = f"hook xdp\n{plain(rules)}"
    done = subprocess.run([sys.executable, "-c", code], input=text, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == loads
