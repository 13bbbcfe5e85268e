"""A frame as a hook sees it. In: its bytes and what the kernel keeps beside them. Out: the bytes as on the wire.

Offsets here and in the rest of `semantics` count bytes from the start of the frame; numbers read are big-endian.
"""

from __future__ import annotations

from dataclasses import dataclass

from ebpfc.compiler.fields import MAX_OFFSET

TAG_AT = 12  # where a tag stands in an Ethernet frame: after the two addresses (IEEE 802.1Q)


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame and its metadata.

    `tag` is a tag (TPID, TCI) that the kernel has taken out of the data (`skb->vlan_proto`, `skb->vlan_tci`); it counts
    as if it stood in its place. `merged` says that the frame is several segments put together (`gso_size`). `ifindex`
    defaults to the loopback device's number, which is what the kernel's test run shows to a program. `length` is the
    frame's own where a capture holds less of it than there was: what `len` counts; the bytes left out are missing.
    """

    data: bytes
    tag: tuple[int, int] | None = None
    merged: bool = False
    ifindex: int = 1
    mark: int = 0
    length: int = 0

    def in_place(self) -> bytes:
        """The bytes with the kernel's tag back where it was."""
        if self.tag is None:
            return self.data
        tpid, tci = self.tag
        return self.data[:TAG_AT] + tpid.to_bytes(2, "big") + tci.to_bytes(2, "big") + self.data[TAG_AT:]

    def whole_length(self) -> int:
        """Bytes of the whole frame, the kernel's tag counted."""
        return max(self.length, len(self.data) + (0 if self.tag is None else 4))


def read_number(wire: bytes, offset: int, size: int) -> int | None:
    """`size` bytes at `offset` as a big-endian number; None when one of them is not there."""
    end = offset + size
    if end > len(wire) or end > MAX_OFFSET:
        return None
    return int.from_bytes(wire[offset:end], "big")
