"""A guarded server for the tests of real traffic, by XDP with a companion at tc egress, and by tc both ways."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from ebpfc.testing.real_traffic import Stage, stage

OUTGOING = {"xdp": "", "tc ingress, tc egress": "outgoing: pass outbound and state new"}
"""By XDP alone the companion passes and tracks what the server begins; at tc a rule must pass it."""
POLICY = """\
hook {hooks}
default drop
track {options}
pass arp
pass icmp6[icmp6type] in {{133-137}}
established: pass state established
related: pass state related
invalid: drop state invalid
web: pass inbound and tcp dst port 8080 and state new
{outgoing}
unwanted: drop state new
"""


@pytest.fixture(scope="module", params=list(OUTGOING), ids=["xdp", "tc"])
def make_stage(request: pytest.FixtureRequest) -> Iterator[Callable[[str], Stage]]:
    """make_stage(options of `track`) -> one stage for the whole file."""
    made: dict[str, Stage] = {}
    with ExitStack() as stages:

        def make(options: str = "") -> Stage:
            if options not in made:
                text = POLICY.format(hooks=request.param, options=options, outgoing=OUTGOING[request.param])
                made[options] = stages.enter_context(stage(text))
            return made[options]

        yield make


@pytest.fixture
def talk(make_stage: Callable[[str], Stage]) -> Stage:
    """A stage with the timeouts that a policy has by default."""
    return make_stage("")
