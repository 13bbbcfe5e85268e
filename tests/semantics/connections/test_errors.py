"""ICMP errors about connections, by hand from ADR 0004, rule 12: both families, tags, tunnels, what does not fit."""

from __future__ import annotations

import pytest

from ebpfc.testing import packets
from ebpfc.testing.conversations import IPV6_HOSTS, Hosts
from ebpfc.testing.packets import Layer, ip4, ip6
from ebpfc.testing.simulator import SECOND
from ebpfc.testing.watching import Watch

ROUTER = {4: "192.0.2.99", 6: "2001:db8:99::1"}
BOTH = (Hosts(), IPV6_HOSTS)
KINDS = {4: (3, 4, 11, 12), 6: (1, 2, 3, 4)}
NEEDED = {4: 20 + 4, 6: 40 + 4}  # of the packet that is quoted: its ports too


def sent(hosts: Hosts) -> Layer:
    """The IP packet of the client that the error is about."""
    return hosts.network("client", packets.udp(bytes(20), sport=hosts.client_port, dport=hosts.server_port))


def error(hosts: Hosts, quoted: Layer | None = None, *, kind: int | None = None, to: str | None = None) -> bytes:
    return hosts.quoting(
        sent(hosts) if quoted is None else quoted,
        kind=KINDS[hosts.family][0] if kind is None else kind,
        source=ROUTER[hosts.family],
        to=hosts.client if to is None else to,
    )


def opened(hosts: Hosts, *, inside: str = "") -> Watch:
    watch = Watch(inside=inside)
    watch.state(hosts.udp("client"))
    return watch


@pytest.mark.parametrize("hosts", BOTH)
def test_every_error_is_related_and_changes_nothing(hosts: Hosts) -> None:
    for kind in KINDS[hosts.family]:
        watch = opened(hosts)
        before = watch.connections
        assert watch.state(error(hosts, kind=kind), SECOND) == "related"
        assert watch.connections == before
        assert Watch("loose").state(error(hosts, kind=kind)) == "invalid", "about nothing"


@pytest.mark.parametrize("hosts", BOTH)
def test_about_an_answer_it_goes_to_who_answered(hosts: Hosts) -> None:
    watch = opened(hosts)
    answer = hosts.network("server", packets.udp(sport=hosts.server_port, dport=hosts.client_port))
    assert watch.state(error(hosts, answer, to=hosts.server)) == "related"
    assert watch.state(error(hosts, answer, to=hosts.client)) == "invalid"


@pytest.mark.parametrize("hosts", BOTH)
def test_it_goes_to_the_sender_of_what_it_quotes(hosts: Hosts) -> None:
    for to in (hosts.server, ROUTER[hosts.family]):
        assert opened(hosts).state(error(hosts, to=to)) == "invalid"


@pytest.mark.parametrize("hosts", BOTH)
def test_the_first_bytes_of_what_it_quotes_are_enough(hosts: Hosts) -> None:
    for kept in (0, 1, 10, 19, NEEDED[hosts.family] - 1, NEEDED[hosts.family]):
        frame = hosts.quoting(
            sent(hosts), kind=KINDS[hosts.family][0], source=ROUTER[hosts.family], to=hosts.client, kept=kept
        )
        assert opened(hosts).state(frame) == ("related" if kept == NEEDED[hosts.family] else "invalid"), kept


@pytest.mark.parametrize("hosts", BOTH)
def test_about_another_connection_or_one_that_is_gone(hosts: Hosts) -> None:
    for changed in ({"client_port": 40001}, {"server_port": 81}):
        other = Hosts(family=hosts.family, client=hosts.client, server=hosts.server, **changed)
        assert opened(hosts).state(error(hosts, sent(other))) == "invalid", changed
    tcp = hosts.network("client", packets.tcp(sport=hosts.client_port, dport=hosts.server_port))
    assert opened(hosts).state(error(hosts, tcp)) == "invalid", "another protocol"
    assert opened(hosts).state(error(hosts), 30 * SECOND - 1) == "related"
    assert opened(hosts).state(error(hosts), 30 * SECOND) == "invalid"


