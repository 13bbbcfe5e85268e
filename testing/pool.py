"""The few addresses, ports, VIDs and VNIs that random policies and random frames both draw from, so that they meet.

In: nothing. Out: tuples; addresses are integers in host order. Each holds boundary values beside ordinary ones.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

MACS = (0x020000000001, 0x020000000002, 0x01005E000001, 0x333300000001, 0xFFFFFFFFFFFF)
IPV4 = tuple(
    int(IPv4Address(text))
    for text in (
        "10.0.0.1",
        "10.0.0.2",
        "10.0.1.1",
        "10.1.0.1",
        "10.255.255.255",
        "192.168.1.1",
        "172.16.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "0.0.0.0",  # noqa: S104
        "127.0.0.1",
    )
)
IPV6 = tuple(
    int(IPv6Address(text))
    for text in (
        "2001:db8::1",
        "2001:db8::2",
        "2001:db8:0:1::1",
        "2001:db8:20::5",
        "fd00::1",
        "fe80::1",
        "ff02::1",
        "::ffff:10.0.0.1",
        "::",
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    )
)
PORTS = (0, 22, 23, 53, 80, 443, 1023, 1024, 4789, 8080, 8472, 65535)
VIDS = (0, 1, 2, 100, 4095)
VNIS = (0, 1, 2, 5001, 0xFFFFFF)
VXLAN_PORTS = (4789, 8472)
GENEVE_PORTS = (6081, 6082)
GTP_PORTS = (2152, 2153)
KEYS = (0, 1, 5001, 0xFFFFFFFF)
"""Of GRE."""
TEIDS = (0, 1, 7, 0xFFFFFFFF)
LABELS = (0, 3, 16, 100, 0xFFFFF)
SESSIONS = (0, 1, 7, 0xFFFF)
TPIDS = (0x8100, 0x88A8, 0x9100)
EXTENSIONS = (0, 43, 44, 51, 60, 135, 139, 140)
PROTOCOLS = (1, 2, 6, 17, 50, 51, 58, 59, 103, 112, 132, 253)
NETMASK = 0xFF000000
"""What random policies that ask for `ip broadcast` are compiled with."""
