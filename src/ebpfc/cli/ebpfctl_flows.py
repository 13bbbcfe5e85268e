"""`ebpfctl flows`: the connections that a policy in force keeps, one a line, counted, or forgotten.

In: parsed arguments. Out: text or JSON on stdout, an exit code; failures are ControlErrors.
"""

from __future__ import annotations

import argparse
import json
from typing import Any, Final

from ebpfc.runtime.device import find_device
from ebpfc.runtime.durations import show_duration
from ebpfc.runtime.errors import quote
from ebpfc.runtime.flow_records import End, Flow
from ebpfc.runtime.flows import Connections, find_tracking, opened_connections
from ebpfc.runtime.table_keys import PROTOCOL_NAMES

_LONGEST_PROTOCOL, _LONGEST_STATE = 5, 11  # icmp6, ESTABLISHED
_SECOND: Final = 10**9


def flows(arguments: argparse.Namespace) -> int:
    """Lists, or does what --count or --flush say."""
    device = find_device(arguments.device)
    installed, track = find_tracking(device, arguments.policy)
    with opened_connections(installed, track) as connections:
        if arguments.flush:
            _flush(connections, quote(device.name, 32), as_json=arguments.json)
        elif arguments.count:
            _count(connections, as_json=arguments.json)
        else:
            for flow in connections.listed():
                print(json.dumps(flow_json(flow)) if arguments.json else flow_line(flow))
    return 0


def flow_line(flow: Flow) -> str:
    """`tcp   ESTABLISHED  src=10.0.0.1 dst=10.0.0.2 sport=4711 dport=22 packets=12/9 bytes=900/800 age=7s left=5d`."""
    source, destination = flow.source, flow.destination
    words = [f"src={source.address}", f"dst={destination.address}"]
    if source.port is not None:
        words += [f"sport={source.port}", f"dport={destination.port}"]
    if flow.echo is not None:
        words.append(f"id={flow.echo}")
    if flow.vlans:
        words.append(f"vlan={','.join(map(str, flow.vlans))}")
    if flow.kind:
        words.append(f"in={flow.kind}")
    if flow.vni is not None:
        words.append(f"vni={flow.vni}")
    words += [f"{name}={pair[0]}/{pair[1]}" for name, pair in (("packets", flow.packets), ("bytes", flow.bytes))]
    words += [f"age={_rounded(flow.age)}", f"left={_rounded(flow.left)}"]
    if not flow.assured:
        words.append("half-open")
    protocol = _protocol(flow).ljust(_LONGEST_PROTOCOL)
    return f"{protocol}  {(flow.state or '-').ljust(_LONGEST_STATE)}  {' '.join(words)}"


def _protocol(flow: Flow) -> str:
    return PROTOCOL_NAMES.get(flow.protocol, str(flow.protocol))


def _rounded(ns: int) -> str:
    """Whole seconds, at least 0s."""
    return show_duration(ns // _SECOND * _SECOND) if ns >= _SECOND else "0s"


def _count(connections: Connections, *, as_json: bool) -> None:
    counts = connections.count()
    total = counts.assured + counts.half_open
    if as_json:
        print(json.dumps({"connections": total, "assured": counts.assured, "half_open": counts.half_open}))
    else:
        print(f"{total} connections: {counts.assured} assured, {counts.half_open} half-open")


def _flush(connections: Connections, device: str, *, as_json: bool) -> None:
    forgotten = connections.flush()
    if as_json:
        print(json.dumps({"forgotten": forgotten}))
    else:
        print(f"{connections.policy} at {device} keeps no connection: {forgotten} forgotten")


def flow_json(flow: Flow) -> dict[str, Any]:
    return {
        "protocol": _protocol(flow),
        "number": flow.protocol,
        "state": flow.state or None,
        "assured": flow.assured,
        "source": _end_json(flow.source),
        "destination": _end_json(flow.destination),
        "echo": flow.echo,
        "vlans": list(flow.vlans),
        "encapsulation": flow.kind or None,
        "vni": flow.vni,
        "age_ns": flow.age,
        "left_ns": flow.left,
        "original": {"packets": flow.packets[0], "bytes": flow.bytes[0]},
        "reply": {"packets": flow.packets[1], "bytes": flow.bytes[1]},
    }


def _end_json(end: End) -> dict[str, Any]:
    return {"address": end.address, "port": end.port}
