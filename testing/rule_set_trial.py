"""One generated set of many rules: its forest beside first match, its object in the kernel. In: a seed. Out: failures.

The seed chooses kind, versions, size and rules. First match is by numpy and knows no tree; the kernel judges a part.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice, product

from ebpfc.compiler.classify.forest import build_forest
from ebpfc.testing.agreement import build_traced
from ebpfc.testing.classified import NOTHING, classify, first_match_of_many
from ebpfc.testing.kernel import KernelPolicy
from ebpfc.testing.packets import ether, icmp, icmp6, ip4, ip6, tcp, udp
from ebpfc.testing.rule_set_entries import entries_of_rules, keys_of_packets
from ebpfc.testing.rule_sets import ICMP, ICMP6, KINDS, TCP, UDP, Packet, Rule, build_packets, build_rules

SETS = tuple(product((10_000, 100_000), ((4,), (6,), (4, 6)), KINDS))
AT_ONCE = 100_000
IN_KERNEL = 20_000
RECORD = 48
"""Bytes of an entry's record, which the choice of trees depends on."""


def rule_set_trial(seed: int, packets: int, sets: Sequence[tuple[int, tuple[int, ...], str]] = SETS) -> list[str]:
    """Raises PolicyError, ToolchainError, ControlError: none of them should."""
    size, versions, kind = sets[seed % len(sets)]
    rules = build_rules(kind, size, seed=1 + seed // len(sets), versions=versions)
    entries = entries_of_rules(rules)
    forest = build_forest(entries, RECORD)
    failures: list[str] = []
    stream = build_packets(rules, packets, seed=seed)
    sample: list[tuple[Packet, int]] = []
    while drawn := list(islice(stream, AT_ONCE)):
        keys = keys_of_packets(drawn)
        expected = first_match_of_many(entries, keys)
        found = classify(forest, entries, keys).number
        wrong = (found != expected).nonzero()[0].tolist()
        failures += [f"{drawn[at]}: tables {found[at]}, first match {expected[at]}" for at in wrong]
        sample += list(zip(drawn, expected.tolist(), strict=True))[: IN_KERNEL - len(sample)]
    return failures + _in_kernel(rules, sample)


def _in_kernel(rules: Sequence[Rule], sample: Sequence[tuple[Packet, int]]) -> list[str]:
    """`sample`: packets, and the number of the rule that decides each."""
    _, built = build_traced("".join(f"{rule.text()}\n" for rule in rules))
    with KernelPolicy(built) as kernel:
        answers = kernel.judge_all("xdp", [frame_of(packet) for packet, _ in sample])
    wanted = [("pass", None) if n == NOTHING else (rules[n].action, n) for _, n in sample]
    pairs = zip(sample, answers, wanted, strict=True)
    return [
        f"{packet}: kernel {answer}, first match {right}" for (packet, _), answer, right in pairs if answer != right
    ]


def frame_of(packet: Packet) -> bytes:
    """Ethernet, the IP header, the transport header."""
    carried = {
        TCP: tcp(sport=packet.sport, dport=packet.dport),
        UDP: udp(bytes(30), sport=packet.sport, dport=packet.dport),
        ICMP: icmp(),
        ICMP6: icmp6(),
    }[packet.proto]
    if packet.version == 4:
        return ether(ip4(carried, src=packet.src, dst=packet.dst))
    return ether(ip6(carried, src=packet.src, dst=packet.dst))
