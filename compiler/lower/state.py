"""What a policy remembers → the IR's keys, guards, effects and declarations. Law: docs/adr/0003, 0004."""

from __future__ import annotations

from ebpfc.compiler.ast import nodes
from ebpfc.compiler.ast.print_state import print_field, print_guard
from ebpfc.compiler.ast.state import TIMEOUTS
from ebpfc.compiler.fields import FIELDS
from ebpfc.compiler.ir import program as ir
from ebpfc.compiler.ir import state
from ebpfc.compiler.lower import arith, atoms
from ebpfc.compiler.lower.scope import FRAME, Scope

UNITS_PER_NS, FRACTION = 16, 20
"""Limiters count in sixteenths of a nanosecond; what a byte costs has so many bits behind the point."""
BURST_TIME = 100_000_000
"""What the rate gives in this time (ns) is the bucket where none is written."""
_ADDRESSES = {"src": (12, 8), "dst": (16, 24)}  # offsets in the headers of IPv4 and IPv6


def key(node: nodes.Key | None, scope: Scope) -> ir.Key:
    """No field where none is written: one state for all."""
    if node is None:
        return ()
    masks = [(None, None)] * (len(node.fields) - 1) + [(node.mask4, node.mask6)]
    return tuple(_field(f, scope, masks=m) for f, m in zip(node.fields, masks, strict=True))


def looked_up(member: nodes.Member, scope: Scope) -> ir.Key:
    """The key of `(F1, F2) in TABLE`."""
    return key(nodes.Key(tuple(k for k in member.keys if isinstance(k, nodes.KeyField | nodes.FieldRef))), scope)


def _field(node: nodes.KeyField | nodes.FieldRef, scope: Scope, masks: tuple[int | None, int | None]) -> state.KeyField:
    here = FRAME if node.outer else scope
    if isinstance(node, nodes.KeyField):
        return _qualified(node.text.split(), here, masks)
    row, value = FIELDS[node.proto, node.name], arith.field(node.proto, node.name, here)
    match row.kind:
        case "ipv4":
            return state.KeyField("address", (state.Option(value, 4, masks[0]),))
        case "ipv6":
            return state.KeyField("address", (state.Option(value, 6, masks[1]),))
        case "mac":
            return state.KeyField("mac", (state.Option(value),))
        case _:
            return state.KeyField("number", (state.Option(value),))


def _qualified(words: list[str], scope: Scope, masks: tuple[int | None, int | None]) -> state.KeyField:
    """A field in qualifier words: `src`, `tcp dst port`, `proto`, `ether src`, `vlan`, `vxlan`, `ifindex`."""
    last, layer = words[-1], scope.layer
    value: ir.Expr
    match last:
        case "vlan":
            value = arith.field("vlan", "id", scope)
        case "ifindex":
            value = ir.Meta("ifindex")
        case "proto":
            value = ir.Proto(layer)
        case "port":
            base = words[0] if words[0] not in ("src", "dst") else "ports"
            value = ir.Load(layer, base, 0 if "src" in words else 2, 2)
        case "src" | "dst" if words[0] == "ether":
            return state.KeyField("mac", (state.Option(ir.Load(layer, "ether", 6 if last == "src" else 0, 6)),))
        case "src" | "dst":
            four, six = _ADDRESSES[last]
            options = []
            if words[0] != "ip6":
                options.append(state.Option(ir.Load(layer, "ip", four, 4), 4, masks[0]))
            if words[0] != "ip":
                options.append(state.Option(ir.Load(layer, "ip6", six, 16), 6, masks[1]))
            return state.KeyField("address", tuple(options))
        case _:
            value = atoms.encap_value(last, scope)
    return state.KeyField("number", (state.Option(value),))


# --------------------------------------------------------------------------------------------------------- declarations


