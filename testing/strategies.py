"""Hypothesis strategies for packets and policies. In: nothing. Out: strategies whose values shrink.

Each draws a seed for the fast generators of `random_frames` and `random_policies`, and beside it what a failing example
should be made smaller by: where a frame ends, how many rules a policy has, which hooks. Hypothesis is slow for bulk;
a long run calls the generators themselves.
"""

from __future__ import annotations

from random import Random

from hypothesis import strategies as st

from ebpfc.compiler.ast.nodes import Policy
from ebpfc.testing import pool
from ebpfc.testing.random_frames import random_frame
from ebpfc.testing.random_policies import HOOKS, random_policy
from ebpfc.testing.semantics import Frame

_SEEDS = st.integers(0, 2**32 - 1)


@st.composite
def frames(draw: st.DrawFn, *, shortest: int = 0) -> bytes:
    """A frame's bytes, ending anywhere from `shortest` bytes on."""
    frame = random_frame(Random(draw(_SEEDS)), wide=draw(st.booleans()))
    if len(frame) < shortest:
        frame += bytes(shortest - len(frame))
    missing = draw(st.one_of(st.just(0), st.integers(0, len(frame) - shortest)))
    return frame[: len(frame) - missing]


@st.composite
def skb_frames(draw: st.DrawFn) -> Frame:
    """A frame as a tc hook sees it: the kernel may hold its outermost tag, and may have merged segments."""
    taken = draw(st.none() | st.tuples(st.sampled_from(pool.TPIDS[:2]), st.sampled_from((*pool.VIDS, 0xFFFF))))
    return Frame(draw(frames(shortest=14)), taken, draw(st.booleans()))


@st.composite
def policies(draw: st.DrawFn, *, hooks: tuple[str, ...] | None = None) -> tuple[str, Policy]:
    """A policy's text, and the checked policy; without `hooks`, for any of them."""
    points = draw(st.lists(st.sampled_from(HOOKS), min_size=1, max_size=3, unique=True)) if hooks is None else hooks
    rules = draw(st.integers(1, 10))
    seed, netmask, wide = draw(_SEEDS), draw(st.booleans()), draw(st.booleans())
    return random_policy(Random(seed), tuple(points), rules, netmask=netmask, wide=wide)
