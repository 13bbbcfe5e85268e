"""Who shares no state: tenants with the same addresses in different tags or VNIs, IPv4 and its mapped IPv6; and what is
dropped leaves none. Frames made by hand, at XDP with the companion, and at tc both ways."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

import pytest

from ebpfc.testing import packets
from ebpfc.testing.conversations import IPV6_HOSTS, Hosts
from ebpfc.testing.guarded import Flow, Guard, await_true, guarded
from ebpfc.testing.netns import DEVICE, Side, veth_pair

pytestmark = pytest.mark.kernel

PLAIN = """\
hook {hooks}
default drop
track
table known key src size 100
short: drop ip.ttl == 9 or ip6.hoplimit == 9
learn: drop udp dst port 7 then add src to known
member: pass udp dst port 8 and src in known
stranger: drop udp dst port 8
established: pass state established
related: pass state related
invalid: drop state invalid
outgoing: pass outbound
web: pass tcp dst port 80 and state new
unwanted: drop state new
"""
TUNNELLED = """\
hook {hooks}
default drop
track
outgoing: pass outbound
if vxlan {{
    established: pass state established
    invalid: drop state invalid
    web: pass tcp dst port 80 and state new
    unwanted: drop state new
}}
"""


@dataclass(frozen=True, slots=True)
class Bench:
    """`client` and `server` send frames made by hand; nobody else is on the wire."""

    client: Side
    server: Side
    guard: Guard

    def ask(self, frame: bytes) -> str:
        """From the client: the name of the rule that decides."""
        before = self.guard.counts()
        self.client.send(frame)
        moved: list[str] = []

        def decided() -> bool:
            moved[:] = [name for name, count in self.guard.counts().items() if count != before[name]]
            return bool(moved)

        await_true(decided, lambda: f"no rule counted {frame.hex()}")
        assert len(moved) == 1, moved
        return moved[0]

    def answer(self, frame: bytes, flow: Callable[[Flow], bool]) -> None:
        """From the server; until there is such a flow."""
        self.server.send(frame)
        await_true(lambda: any(flow(f) for f in self.guard.flows()), lambda: f"not among {self.guard.flows()}")

    def open(self, hosts: Hosts) -> None:
        """A whole handshake."""
        assert self.ask(hosts.tcp("client", "S")) == "web"
        known = [flow for flow in self.guard.flows() if flow.assured]
        self.answer(hosts.tcp("server", "SA", 0, 1), lambda flow: flow.state == "SYN_RECV" and flow not in known)
        assert self.ask(hosts.tcp("client", "A", 1, 1)) == "established"

    def tcp_flows(self) -> list[Flow]:
        return [flow for flow in self.guard.flows() if flow.protocol == 6]


@pytest.fixture(scope="module", params=["xdp", "tc ingress, tc egress"], ids=["xdp", "tc"])
def hooks(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def benches(hooks: str) -> Iterator[dict[str, Bench]]:
    """By policy; all tests share them."""
    with ExitStack() as stack:
        found: dict[str, Bench] = {}
        for policy in (PLAIN, TUNNELLED):
            client, server = stack.enter_context(veth_pair(quiet=True))
            guard = stack.enter_context(guarded(policy.format(hooks=hooks), server.path, DEVICE))
            found[policy] = Bench(client, server, guard)
        yield found


@pytest.fixture
def plain(benches: dict[str, Bench]) -> Bench:
    """Without any connection yet."""
    benches[PLAIN].guard.forget()
    return benches[PLAIN]


@pytest.fixture
def tunnelled(benches: dict[str, Bench]) -> Bench:
    benches[TUNNELLED].guard.forget()
    return benches[TUNNELLED]


TAGS = [(), (1,), (2,), (1, 2), (2, 1), (2, 2)]


@pytest.mark.parametrize("hosts", [Hosts(), IPV6_HOSTS], ids=["ipv4", "ipv6"])
def test_tags_are_tenants(plain: Bench, hosts: Hosts) -> None:
    tenants = [replace(hosts, vids=vids) for vids in TAGS]
    for number, tenant in enumerate(tenants):
        plain.open(tenant)
        assert [plain.ask(other.tcp("client", "A", 1, 1)) for other in tenants] == [
            "established" if place <= number else "invalid" for place in range(len(tenants))
        ]
    found = {flow.vids for flow in plain.tcp_flows()}
    assert found == {(*vids, 0, 0)[:2] for vids in TAGS}


def test_a_priority_tag_is_no_tenant(plain: Bench) -> None:
    plain.open(Hosts())
    assert plain.ask(Hosts(vids=(0,)).tcp("client", "A", 1, 1)) == "established"
    assert len(plain.tcp_flows()) == 1


def test_a_reset_of_another_tenant(plain: Bench) -> None:
    one, two = Hosts(vids=(1,)), Hosts(vids=(2,))
    plain.open(one)
    plain.open(two)
    assert plain.ask(two.tcp("client", "R", 1)) == "established"
    assert {flow.vids[0]: flow.state for flow in plain.tcp_flows()} == {1: "ESTABLISHED", 2: "CLOSE"}


@pytest.mark.parametrize("hosts", [Hosts(), IPV6_HOSTS], ids=["ipv4", "ipv6"])
def test_network_identifiers_are_tenants(tunnelled: Bench, hosts: Hosts) -> None:
    tenants = [replace(hosts, vni=vni) for vni in (1, 2, 0xFFFFFF)]
    for number, tenant in enumerate(tenants):
        tunnelled.open(tenant)
        assert [tunnelled.ask(other.tcp("client", "A", 1, 1)) for other in tenants] == [
            "established" if place <= number else "invalid" for place in range(len(tenants))
        ]
    assert sorted(flow.vni for flow in tunnelled.tcp_flows()) == [1, 2, 0xFFFFFF]


def test_tags_within_a_network(tunnelled: Bench) -> None:
    tunnelled.open(Hosts(vni=7, vids=(1,)))
    assert tunnelled.ask(Hosts(vni=7, vids=(2,)).tcp("client", "A", 1, 1)) == "invalid"
    assert tunnelled.ask(Hosts(vni=7).tcp("client", "A", 1, 1)) == "invalid"
    assert tunnelled.ask(Hosts(vni=7, vids=(1,)).tcp("client", "A", 1, 1)) == "established"


MAPPED = [
    ("::ffff:10.0.0.5", "::ffff:10.0.0.2"),
    ("::10.0.0.5", "::10.0.0.2"),
    ("a00:5::", "a00:2::"),  # the four bytes in front
]


@pytest.mark.parametrize(("client", "server"), MAPPED)
def test_a_mapped_address_is_another(plain: Bench, client: str, server: str) -> None:
    four, six = Hosts(client="10.0.0.5"), Hosts(family=6, client=client, server=server)
    plain.open(four)
    assert plain.ask(six.tcp("client", "A", 1, 1)) == "invalid"
    plain.open(six)
    assert plain.ask(four.tcp("client", "R", 1)) == "established"
    assert {flow.source[0]: flow.state for flow in plain.tcp_flows()}.pop("10.0.0.5") == "CLOSE"
    assert sorted(flow.state for flow in plain.tcp_flows()) == ["CLOSE", "ESTABLISHED"]


@pytest.mark.parametrize(("client", "server"), MAPPED)
@pytest.mark.parametrize("swapped", [False, True])
def test_a_mapped_address_is_not_in_a_table(plain: Bench, client: str, server: str, swapped: bool) -> None:
    ends: list[dict[str, Any]] = [{"client": "10.0.0.5"}, {"family": 6, "client": client, "server": server}]
    learnt, other = (Hosts(**end) for end in (reversed(ends) if swapped else ends))
    assert plain.ask(replace(learnt, server_port=7).udp("client")) == "learn"
    assert len(plain.guard.table("known")) == 1
    assert plain.ask(replace(learnt, server_port=8).udp("client")) == "member"
    assert plain.ask(replace(other, server_port=8).udp("client")) == "stranger"


@pytest.mark.parametrize("hosts", [Hosts(), IPV6_HOSTS], ids=["ipv4", "ipv6"])
def test_what_is_dropped_leaves_no_entry(plain: Bench, hosts: Hosts) -> None:
    other = replace(hosts, server_port=81)
    assert plain.ask(other.tcp("client", "S")) == "unwanted"
    assert plain.ask(other.udp("client")) == "unwanted"
    assert plain.ask(other.sctp("client")) == "unwanted"
    assert plain.ask(other.echo("client")) == "unwanted"
    assert plain.ask(hosts.tcp("client", "S", ttl=9)) == "short"
    assert plain.guard.flows() == []
    assert plain.ask(hosts.tcp("client", "S")) == "web"
    assert len(plain.guard.flows()) == 1


def test_what_is_dropped_of_a_connection_changes_nothing(plain: Bench) -> None:
    """Not its state, its window, its time."""
    hosts = Hosts()
    plain.open(hosts)
    before = plain.guard.flows()
    time.sleep(0.02)  # a tick of the clock that connections are timed by
    for frame in (
        hosts.tcp("client", "R", 1, ttl=9),
        hosts.tcp("client", "FA", 1, 1, ttl=9),
        hosts.tcp("client", "PA", 1, 1, data=bytes(999), ttl=9),
        hosts.tcp("client", "A", 1, 1, ttl=9),
    ):
        assert plain.ask(frame) == "short"
    assert plain.guard.flows() == before
    assert plain.ask(hosts.tcp("client", "A", 1, 1)) == "established"
    (after,) = plain.guard.flows()
    assert after.expires > before[0].expires and after.packets == (3, 1)


def test_fragments_of_another_tenant(plain: Bench) -> None:
    """A later fragment follows the first of its own tag only, and none that was dropped."""
    one, two = Hosts(vids=(1,)), Hosts(vids=(2,))
    first, second = one.fragments("client", one.segment("client", "S", 0, 0, data=bytes(40)), 24)
    _, foreign = two.fragments("client", two.segment("client", "S", 0, 0, data=bytes(40)), 24)
    assert plain.ask(first) == "web"
    assert plain.ask(foreign) == "invalid"
    assert plain.ask(second) == "unwanted"  # the state of the first is new; its port is not there to see
    low = Hosts(vids=(2,), client="10.0.0.7")
    dropped = low.network("client", packets.Layer(6, low.segment("client", "S", 0, 0).data), more=True, ttl=9)
    assert plain.ask(low.link("client", dropped)) == "short"
    _, rest = low.fragments("client", low.segment("client", "S", 0, 0, data=bytes(40)), 24)
    assert plain.ask(rest) == "invalid"
