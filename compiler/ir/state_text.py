"""Keys, guards and effects as the text of the IR, and back; grammar in `ir.program`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, assert_never

from ebpfc.compiler.ir import state
from ebpfc.compiler.ir.expressions import Expr

EFFECTS = ("guard", "connections", "add", "delete", "log")


def print_key(key: state.Key, expression: Callable[[Expr], str]) -> str:
    return " ".join(f"({field.kind}{''.join(_option(o, expression) for o in field.options)})" for field in key)


def _option(option: state.Option, expression: Callable[[Expr], str]) -> str:
    return f" ({option.family} {'-' if option.bits is None else option.bits} {expression(option.value)})"


def print_effect(effect: state.Guard | state.Crowd | state.Effect, expression: Callable[[Expr], str]) -> str:
    match effect:
        case state.Guard():
            words = f"guard {effect.kind} {effect.limiter} {print_key(effect.key, expression)}"
        case state.Crowd():
            key = print_key(effect.key, expression)
            words = f"connections {effect.count} {effect.layer} {effect.within or '-'} {key}"
        case state.AddTo():
            duration = "-" if effect.duration is None else effect.duration
            words = f"add {effect.table} {duration} {print_key(effect.key, expression)}"
        case state.DeleteFrom():
            words = f"delete {effect.table} {print_key(effect.key, expression)}"
        case state.LogEvent():
            words = f"log {effect.log}"
        case _:
            assert_never(effect)
    return f"({words.strip()})"


def read_key(trees: list[Any], expression: Callable[[Any], Expr]) -> state.Key:
    """Raises ValueError, as do the others here, on what is never printed."""
    return tuple(
        state.KeyField(kind, tuple(_read_option(option, expression) for option in options)) for kind, *options in trees
    )


def _read_option(tree: Any, expression: Callable[[Any], Expr]) -> state.Option:
    family, bits, value = tree
    return state.Option(expression(value), int(family), None if bits == "-" else int(bits))


def read_effect(tree: Any, expression: Callable[[Any], Expr]) -> state.Guard | state.Crowd | state.Effect:
    match tree:
        case ["guard", "over" | "within" as kind, limiter, *key]:
            return state.Guard(kind, int(limiter), read_key(key, expression))
        case ["connections", count, layer, within, *key]:
            read = read_key(key, expression)
            return state.Crowd(int(count), read, int(layer), None if within == "-" else within)
        case ["add", table, duration, *key]:
            return state.AddTo(table, read_key(key, expression), None if duration == "-" else int(duration))
        case ["delete", table, *key]:
            return state.DeleteFrom(table, read_key(key, expression))
        case ["log", number]:
            return state.LogEvent(int(number))
    raise ValueError(f"not an effect: {tree}")