class StateLowering:
    """Numbers the limiters and logs of a policy as they are met, the declared ones first; the same in every hook."""

    def __init__(self, policy: nodes.Policy) -> None:
        self.tables = tuple(_table(t) for t in policy.tables)
        self.limiters = [_limiter(limit.limiter, limit.name, None, limit.name) for limit in policy.limits]
        self.logs: list[state.LogDecl] = []
        self.counts: list[state.CountDecl] = []
        self.track = policy.track
        self._named = {limit.name: (i, limit.limiter) for i, limit in enumerate(policy.limits)}

    def state(self, within: tuple[str, ...]) -> state.State:
        """`within`: the bases of the encapsulations in which connections are kept, when any are."""
        return state.State(
            self.tables, tuple(self.limiters), tuple(self.logs), tuple(self.counts), _track(self.track, within)
        )

    def guards(
        self, guards: tuple[nodes.RateGuard | nodes.ConnectionsGuard, ...], rule: int | None, scope: Scope
    ) -> tuple[ir.Guard | ir.Crowd, ...]:
        return tuple(
            self._rate(g, rule, scope) if isinstance(g, nodes.RateGuard) else self._crowd(g, rule, scope)
            for g in guards
        )

    def _rate(self, guard: nodes.RateGuard, rule: int | None, scope: Scope) -> ir.Guard:
        if isinstance(guard.limiter, str):
            number, limiter = self._named[guard.limiter]
        else:
            number, limiter = len(self.limiters), guard.limiter
            self.limiters.append(_limiter(limiter, None, rule, print_guard(guard)))
        return ir.Guard(guard.kind, number, key(limiter.key, scope))

    def _crowd(self, guard: nodes.ConnectionsGuard, rule: int | None, scope: Scope) -> ir.Crowd:
        read = key(guard.key, scope)
        opener = scope.opener
        crowd = ir.Crowd(len(self.counts), read, scope.layer, opener.base if opener is not None else None)
        text, fields = print_guard(guard), _fields(guard.key)
        self.counts.append(state.CountDecl(crowd, rule, text, fields, guard.most, guard.size))
        return crowd

    def effect(self, action: nodes.Add | nodes.Delete | nodes.Log, rule: int, scope: Scope) -> ir.Effect:
        match action:
            case nodes.Add():
                return ir.AddTo(action.table, key(action.key, scope), action.duration)
            case nodes.Delete():
                return ir.DeleteFrom(action.table, key(action.key, scope))
            case nodes.Log():
                self.logs.append(state.LogDecl(rule, action.text, action.size))
                return ir.LogEvent(len(self.logs) - 1)


def _track(track: nodes.Track | None, within: tuple[str, ...]) -> state.TrackDecl | None:
    if track is None:
        return None
    timeouts = tuple((name, track.timeout(name)) for name in TIMEOUTS)
    return state.TrackDecl(track.loose, track.size, timeouts, within)


def _kinds(node: nodes.Key | None) -> tuple[state.Kind, ...]:
    return tuple(field.kind for field in key(node, FRAME))


def _fields(node: nodes.Key | None) -> tuple[str, ...]:
    return tuple(print_field(field) for field in node.fields) if node is not None else ()


def _table(table: nodes.Table) -> state.TableDecl:
    lru = table.timeout is not None and table.evict and not table.net
    return state.TableDecl(table.name, _kinds(table.key), _fields(table.key), table.net, table.timeout, table.size, lru)


def _limiter(limiter: nodes.Limiter, name: str | None, rule: int | None, text: str) -> state.LimiterDecl:
    """ADR 0003, rules 12 and 13."""
    rate = limiter.rate
    tokens = rate.amount * BURST_TIME // rate.period // (8 if rate.unit == "bits" else 1)
    burst = max(limiter.burst if limiter.burst is not None else tokens, 1)
    if rate.unit == "packets":
        cost = max(UNITS_PER_NS * rate.period // rate.amount, 1)
        depth = burst * cost
    else:
        bits = 8 if rate.unit == "bits" else 1
        cost = (UNITS_PER_NS * rate.period * bits << FRACTION) // rate.amount
        depth = max(burst * cost >> FRACTION, 1)
    kinds, fields = _kinds(limiter.key), _fields(limiter.key)
    by_length = rate.unit != "packets"
    return state.LimiterDecl(name, rule, text, kinds, fields, by_length, cost, depth, limiter.size, limiter.full)
