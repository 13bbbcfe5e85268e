"""Five-tuple rules and packets as the classifier sees them. In: `Rule`, `Packet`. Out: `Entries`, keys (packets, 7).

Word 0: IPv4 source << 32 | destination; 1: protocol << 32 | source port << 16 | destination port; 2..5: IPv6 source and
destination, the upper half of each first; 6: facts, bit 0 IPv4, bit 1 IPv6.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from ebpfc.compiler.classify.entries import Entries, Field, Words
from ebpfc.testing.rule_sets import Net, Packet, Rule

_PORTS = (Field(1, 16, 16, False), Field(1, 0, 16, False), Field(1, 32, 8, True))
_IPV4 = (Field(0, 32, 32, False), Field(0, 0, 32, False))
_IPV6 = tuple(Field(word, 0, 64, False) for word in (2, 3, 4, 5))
_FACTS = Field(6, 0, 2, True)
_HALF = (1 << 64) - 1


def entries_of_rules(rules: Sequence[Rule]) -> Entries:
    """The fields of the versions that occur, and the facts where both do."""
    versions = {rule.version for rule in rules}
    fields = (*(_IPV4 if 4 in versions else ()), *(_IPV6 if 6 in versions else ()), *_PORTS)
    if len(versions) > 1:
        fields = (*fields, _FACTS)
    table = np.array([_row(rule, versions) for rule in rules], np.uint64).reshape(len(rules), len(fields), 2)
    return Entries(fields, np.arange(len(rules), dtype=np.uint32), table[:, :, 0].copy(), table[:, :, 1].copy())


def keys_of_packets(packets: Iterable[Packet]) -> Words:
    return np.array([_key(packet) for packet in packets], np.uint64).reshape(-1, 7)


def _row(rule: Rule, versions: set[int]) -> list[tuple[int, int]]:
    row: list[tuple[int, int]] = []
    nets = (rule.src, rule.dst)
    if 4 in versions:
        row += [_range(net, 32) if rule.version == 4 else (0, (1 << 32) - 1) for net in nets]
    if 6 in versions:
        row += [half for net in nets for half in (_halves(net) if rule.version == 6 else ((0, _HALF), (0, _HALF)))]
    row += [rule.sport, rule.dport, (0, 0) if rule.proto is None else (rule.proto, 255)]
    if len(versions) > 1:
        row.append((1, 3) if rule.version == 4 else (2, 3))
    return row


def _range(net: Net, bits: int) -> tuple[int, int]:
    return net.address, net.address | (1 << (bits - net.length)) - 1


def _halves(net: Net) -> tuple[tuple[int, int], tuple[int, int]]:
    low, high = _range(net, 128)
    return (low >> 64, high >> 64), (low & _HALF, high & _HALF)


def _key(packet: Packet) -> tuple[int, ...]:
    ports = packet.proto << 32 | packet.sport << 16 | packet.dport
    if packet.version == 4:
        return packet.src << 32 | packet.dst, ports, 0, 0, 0, 0, 1
    return 0, ports, packet.src >> 64, packet.src & _HALF, packet.dst >> 64, packet.dst & _HALF, 2
