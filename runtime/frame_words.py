"""A logged frame → a few words for a person: `vlan 7, 10.0.0.1.1234 > 10.0.0.2.80: tcp`.

In: a frame's first bytes, hostile or cut anywhere. Out: one printable line; what the bytes do not tell is left out.
The outermost header only, behind up to two tags: what is inside a tunnel, `--hex` shows.
Sources: RFC 826, 791, 8200, 9293.
"""

from __future__ import annotations

import socket
import struct
from typing import Final

_TAGS: Final = (0x8100, 0x88A8, 0x9100)
_PROTOCOLS: Final = {
    1: "icmp", 2: "igmp", 4: "ipip", 6: "tcp", 17: "udp", 41: "ip6", 47: "gre", 50: "esp", 51: "ah", 58: "icmp6",
    89: "ospf", 112: "vrrp", 132: "sctp",
}  # fmt: skip
_WITH_PORTS: Final = (6, 17, 132)
_FLAGS: Final = "FSRPAUEW"  # from the lowest bit
_EXTENSIONS: Final = (0, 43, 60)  # hop-by-hop, routing, destination options: 8 bytes and more


def frame_words(data: bytes) -> str:
    """ "" where not even the EtherType is there."""
    words: list[str] = []
    place = 12
    while len(data) >= place + 4 and len(words) < 2 and _number(data, place, 2) in _TAGS:
        words.append(f"vlan {_number(data, place + 2, 2) & 0xFFF}")
        place += 4
    if len(data) < place + 2:
        return ", ".join(words)
    ethertype = _number(data, place, 2)
    match ethertype:
        case 0x0800:
            words.append(_ipv4(data[place + 2 :]))
        case 0x86DD:
            words.append(_ipv6(data[place + 2 :]))
        case 0x0806:
            words.append(_arp(data[place + 2 :]))
        case _:
            words.append(f"type 0x{ethertype:04x}" if ethertype >= 0x600 else "802.3")
    return ", ".join(words)


def _ipv4(packet: bytes) -> str:
    if len(packet) < 20:
        return "ip"
    source, target = (socket.inet_ntop(socket.AF_INET, packet[n : n + 4]) for n in (12, 16))
    later = _number(packet, 6, 2) & 0x1FFF
    rest = b"" if later else packet[4 * (packet[0] & 15) :]
    return _conversation(source, target, packet[9], rest) + (" (fragment)" if later else "")


def _ipv6(packet: bytes) -> str:
    if len(packet) < 40:
        return "ip6"
    source, target = (socket.inet_ntop(socket.AF_INET6, packet[n : n + 16]) for n in (8, 24))
    following, rest = packet[6], packet[40:]
    while following in _EXTENSIONS and len(rest) >= 8:
        following, rest = rest[0], rest[8 * (rest[1] + 1) :]
    return _conversation(source, target, following, rest)


def _conversation(source: str, target: str, protocol: int, rest: bytes) -> str:
    name = _PROTOCOLS.get(protocol, f"proto {protocol}")
    if protocol not in _WITH_PORTS or len(rest) < 4:
        return f"{source} > {target}: {name}"
    source_port, target_port = struct.unpack_from("!HH", rest)
    flags = ""
    if protocol == 6 and len(rest) >= 14:
        flags = " " + ("".join(letter for bit, letter in enumerate(_FLAGS) if rest[13] >> bit & 1) or "none")
    return f"{source}.{source_port} > {target}.{target_port}: {name}{flags}"


def _arp(packet: bytes) -> str:
    if len(packet) < 28 or packet[:6] != b"\0\1\x08\0\6\4":
        return "arp"
    sender, target = (socket.inet_ntop(socket.AF_INET, packet[n : n + 4]) for n in (14, 24))
    return f"arp who has {target}, tell {sender}" if packet[7] == 1 else f"arp {sender} is at {packet[8:14].hex(':')}"


def _number(data: bytes, place: int, size: int) -> int:
    return int.from_bytes(data[place : place + size], "big")
