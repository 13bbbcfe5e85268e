"""Builds packets inside packets, beside `packets.vxlan`. In: what is inside, the header's values. Out: `Layer`.

What is inside is a frame (`bytes`: transparent Ethernet) or a `Layer` of IP alone, whose EtherType says which. Lengths,
flags and types are right unless given; `packets` puts headers below: `ether(ip4(geneve(ether(ip4(tcp())), 7)))`.
"""

from __future__ import annotations

from collections.abc import Sequence

from ebpfc.compiler.fields import PORTS
from ebpfc.testing.packets import Layer, udp

ETHERNET = 0x6558
"""Transparent Ethernet bridging as a protocol type (RFC 1701)."""
IPV4, IPV6 = 0x0800, 0x86DD
MPLS, MPLS_MULTICAST = 0x8847, 0x8848
PPPOE_DISCOVERY, PPPOE_SESSION = 0x8863, 0x8864
PPP = {IPV4: 0x0021, IPV6: 0x0057}
"""PPP protocol numbers (RFC 1332, RFC 5072)."""
G_PDU = 255
"""The GTP-U message that carries a packet."""

Inside = bytes | Layer


def _typed(inside: Inside) -> tuple[int, bytes]:
    return (ETHERNET, inside) if isinstance(inside, bytes) else (inside.number, inside.data)


def geneve(
    inside: Inside,
    vni: int = 0,
    *,
    port: int = PORTS["geneve"],
    options: bytes = b"",
    version: int = 0,
    words: int | None = None,
    flags: int = 0,
    protocol: int | None = None,
    sport: int = 40000,
) -> Layer:
    """A UDP datagram (RFC 8926); `options` are padded to words, `words` is their length field."""
    options += bytes(-len(options) % 4)
    number, data = _typed(inside)
    first = version << 6 | (len(options) // 4 if words is None else words)
    head = bytes((first, flags)) + (number if protocol is None else protocol).to_bytes(2, "big")
    return udp(head + vni.to_bytes(3, "big") + b"\0" + options + data, sport=sport, dport=port)


def gre(
    inside: Inside,
    key: int | None = None,
    *,
    checksum: int | None = None,
    sequence: int | None = None,
    version: int = 0,
    flags: int | None = None,
    protocol: int | None = None,
) -> Layer:
    """GRE (RFC 2784, RFC 2890): each of checksum (its word, with the reserved half), key and sequence may be there."""
    number, data = _typed(inside)
    present = (checksum is not None) << 7 | (key is not None) << 5 | (sequence is not None) << 4
    head = bytes((present if flags is None else flags, version))
    head += (number if protocol is None else protocol).to_bytes(2, "big")
    words = [word for word in (checksum, key, sequence) if word is not None]
    return Layer(47, head + b"".join(word.to_bytes(4, "big") for word in words) + data)


def ipip(inside: Layer) -> Layer:
    """An IP packet in IP (RFC 2003, RFC 4213): protocol 4 or 41, over either family."""
    return Layer(41 if inside.number == IPV6 else 4, inside.data)


def gtp(
    inside: Layer,
    teid: int = 0,
    *,
    port: int = PORTS["gtp"],
    first: int = 0x30,
    kind: int = G_PDU,
    sequence: int | None = None,
    number: int | None = None,
    extensions: Sequence[tuple[int, bytes]] = (),
    length: int | None = None,
    sport: int = 40000,
) -> Layer:
    """A GTP-U datagram (3GPP TS 29.281). `first` is version and PT; `sequence`, `number` (of the N-PDU) and
    `extensions` set their flags beside it and add the optional words. An extension is its type and its content, of
    which 2, 6, 10 ... bytes leave no padding."""
    flags = first | bool(extensions) << 2 | (sequence is not None) << 1 | (number is not None)
    behind = _gtp_options(sequence, number, extensions) if flags & 7 else b""
    size = len(behind) + len(inside.data) if length is None else length
    head = bytes((flags, kind)) + min(size, 0xFFFF).to_bytes(2, "big") + teid.to_bytes(4, "big")
    return udp(head + behind + inside.data, sport=sport, dport=port)


def _gtp_options(sequence: int | None, number: int | None, extensions: Sequence[tuple[int, bytes]]) -> bytes:
    """The word of sequence, N-PDU number and first type; then each extension with the type of the next."""
    types = [kind for kind, _ in extensions] + [0]
    found = (sequence or 0).to_bytes(2, "big") + bytes((number or 0, types[0]))
    for (_, content), following in zip(extensions, types[1:], strict=True):
        padded = content + bytes(-(len(content) + 2) % 4)
        found += bytes(((len(padded) + 2) // 4,)) + padded + bytes((following,))
    return found


def mpls(
    inside: Layer,
    *labels: int,
    ethertype: int = MPLS,
    tc: int = 0,
    ttl: int = 64,
    bottom: int | None = None,
) -> Layer:
    """A label stack (RFC 3032), outermost first; the bottom bit is the last entry's, or that of entry `bottom` (from
    0; none when there is no such entry)."""
    last = len(labels) - 1 if bottom is None else bottom
    entries = (label << 12 | tc << 9 | (at == last) << 8 | ttl for at, label in enumerate(labels))
    return Layer(ethertype, b"".join(entry.to_bytes(4, "big") for entry in entries) + inside.data)


def pppoes(
    inside: Layer, session: int = 0, *, code: int = 0, length: int | None = None, protocol: int | None = None
) -> Layer:
    """A PPPoE session's packet (RFC 2516): the PPP protocol is that of the family inside."""
    number = PPP.get(inside.number, inside.number) if protocol is None else protocol
    data = number.to_bytes(2, "big") + inside.data
    size = min(len(data), 0xFFFF) if length is None else length
    return Layer(PPPOE_SESSION, bytes((0x11, code)) + session.to_bytes(2, "big") + size.to_bytes(2, "big") + data)


def pppoed(tags: bytes = b"", *, code: int = 0x09, session: int = 0, length: int | None = None) -> Layer:
    """PPPoE discovery (RFC 2516), without `tags` a bare initiation."""
    size = len(tags) if length is None else length
    return Layer(PPPOE_DISCOVERY, bytes((0x11, code)) + session.to_bytes(2, "big") + size.to_bytes(2, "big") + tags)
