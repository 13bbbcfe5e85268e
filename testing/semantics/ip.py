"""What is known of an IP header. In: the bytes of a frame and where the header starts. Out: `IpFacts` (ADR 0001, 7-15).

A fact is None where the bytes do not tell. Nothing here asks whether the header is well formed beyond what is needed
to find the next one: `malformed` does.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ebpfc.compiler.fields import IPV6_EXTENSIONS, MAX_EXTENSIONS
from ebpfc.testing.semantics.frame import read_number
from ebpfc.testing.semantics.kleene import Truth

FRAGMENT_HEADER = 44  # RFC 8200 section 4.5
AUTHENTICATION_HEADER = 51  # RFC 4302 section 2.2: the one that counts its length in words of 4 bytes, less 2


@dataclass(frozen=True, slots=True)
class Extension:
    """An IPv6 extension header that has a place; `length` in bytes is None when the bytes that tell are missing."""

    kind: int
    offset: int
    length: int | None


@dataclass(frozen=True, slots=True)
class IpFacts:
    """What one IP header and, for IPv6, its extension headers tell.

    `protocol`: of the transport header, also in a later fragment. `transport`: where that header starts.
    `walked`: the types of the extension headers named on the way. `extensions`: those of them that have a place.
    `too_many`: a ninth extension header follows. `fragment`: is part of a fragmented packet; `first`, `last`: which
    part; `later`: offset not 0. `fragment_offset` is in bytes; `fragment_data` is where the fragment's data starts.
    """

    protocol: int | None = None
    transport: int | None = None
    walked: frozenset[int] = frozenset()
    extensions: tuple[Extension, ...] = ()
    too_many: bool = False
    fragment: Truth = None
    first: Truth = None
    last: Truth = None
    later: Truth = None
    fragment_offset: int = 0
    fragment_data: int = 0


def read_ipv4(wire: bytes, start: int) -> IpFacts:
    """RFC 791 section 3.1. The transport header is found only behind version 4 and an IHL of 5 or more."""
    version_ihl = read_number(wire, start, 1)
    flags_offset = read_number(wire, start + 6, 2)
    protocol = read_number(wire, start + 9, 1)
    if version_ihl is None or flags_offset is None:
        return IpFacts(protocol=protocol)
    offset, more = (flags_offset & 0x1FFF) * 8, bool(flags_offset & 0x2000)
    later = offset != 0
    header = (version_ihl & 15) * 4
    findable = version_ihl >> 4 == 4 and header >= 20 and not later
    return IpFacts(
        protocol=protocol,
        transport=start + header if findable else None,
        fragment=later or more,
        first=more and not later,
        last=later and not more,
        later=later,
        fragment_offset=offset,
        fragment_data=start + header,
    )


def read_ipv6(wire: bytes, start: int) -> IpFacts:
    """RFC 8200 section 3. A next header that is no extension header counts whatever the version says."""
    version = read_number(wire, start, 1)
    following = read_number(wire, start + 6, 1)
    if version is None or following is None:
        return IpFacts()
    if version >> 4 == 6:
        return _walk(wire, start + 40, following)
    return IpFacts() if following in IPV6_EXTENSIONS else replace(_walk(wire, start + 40, following), transport=None)


def _walk(wire: bytes, offset: int, following: int) -> IpFacts:
    """Goes from extension header to extension header, at most eight; `following` is the type of what is at `offset`."""
    walked: set[int] = set()
    extensions: list[Extension] = []
    seen = _Fragments()
    while following in IPV6_EXTENSIONS:
        if len(extensions) == MAX_EXTENSIONS:
            return seen.facts(walked, extensions, too_many=True)
        kind = following
        walked.add(kind)
        needed = read_number(wire, offset, 4 if kind == FRAGMENT_HEADER else 2)
        if needed is None:
            return seen.facts(walked, [*extensions, Extension(kind, offset, None)])
        following = wire[offset]
        length = _length(kind, wire[offset + 1])
        extensions.append(Extension(kind, offset, length))
        offset += length
        if kind == FRAGMENT_HEADER:
            seen = seen.after(needed & 0xFFFF, offset)
            if seen.offset:
                return _later_fragment(seen, walked, extensions, following)
    return seen.facts(walked, extensions, ended=True, protocol=following, transport=offset)


def _length(kind: int, counted: int) -> int:
    """Bytes of an extension header whose second byte is `counted`."""
    if kind == FRAGMENT_HEADER:
        return 8
    if kind == AUTHENTICATION_HEADER:
        return (counted + 2) * 4
    return (counted + 1) * 8


@dataclass(frozen=True, slots=True)
class _Fragments:
    """The fragment headers read so far: whether one made it a fragment; offset (bytes) and M bit of the last one."""

    any: bool = False
    offset: int = 0
    more: bool = False
    data: int = 0

    def after(self, offset_flags: int, data: int) -> _Fragments:
        """One more fragment header; `offset_flags` are its bytes 2 and 3, `data` is where it ends."""
        offset, more = offset_flags & 0xFFF8, bool(offset_flags & 1)
        return _Fragments(self.any or more or offset != 0, offset, more, data)

    def facts(
        self,
        walked: set[int],
        extensions: list[Extension],
        *,
        ended: bool = False,
        too_many: bool = False,
        protocol: int | None = None,
        transport: int | None = None,
    ) -> IpFacts:
        """`ended`: the walk came to its end, so that a fragment not seen is none."""
        known = ended or self.any
        later: Truth = True if self.offset else (False if ended else None)
        return IpFacts(
            protocol=protocol,
            transport=transport,
            walked=frozenset(walked),
            extensions=tuple(extensions),
            too_many=too_many,
            fragment=self.any if known else None,
            first=self.any and self.offset == 0 if known else None,
            last=self.offset != 0 and not self.more if known else None,
            later=later,
            fragment_offset=self.offset,
            fragment_data=self.data,
        )


def _later_fragment(seen: _Fragments, walked: set[int], extensions: list[Extension], following: int) -> IpFacts:
    """The header named by a later fragment is in the first one: its type is known, its place is not in this frame."""
    if following not in IPV6_EXTENSIONS:
        return seen.facts(walked, extensions, ended=True, protocol=following)
    too_many = len(extensions) == MAX_EXTENSIONS
    return seen.facts(walked if too_many else walked | {following}, extensions, ended=True, too_many=too_many)
