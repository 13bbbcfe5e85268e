"""Random frames for one policy. In: a policy, a `random.Random`. Out: frames, most with the encapsulations it opens.

Frames drawn without looking at the policy seldom have both of two encapsulations that a rule asks for.
"""

from __future__ import annotations

from random import Random

from ebpfc.compiler.ast.nodes import Encap, Policy
from ebpfc.testing.pcap_targets import nodes
from ebpfc.testing.random_frames import random_frame


def frames_for(rng: Random, policy: Policy, count: int) -> list[bytes]:
    """So many frames; half of them have what the policy opens, in the order of its text or alone."""
    kinds = _kinds(policy)
    if set(kinds) <= {"vxlan"}:
        return [random_frame(rng) for _ in range(count)]
    return [random_frame(rng, wide=True, wished=_wished(rng, kinds)) for _ in range(count)]


def _kinds(policy: Policy) -> list[str]:
    """Every encapsulation of the text, tags aside, labels in a row counted once."""
    found: list[str] = []
    for node in nodes(policy.body):
        if isinstance(node, Encap) and node.kind != "vlan" and (node.kind != "mpls" or found[-1:] != ["mpls"]):
            found.append(node.kind)
    return found


def _wished(rng: Random, kinds: list[str]) -> tuple[str, ...]:
    """One of them, two in a row, or any two; nothing half of the time."""
    if rng.random() < 0.5:
        return ()
    first = rng.randrange(len(kinds))
    second = kinds[first + 1 : first + 2] if rng.random() < 0.6 else [rng.choice(kinds)]
    return (kinds[first], *(second if rng.random() < 0.6 else []))
