"""Random policies of the whole working language, as text. In: a `random.Random`. Out: a policy that the checker takes.

Values come from `pool`, as those of random frames do. `random_policy` writes; `checked_policy` parses and checks.
"""

from __future__ import annotations

from dataclasses import replace
from random import Random

from ebpfc.compiler.ast.build import parse_source
from ebpfc.compiler.ast.nodes import Policy
from ebpfc.compiler.diagnostics.model import Sink
from ebpfc.compiler.sema import build_policy
from ebpfc.compiler.source import SourceMap
from ebpfc.testing import pool, random_values
from ebpfc.testing.random_matches import random_chain, random_match
from ebpfc.testing.random_openings import random_head
from ebpfc.testing.random_place import Place, SetKind
from ebpfc.testing.random_relations import relation

HOOKS = ("xdp", "tc ingress", "tc egress")
NAMES = ("a", "b c", "malformed", "web")


def random_policy(
    rng: Random, hooks: tuple[str, ...] = ("xdp",), rules: int = 8, netmask: bool = False, *, wide: bool = False
) -> tuple[str, Policy]:
    """A policy's text and the policy itself; what the checker does not take is thrown away.

    With `wide` it asks for every kind of encapsulation, as frames drawn with `wide` have them.
    """
    while True:
        text = write_policy(rng, hooks, rules, netmask, wide=wide)
        policy, _ = checked_policy(text, netmask)
        if policy is not None:
            return text, policy


def checked_policy(text: str, netmask: bool = False) -> tuple[Policy | None, Sink]:
    """Parses and checks; with `netmask`, `ip broadcast` is of `pool.NETMASK`."""
    sources, sink = SourceMap(), Sink()
    tree = parse_source(sources, sources.add_text("random.pf", text), sink)
    if tree is None or sink.failed:
        return None, sink
    return build_policy(tree, sources, sink, netmask=pool.NETMASK if netmask else None, name="random"), sink


def write_policy(
    rng: Random, hooks: tuple[str, ...] = ("xdp",), rules: int = 8, netmask: bool = False, *, wide: bool = False
) -> str:
    """A policy's text for these hooks, of about `rules` rules; almost always one that the checker takes."""
    lines = [f"hook {', '.join(hooks)}"] if hooks != ("xdp",) or rng.random() < 0.5 else []
    lines += _defaults(rng)
    place = Place(netmask=netmask, mark=all(hook.startswith("tc") for hook in hooks), wide=wide)
    for number in range(rng.choice((0, 0, 1, 2, 4))):
        line, place = _let(rng, place, number)
        lines.append(line)
    if rng.random() < 0.3:
        lines += _probes(rng, place)
    else:
        lines += _body(rng, place, rng.randint(1, 2 * rules - 1), depth=2, indent="")
    return "\n".join(lines) + "\n"


def _defaults(rng: Random) -> list[str]:
    verdict, other = rng.choice((("pass", "drop"), ("drop", "pass")))
    return rng.choice(([], [f"default {verdict}"], [f"default {verdict} inbound", f"default {other} outbound"]))


def _let(rng: Random, place: Place, number: int) -> tuple[str, Place]:
    """A named set or match, and the place after it."""
    name = f"name{number}"
    kinds: tuple[tuple[SetKind, str], ...] = (
        ("address", random_values.address_set(rng, "46")),
        ("port", random_values.number_set(rng, pool.PORTS, 0xFFFF)),
        ("vlan", random_values.number_set(rng, pool.VIDS, 4095)),
        ("vxlan", random_values.number_set(rng, pool.VNIS, 0xFFFFFF)),
    )
    if rng.random() < 0.6:
        kind, text = rng.choice(kinds)
        return f"let {name} = {text}", replace(place, sets=(*place.sets, (kind, name)))
    # A name that opens nothing may be used wherever it stands.
    text = random_match(rng, place.taking_none(), 1)
    return f"let {name} = {text}", replace(place, matches=(*place.matches, name))


def _probes(rng: Random, place: Place) -> list[str]:
    """One match, bare and negated, and nothing before it that decides: each frame tells true, false and unknown apart.

    Often inside a block that opens a tunnel, tags or both, and one more outside for what the block did not take.
    """
    lines: list[str] = []
    if rng.random() < 0.5:
        head, inside = random_head(rng, place) if place.wide and rng.random() < 0.8 else _tagged_head(rng, place)
        lines += [f"if {head} {{", *_probe(rng, inside, "    "), "}"]
    return lines + _probe(rng, place, "")


def _tagged_head(rng: Random, place: Place) -> tuple[str, Place]:
    head = rng.choice(("vxlan", "vxlan", "vlan", "vlan and vxlan", "vlan and vlan"))
    for word in head.split(" and "):
        place = place.inside_tag() if word == "vlan" else place.inside_tunnel()
    return head, place


def _probe(rng: Random, place: Place, indent: str) -> list[str]:
    kind = rng.random()
    if kind < 0.15:
        match = "malformed"
    else:
        match = relation(rng, place) if kind < 0.45 else random_match(rng, place, rng.choice((0, 0, 1)))
    return [f"{indent}pass {match}", f"{indent}drop not ({match})"]


def _body(rng: Random, place: Place, rules: int, depth: int, indent: str) -> list[str]:
    """`rules` rules, some of them in blocks."""
    lines: list[str] = []
    while rules > 0:
        if depth and rules > 1 and rng.random() < 0.25:
            inside = rng.randint(1, rules - 1)
            lines += _block(rng, place, inside, depth, indent)
            rules -= inside
        else:
            lines.append(indent + _rule(rng, place))
            rules -= 1
    return lines


def _block(rng: Random, place: Place, rules: int, depth: int, indent: str) -> list[str]:
    """`if`, perhaps with `else` or `else if`; the body stands in what the head's chain opened."""
    head, inside = random_chain(rng, place, 0)
    lines = [f"{indent}if {head} {{", *_body(rng, inside, rules, depth - 1, indent + "    ")]
    kind = rng.random()
    if kind < 0.25:
        lines += [f"{indent}}} else {{", *_body(rng, place, rng.randint(1, 2), depth - 1, indent + "    ")]
    elif kind < 0.4:
        chained = _block(rng, place, rng.randint(1, 2), depth, indent)
        return [*lines, f"{indent}}} else {chained[0].lstrip()}", *chained[1:]]
    return [*lines, f"{indent}}}"]


def _rule(rng: Random, place: Place) -> str:
    """One rule in one of its shapes; seldom without a match, or without a verdict."""
    match = random_match(rng, place, rng.choice((0, 1, 1, 2)))
    verdict, name = rng.choice(("pass", "drop")), f'"{rng.choice(NAMES)}"'
    label = f"rule{rng.randrange(10**6)}: " if rng.random() < 0.1 else ""
    comment = "  # a comment" if rng.random() < 0.05 else ""
    shapes = (
        f"{verdict} {match}",
        f"{verdict} {match}",
        f"{verdict} {match}",
        f"{verdict} {match} then count {name}",
        f"{match} then {verdict}",
        f"{match} then count {name}, {verdict}",
        f"count {name} {match}",
        f"{match} then count {name}",
    )
    rule = verdict if rng.random() < 0.02 else rng.choice(shapes)
    return label + rule + comment
