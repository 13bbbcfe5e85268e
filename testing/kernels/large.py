"""Large policies for the verifiers: rules by number. In: how many. Out: a policy's text, at XDP and tc ingress."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Final

Shape = Callable[[int], str]
"""A rule, given its number."""

REMEMBERING: Final = (
    "track",
    "table banned key src timeout 10m",
    "table pairs key (src, dst port) timeout 1h",
    "table nets key src net",
    "limit some 10/s per src burst 20",
)
"""What `remembering` asks to be declared."""


def large_policy(rules: int, shape: Shape, declared: Sequence[str] = ()) -> str:
    return "\n".join(["hook xdp, tc ingress", *declared, *(shape(number) for number in range(rules))]) + "\n"


def five_tuple(number: int) -> str:
    """Every rule asks the same fields for other values: what becomes a table."""
    high, low = number >> 8 & 0xFF, number & 0xFF
    return (
        f"drop tcp and src host 172.16.{high}.{low} and dst host 198.18.{low}.{high}"
        f" and src port {1024 + number} and dst port {1 + number * 13 % 60000}"
    )


def any_shape(number: int) -> str:
    """Every rule asks other fields, tags and inner packets among them: what stays code."""
    rng = Random(number)
    net = f"2001:db8:{number:x}::/48" if rng.random() < 0.3 else f"10.{rng.randrange(256)}.{rng.randrange(256)}.0/24"
    rest = rng.choice(
        (
            f"tcp dst port {rng.randrange(65536)}",
            f"udp dst port {rng.randrange(65536)}",
            f"vlan {rng.randrange(4096)}",
            f"not tcp dst port {{22, 80-{80 + rng.randrange(100)}}}",
            f"dst net 10.{rng.randrange(256)}.0.0/16",
            f"vxlan {number} and tcp dst port 80",
        )
    )
    return f"{rng.choice(('drop', 'pass'))} src net {net} and {rest}"


def remembering(number: int) -> str:
    """As `any_shape`; every third rule also looks something up, asks for a state, or changes a table."""
    rng = Random(number)
    rule = any_shape(number)
    if number % 3:
        return rule
    return rng.choice(
        (
            f"{rule} and src in banned",
            f"{rule} and not (src, dst port) in pairs",
            f"drop state new and dst port {rng.randrange(65536)} and src in nets",
            f"pass state established and tcp dst port {rng.randrange(65536)}",
            f"drop udp dst port {rng.randrange(65536)} over some then add src to banned",
            f"tcp dst port {rng.randrange(65536)} then add (src, dst port) to pairs",
            f"drop tcp dst port {rng.randrange(65536)} then log",
        )
    )
