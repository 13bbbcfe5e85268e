"""The tables of names agree with the registries where this machine has a copy, and with what pcap-filter(7) says."""

from __future__ import annotations

from pathlib import Path

import pytest

from ebpfc.compiler import names
from ebpfc.compiler.fields import FIELDS


def registry(path: str) -> dict[str, set[int]]:
    """Names and numbers of a file in the form of services(5) or protocols(5)."""
    place = Path(path)
    if not place.is_file():
        pytest.skip(f"{path} is not on this machine")
    found: dict[str, set[int]] = {}
    for line in place.read_text().splitlines():
        match line.split("#")[0].split():
            case [name, number, *others]:
                for word in (name, *others):
                    found.setdefault(word, set()).add(int(number.split("/")[0]))
            case _:
                pass
    return found


@pytest.mark.parametrize(("path", "table"), [("/etc/services", names.SERVICES), ("/etc/protocols", names.IP_PROTOCOLS)])
def test_no_name_differs_from_the_registry(path: str, table: dict[str, int]) -> None:
    known = registry(path)
    shared = {name: number for name, number in table.items() if name in known}
    assert len(shared) > 40
    assert {name: number for name, number in shared.items() if number not in known[name]} == {}


def test_well_known_names() -> None:
    assert len(names.SERVICES) >= 300
    some = {"ssh": 22, "domain": 53, "http": 80, "https": 443, "bgp": 179, "ntp": 123, "syslog": 514, "mysql": 3306}
    assert some.items() <= names.SERVICES.items()
    assert {
        "icmp": 1,
        "tcp": 6,
        "udp": 17,
        "gre": 47,
        "esp": 50,
        "ah": 51,
        "sctp": 132,
    }.items() <= names.IP_PROTOCOLS.items()
    assert {"ip": 0x0800, "arp": 0x0806, "ip6": 0x86DD, "lldp": 0x88CC}.items() <= names.ETHERTYPES.items()
    assert {"ef": 46, "af11": 10, "af43": 38, "cs7": 56, "be": 0}.items() <= names.DSCP.items()
    assert {
        "tcpflags": 13,
        "tcp-syn": 2,
        "tcp-ack": 16,
        "icmp-echo": 8,
        "icmp6-echo": 128,
    }.items() <= names.PCAP_CONSTANTS.items()


def test_numbers_fit_their_fields() -> None:
    for (proto, name), words in names.FIELD_NAMES.items():
        limit = 1 << FIELDS[proto, name].bits
        assert all(number < limit for number in words.values()), (proto, name)
    assert all(0 < port < 65536 for port in names.SERVICES.values())
    assert all(number > 1500 for number in names.ETHERTYPES.values())


def test_assured_forwarding_is_computed() -> None:
    """RFC 2597: class n, drop precedence m is 8n + 2m; RFC 2474: class selector n is 8n."""
    assert all(names.DSCP[f"af{n}{m}"] == 8 * n + 2 * m for n in range(1, 5) for m in range(1, 4))
    assert all(names.DSCP[f"cs{n}"] == 8 * n for n in range(8))
