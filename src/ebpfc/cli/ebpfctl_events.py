"""`ebpfctl events`: what rules with `log` have seen, one line a packet, until ^C or enough.

In: parsed arguments. Out: lines on stdout, text or JSON; on stderr how many events were lost, as it happens and at
the end.
"""

from __future__ import annotations

import argparse
import json
import signal
import socket
import sys
import threading
import time
from types import FrameType
from typing import Any

from ebpfc.runtime.device import Device, find_device
from ebpfc.runtime.errors import quote
from ebpfc.runtime.events import Event, Lost, read_events
from ebpfc.runtime.frame_words import frame_words


def events(arguments: argparse.Namespace) -> int:
    """Exit code 0 after `--count` events or ^C."""
    device = find_device(arguments.device)
    seen = lost = 0
    interrupted = _first_interrupt()
    for one in read_events(device, arguments.policy, arguments.count, interrupted.is_set):
        if isinstance(one, Lost):
            lost = one.total
            _say_lost(one)
            continue
        seen += 1
        print(json.dumps(_event_json(one)) if arguments.json else _line(one, device, arguments.hex), flush=True)
    print(f"{seen} events, {lost} lost", file=sys.stderr)
    return 0


def _first_interrupt() -> threading.Event:
    """Set by the first ^C or SIGTERM: what has come until then is shown and counted. A second one ends at once."""
    seen = threading.Event()

    def note(number: int, _frame: FrameType | None) -> None:
        seen.set()
        signal.signal(number, signal.default_int_handler)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, note)
    return seen


def _say_lost(one: Lost) -> None:
    if one.more:
        print(f"ebpfctl: {one.more} events lost ({one.total} so far): the ring was full", file=sys.stderr)
    if one.unreadable:
        print(f"ebpfctl: {one.unreadable} records of the ring are no events", file=sys.stderr)


def _line(event: Event, device: Device, with_hex: bool) -> str:
    """`13:07:45.123456 drop  edge.pf:12 "brute force"  xdp  10.0.0.1.1234 > 10.0.0.2.22: tcp, 74 bytes`."""
    seconds, rest = divmod(event.time_ns, 10**9)
    clock = time.strftime("%H:%M:%S", time.localtime(seconds)) + f".{rest // 1000:06}"
    rule = event.rule
    name = f" {rule.name}" if rule.name else ""
    text = f' "{event.log.text}"' if event.log.text else ""
    where = event.hook if event.ifindex == device.ifindex else f"{event.hook} of {_device_name(event.ifindex)}"
    packet = frame_words(event.data)
    told = f"{packet}, {event.length} bytes" if packet else f"{event.length} bytes"
    line = f"{clock} {event.verdict or '-':<4}  {rule.file}:{rule.line}{name}{text}  {where}  {told}"
    return f"{line}\n        {event.data.hex(' ', 2)}" if with_hex else line


def _device_name(ifindex: int) -> str:
    try:
        return quote(socket.if_indextoname(ifindex), 32)
    except OSError:
        return f"device {ifindex}"


def _event_json(event: Event) -> dict[str, Any]:
    rule = event.rule
    return {
        "time_ns": event.time_ns,
        "policy": event.policy,
        "hook": event.hook,
        "ifindex": event.ifindex,
        "verdict": event.verdict,
        "rule": {"number": rule.number, "file": rule.file, "line": rule.line, "name": rule.name or None}
        | {"text": rule.text},
        "text": event.log.text or None,
        "length": event.length,
        "captured": len(event.data),
        "data": event.data.hex(),
    }
