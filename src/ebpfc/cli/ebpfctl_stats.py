"""What `ebpfctl stats` prints: each policy's rules and what it remembers; as tables, or one JSON document.

In: `PolicyStats`. Out: text on stdout. All texts of a manifest have been escaped when it was read.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from ebpfc.cli.ebpfctl_show import painted, place_of, rule_json
from ebpfc.runtime.counters import Counter
from ebpfc.runtime.device import Device
from ebpfc.runtime.durations import show_duration
from ebpfc.runtime.errors import quote
from ebpfc.runtime.manifest_state import KeyPart, TablePart
from ebpfc.runtime.state_counters import LimitStats, StateStats, TableStats
from ebpfc.runtime.stats import ConnectionStats, HookStats, PolicyStats


def print_stats(policies: Sequence[PolicyStats], device: Device) -> None:
    first = True
    for policy in policies:
        trial = "" if policy.trial_left is None else f", on trial for {policy.trial_left:.0f} s more"
        for hook in policy.hooks:
            if not first:
                print()
            first = False
            how = hook.attachment
            force = f"in force ({how.mode or how.method})" if how else "not in force"
            print(f"{policy.policy} at {quote(device.name, 32)}, {hook.hook}: {force}{trial}")
            if not policy.counted:
                print("  compiled with --no-counters")
            elif hook.undecided is None and not hook.rules:
                print("  counts nothing")
            else:
                _print_table(("packets", "bytes", "place", "rule"), list(_stats_rows(hook)), numbers=2)
        _print_state(policy)


def _print_state(policy: PolicyStats) -> None:
    """Nothing where the policy remembers nothing."""
    state = policy.state
    if state.tables:
        print(f"tables of {policy.policy}")
        table_rows = [
            (*map(_number, (t.entries, t.table.size, t.added, t.refused)), t.table.name, _table_words(t.table))
            for t in state.tables
        ]
        _print_table(("entries", "size", "added", "refused", "table", "key"), table_rows, numbers=4)
    if state.limits:
        print(f"limiters of {policy.policy}")
        limit_rows = [
            (*map(_number, (one.within, one.over, one.full)), *_limiter_words(one, policy)) for one in state.limits
        ]
        _print_table(("within", "over", "full", "place", "limiter"), limit_rows, numbers=3)
    if state.lost is not None:
        print(f"events of {policy.policy}: {state.lost} lost")
    if policy.connections is not None:
        _print_connections(policy.connections, policy.policy)


def _print_connections(connections: ConnectionStats, policy: str) -> None:
    counts, track = connections.counts, connections.track
    where = ""
    if track.companion is not None:
        how = connections.companion
        force = f"({how.method})" if how else "(not in force)"
        where = f"; kept at {track.companion.hook} {force} too"
    print(
        f"connections of {policy}: {counts.assured} assured, {counts.half_open} half-open, "
        f"at most {track.size} of each{where}"
    )


def _number(value: int | None) -> str:
    return "-" if value is None else str(value)


def _table_words(table: TablePart) -> str:
    words = f"{_key_words(table.key)}{' net' if table.net else ''}"
    return words if table.timeout is None else f"{words} timeout {show_duration(table.timeout)}"


def _key_words(key: tuple[KeyPart, ...]) -> str:
    fields = ", ".join(part.field for part in key)
    return fields if len(key) == 1 else f"({fields})"


def _limiter_words(one: LimitStats, policy: PolicyStats) -> tuple[str, str]:
    rule = policy.rules[one.limit.rule] if one.limit.rule is not None else None
    return place_of(rule) if rule else "limit", one.limit.text


def print_stats_json(policies: Sequence[PolicyStats], device: Device) -> None:
    document = {
        "device": device.name,
        "ifindex": device.ifindex,
        "policies": [
            {
                "policy": p.policy,
                "compiler": p.compiler,
                "on_trial_seconds": p.trial_left,
                "hooks": [_hook_json(h) for h in p.hooks],
            }
            | _state_json(p)
            | {"connections": _connections_json(p.connections) if p.connections is not None else None}
            for p in policies
        ],
    }
    print(json.dumps(document, indent=2, ensure_ascii=True))


def _stats_rows(hook: HookStats) -> Iterator[tuple[str, str, str, str]]:
    for rule, counter in hook.rules:
        yield (*_numbers(counter), place_of(rule), rule.text)
    if hook.undecided is not None:
        yield (*_numbers(hook.undecided), "default", hook.default)
    for name, counter in hook.named:
        yield (*_numbers(counter), "count", name)


def _numbers(counter: Counter) -> tuple[str, str]:
    return str(counter.packets), str(counter.bytes)


def _counter_json(counter: Counter) -> dict[str, int]:
    return {"packets": counter.packets, "bytes": counter.bytes}


def _hook_json(hook: HookStats) -> dict[str, Any]:
    attachment = hook.attachment
    return {
        "hook": hook.hook,
        "in_force": attachment is not None,
        "method": attachment.method if attachment else None,
        "mode": attachment.mode or None if attachment else None,
        "rules": [rule_json(rule) | _counter_json(counter) for rule, counter in hook.rules],
        "default": {"verdict": hook.default} | (_counter_json(hook.undecided) if hook.undecided else {}),
        "named": [{"name": name} | _counter_json(counter) for name, counter in hook.named],
    }


def _state_json(policy: PolicyStats) -> dict[str, Any]:
    state: StateStats = policy.state
    return {
        "tables": [_table_json(one) for one in state.tables],
        "limiters": [
            {
                "name": one.limit.name or None,
                "rule": None if one.limit.rule is None else rule_json(policy.rules[one.limit.rule]),
                "text": one.limit.text,
                "within": one.within,
                "over": one.over,
                "full": one.full,
            }
            for one in state.limits
        ],
        "events_lost": state.lost,
    }


def _connections_json(connections: ConnectionStats) -> dict[str, Any]:
    counts, track, how = connections.counts, connections.track, connections.companion
    return {
        "assured": counts.assured,
        "half_open": counts.half_open,
        "expired": counts.expired,
        "size": track.size,
        "companion": None
        if track.companion is None
        else {"hook": track.companion.hook, "in_force": how is not None, "method": how.method if how else None},
    }


def _table_json(one: TableStats) -> dict[str, Any]:
    table = one.table
    return {
        "name": table.name,
        "key": [part.field for part in table.key],
        "net": table.net,
        "timeout_ns": table.timeout,
        "size": table.size,
        "entries": one.entries,
        "expired": one.expired,
        "added": one.added,
        "refused": one.refused,
    }


def _print_table(head: tuple[str, ...], rows: list[tuple[str, ...]], numbers: int) -> None:
    """The first columns, numbers, to the right, texts to the left; the last column, a rule's text, is never cut."""
    widths = [max(len(row[n]) for row in (head, *rows)) for n in range(len(head) - 1)]
    for number, row in enumerate((head, *rows)):
        cells = [c.rjust(w) if n < numbers else c.ljust(w) for n, (c, w) in enumerate(zip(row, widths, strict=False))]
        line = "  " + "  ".join((*cells, row[-1]))
        print(painted(line, "1", sys.stdout) if number == 0 else line)
