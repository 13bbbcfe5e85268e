"""Eight threads on one policy's memory: a limiter lets through what its rate says, a table loses nothing."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

import pytest
from bench.state_policy import ENTRY, StatefulPolicy, address_key, ban
from bench.state_source import Plan

from ebpfc.compiler.toolchain.find import Compiler
from ebpfc.testing.packets import ether, ip4, tcp

pytestmark = pytest.mark.kernel

THREADS, PACKETS = 8, 400_000
CPUS = os.cpu_count() or 1
TICK = 0.01  # s: of the coarse clock, which a limiter with a deep bucket reads
SYN = ether(ip4(tcp(dport=80)))
ONE_SOURCE = [Plan(SYN, 1)] * THREADS
OLD_KERNELS = pytest.mark.parametrize("kernel", [None, (5, 10)], ids=["6.18", "5.10"])

Together = Callable[[Sequence[Plan], int, int], tuple[float, float]]


@OLD_KERNELS
@pytest.mark.parametrize("key", ["", " per src"])
@pytest.mark.parametrize(
    ("rate", "burst"), [(100, 4), (100, 1000), (20_000, 800), (20_000, 200_000), (1_000_000, 1000)]
)
def test_a_rate_is_kept(
    rate: int, burst: int, key: str, kernel: tuple[int, int] | None, compiler: Compiler, together: Together
) -> None:
    """The bucket and what the rate gives meanwhile; no less where the bucket holds what comes in ten seconds:
    then nothing is lost when all threads wait for a processor for a while."""
    with StatefulPolicy(f"hook xdp\ndrop over {rate}/s{key} burst {burst}\n", compiler, kernel) as policy:
        least, most = together(ONE_SOURCE, policy.fd, PACKETS)
        passed = policy.counted("limiter 0 within")
        assert passed + policy.counted("limiter 0 over") == THREADS * PACKETS
        assert passed == policy.decided(1)
        assert passed <= burst + rate * (most + TICK) + CPUS
        if burst >= rate:
            assert passed >= min(burst + rate * (least - TICK), THREADS * PACKETS) - CPUS


@OLD_KERNELS
@pytest.mark.parametrize("key", ["", " per src"])
def test_every_token_is_given_once(
    key: str, kernel: tuple[int, int] | None, compiler: Compiler, together: Together
) -> None:
    """A bucket that hardly fills again is emptied from all sides at once, and for half of the packets it is empty."""
    with StatefulPolicy(f"hook xdp\ndrop over 1/min{key} burst 4000000\n", compiler, kernel) as policy:
        _, most = together(ONE_SOURCE, policy.fd, 8_000_000 // THREADS)
        assert 4_000_000 <= policy.counted("limiter 0 within") <= 4_000_000 + most / 60 + CPUS


@OLD_KERNELS
def test_a_bucket_is_emptied_once(kernel: tuple[int, int] | None, compiler: Compiler, together: Together) -> None:
    """A thousand sources, eight threads: each has its five tokens, and at most one more for each other CPU that meets a
    source first at the same instant."""
    with StatefulPolicy("hook xdp\ndrop over 1/d per src burst 5\n", compiler, kernel) as policy:
        together([Plan(SYN, 1000)] * THREADS, policy.fd, 100_000)
        assert 5000 <= policy.counted("limiter 0 within") <= 5000 + 1000 * (CPUS - 1)
        assert policy.counted("limiter 0 full") == 0


def test_a_token_more_for_a_new_source_is_rare(compiler: Compiler, together: Together) -> None:
    with StatefulPolicy("hook xdp\ndrop over 1/d per src burst 1\n", compiler) as policy:
        together([Plan(SYN, 20_000)] * THREADS, policy.fd, 100_000)
        assert 20_000 <= policy.counted("limiter 0 within") <= 20_000 + 200 * (CPUS - 1)


@pytest.mark.parametrize("table", ["timeout 1d", "timeout 1d evict no", ""])
def test_no_entry_is_lost(table: str, compiler: Compiler, together: Together) -> None:
    rules = f"hook xdp\ntable met key src {table} size 64k\ndrop src in met\npass then add src to met\n"
    plans = [Plan(SYN, 5000, f"{10 + number}.0.0.0") for number in range(THREADS)]
    with StatefulPolicy(rules, compiler) as policy:
        together(plans, policy.fd, 10_000)
        there = policy.entries("t_met").read_all()
        assert {address_key(plan.address(flow)) for plan in plans for flow in range(5000)} == there.keys()
        assert (policy.counted("table met added"), policy.counted("table met refused")) == (THREADS * 5000, 0)
        assert policy.decided(0) == THREADS * 5000  # the second packet of each


def test_adds_of_one_key_leave_one_entry(compiler: Compiler, together: Together) -> None:
    rules = "hook xdp\ntable met key src timeout 1d size 64k\npass then add src to met\n"
    with StatefulPolicy(rules, compiler) as policy:
        together(ONE_SOURCE, policy.fd, 50_000)
        assert len(policy.entries("t_met").read_all()) == 1
        assert policy.counted("table met added") == THREADS * 50_000


def test_an_entry_counts_every_packet(compiler: Compiler, together: Together) -> None:
    plan = Plan(SYN, 1)
    with StatefulPolicy("hook xdp\ntable met key src size 16\ndrop src in met\n", compiler) as policy:
        entries = policy.entries("t_met")
        ban(entries, [plan.address(0)])
        together([plan] * THREADS, policy.fd, 500_000)
        _, packets, octets = ENTRY.unpack(entries.lookup(address_key(plan.address(0))) or b"")
        assert (packets, octets) == (THREADS * 500_000, THREADS * 500_000 * len(SYN))
