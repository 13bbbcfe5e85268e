"""Does a segment lie in the window, and what does it change? In: a segment, both directions' windows. Out: yes or no,
and the windows after it.

ADR 0004, rules 9 to 11; after Guido van Rooij, Real Stateful TCP Packet Filtering in IP Filter (2000), as the kernel's
nf_conntrack does it. A direction is *seen* once a segment of it has passed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from ebpfc.testing.semantics.connections.segments import LARGEST_SCALE, MODULUS, Segment

LEAST_ACK_WINDOW: Final = 66_000  # how far behind an acknowledgment may lie: kernel's MAXACKWINCONST
LONGEST: Final = 65_538
"""More than a segment with SYN and FIN can be long."""
SIGN: Final = 1 << 31


@dataclass(frozen=True, slots=True)
class Window:
    """Of one direction. `end`: the highest sequence number behind what it sent; `max_end`: the highest that the other
    allowed it; `max_win`: the largest window that it announced, scaled, 0 until it is seen; `scale`: its window scale,
    None where it announced none."""

    end: int = 0
    max_end: int = 0
    max_win: int = 0
    scale: int | None = None

    @property
    def seen(self) -> bool:
        return self.max_win > 0


UNSEEN: Final = Window()


def after(x: int, y: int) -> bool:
    """Does `x` come after `y`? Numbers half the circle apart do not (rule 9: as signed 32-bit numbers)."""
    return 0 < (x - y) % MODULUS < SIGN


def in_window(segment: Segment, sender: Window, other: Window) -> bool:
    """Rule 9, of a direction and its other that are both seen; before that everything is."""
    if not sender.seen or not other.seen:
        return True
    lowest_end = sender.end - other.max_win - 1
    if after(segment.sequence, sender.max_end) or not after(segment.end, lowest_end):
        return False
    if segment.has_ack:
        lowest_ack = other.end - max(sender.max_win, LEAST_ACK_WINDOW) - 1
        if after(segment.ack, other.end) or not after(segment.ack, lowest_ack):
            return False
    return True


def answers_the_syn(segment: Segment, syn: Window) -> bool:
    """Does a SYNACK, or a RST, acknowledge what the side that opens has sent? A SYNACK perhaps without its data."""
    if segment.kind == "RST+A":
        return segment.ack == syn.end
    return not after(segment.ack, syn.end) and after(segment.ack, syn.end - LONGEST)


def ends_nothing(segment: Segment, sender: Window) -> bool:
    """Is it a RST that stands elsewhere than where its sender's segments ended (RFC 5961, section 3.2)?"""
    return segment.kind in ("RST", "RST+A") and sender.seen and segment.sequence != sender.end


def begin(segment: Segment) -> tuple[Window, Window]:
    """The windows of the sender and the other after a SYN that begins a connection."""
    return pass_segment(segment, UNSEEN, UNSEEN, again=False)


def begin_in_the_middle(segment: Segment) -> tuple[Window, Window]:
    """The same after an ACK (rule 11): the scales are unknown, so the largest."""
    unseen = Window(scale=LARGEST_SCALE)
    return pass_segment(segment, unseen, unseen, again=False)


def pass_segment(segment: Segment, sender: Window, other: Window, *, again: bool) -> tuple[Window, Window]:
    """The windows of the sender and the other after the segment has passed; `again`: it is a SYN that counts as its
    sender's first, whatever came before (rule 10)."""
    win = _window(segment, sender, other)
    if again or not sender.seen:
        scale = segment.scale if segment.has_syn else sender.scale
        allowed = segment.end
        if not segment.has_syn and other.seen and after(sender.max_end, allowed):
            allowed = sender.max_end
        sender = Window(segment.end, allowed, max(win, 1), scale)
    else:
        end = segment.end if after(segment.end, sender.end) else sender.end
        sender = replace(sender, end=end, max_win=max(sender.max_win, win))
    return sender, _acknowledged(segment, win, other) if segment.has_ack else other


def _window(segment: Segment, sender: Window, other: Window) -> int:
    """Scaled where both have announced a scale."""
    if segment.has_syn or sender.scale is None or other.scale is None:
        return segment.window
    return segment.window << sender.scale


def _acknowledged(segment: Segment, win: int, other: Window) -> Window:
    """What the sender of the segment allows the other."""
    allowed = (segment.ack + max(win, 1)) % MODULUS
    if not other.seen:
        return replace(other, end=segment.ack, max_end=allowed)
    return replace(other, max_end=allowed) if after(allowed, other.max_end) else other