@pytest.mark.parametrize("hosts", BOTH)
def test_about_tcp_echo_and_others(hosts: Hosts) -> None:
    make = packets.icmp if hosts.family == 4 else packets.icmp6
    request, reply = (8, 0) if hosts.family == 4 else (128, 129)
    about = [
        (hosts.tcp("client", "S"), hosts.segment("client", "S", 0, 0)),
        (hosts.sctp("client"), packets.sctp(sport=hosts.client_port, dport=hosts.server_port)),
        (hosts.frame("client", Layer(47)), Layer(47)),
        (hosts.echo("client"), make(request, rest=hosts.client_port << 16)),
        (hosts.echo("client"), make(reply, rest=hosts.client_port << 16)),
    ]
    for opening, carried in about:
        watch = Watch()
        watch.state(opening)
        assert watch.state(error(hosts, hosts.network("client", carried))) == "related", carried
        assert Watch().state(error(hosts, hosts.network("client", carried))) == "invalid"


@pytest.mark.parametrize("hosts", BOTH)
def test_about_icmp_that_is_no_echo_it_is_invalid(hosts: Hosts) -> None:
    """Nor about an error: an echo with identifier 0 is not what it is about."""
    watch = Watch()
    assert watch.state(hosts.echo("client", identifier=0)) == "new"
    make = packets.icmp if hosts.family == 4 else packets.icmp6
    for kind in (KINDS[hosts.family][0], 13, 200):
        assert watch.state(error(hosts, hosts.network("client", make(kind)))) == "invalid"


def test_what_cannot_be_read_of_ipv4() -> None:
    hosts = Hosts()
    ports = packets.udp(sport=40000, dport=80)
    for good in (ip4(ports), ip4(ports, options=bytes(8)), ip4(ports, more=True), ip4(ports, total=0)):
        assert opened(hosts).state(error(hosts, good)) == "related"
    quoted6 = ip6(ports, src=IPV6_HOSTS.client, dst=IPV6_HOSTS.server)
    for bad in (ip4(ports, ihl=4), ip4(ports, ihl=6), ip4(ports, version=5), ip4(ports, offset=1), quoted6):
        assert opened(hosts).state(error(hosts, bad)) == "invalid"


def test_what_cannot_be_read_of_ipv6() -> None:
    hosts = IPV6_HOSTS
    ports = packets.udp(sport=40000, dport=80)
    assert opened(hosts).state(error(hosts, ip6(ports, payload=0))) == "related"
    for bad in (
        ip6(ports, version=4),
        ip6(packets.extension(0, ports)),
        ip6(packets.extension(60, ports)),
        ip6(packets.fragment(ports)),
        ip4(ports),
    ):
        assert opened(hosts).state(error(hosts, bad)) == "invalid"


def test_it_has_the_tags_of_what_it_is_about() -> None:
    tenant = Hosts(vids=(5, 6))
    for vids, state in (((5, 6), "related"), ((5,), "invalid"), ((), "invalid"), ((6, 5), "invalid")):
        assert opened(tenant).state(error(Hosts(vids=vids))) == state, vids


def test_it_has_the_network_number_of_what_it_is_about() -> None:
    tenant = Hosts(vni=7, vids=(5,))
    for other, state in ((tenant, "related"), (Hosts(vni=8, vids=(5,)), "invalid"), (Hosts(vni=7), "invalid")):
        assert opened(tenant, inside="vxlan").inside(error(other)) == state
    assert opened(Hosts(), inside="vxlan").inside(error(Hosts(vni=7))) == "invalid"
    assert opened(tenant, inside="vxlan").state(error(Hosts(vids=(5,)))) == "invalid"


@pytest.mark.parametrize("hosts", BOTH)
def test_an_error_to_many_has_no_state(hosts: Hosts) -> None:
    group = "224.0.0.5" if hosts.family == 4 else "ff02::5"
    assert opened(hosts).state(error(hosts, to=group)) == "none"
