"""Nodes of `track` and of `state` in the parse tree → AST nodes.

In: what the nodes below were made into. Out: a `Track` with times in ns, a `StateTest` of one of the four states; a
diagnostic at a word that is neither, with the one that was probably meant. Leaves to `sema`: whether both go together.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from ebpfc.compiler.ast.build_state import Option, checked_size, options_of
from ebpfc.compiler.ast.fold import Context, Handler, Kids
from ebpfc.compiler.ast.literals import token_span
from ebpfc.compiler.ast.matches import CONNECTION_STATES
from ebpfc.compiler.ast.nodes import Span, StateTest, Track
from ebpfc.compiler.ast.print_state import print_duration
from ebpfc.compiler.ast.rates import read_duration
from ebpfc.compiler.ast.state import TIMEOUTS

_LOOSE = "loose"
_NOTHING = "no option"
"""Stands for an option that was refused."""
_OTHER_NAMES = {
    "tcp": "tcp_established",
    "tcp_unacknowledged": "tcp_established",
    "icmp6": "icmpv6",
    "established": "tcp_established",
    "assured": "udp_stream",
    "tcp_syn_sent2": "tcp_syn_sent",
}


def _track(context: Context, kids: Kids, span: Span) -> Track:
    options = options_of(context, kids)
    timeouts = tuple((name, option.value) for name, option in options.given.items() if name in TIMEOUTS)
    return Track(_LOOSE in options.given, **options.fields("size"), timeouts=timeouts, span=span)


def _track_option(context: Context, kids: Kids, span: Span) -> Option:
    word, place = str(kids[0]), token_span(kids[0], context.file)
    if word == "size":
        return Option(word, checked_size(context, kids[1]), span)
    time = read_duration(kids[1], context.file, context.sink) if len(kids) > 1 else None
    if word == _LOOSE:
        if time is not None:
            context.sink.error("PF0213", "`loose` takes no time", span, "no timeout", ("write `track loose`",))
        return Option(word, True, span)
    if word not in TIMEOUTS:
        close = _closest(_OTHER_NAMES.get(_plain(word), _plain(word)), TIMEOUTS)
        hint = f"did you mean `{close}`?" if close else "it has `loose`, `size N`, and timeouts: `tcp_established 1d`"
        context.sink.error("PF0213", f"`{word[:40]}` is no option of `track`", place, "unknown option", (hint,))
        return Option(_NOTHING + word, None, span)
    if time is None:
        hint = f"write one behind it: `{word} {print_duration(TIMEOUTS[word])}`"
        context.sink.error("PF0213", f"`{word}` is a timeout without a time", place, "how long?", (hint,))
    return Option(word, TIMEOUTS[word] if time is None else time, span)


def _plain(word: str) -> str:
    """`nf_conntrack_tcp_timeout_established`, as sysctl(8) has it, without what all of those have in common."""
    return word.lower().removeprefix("nf_conntrack_").replace("_timeout", "").removeprefix("timeout_")


def _state_test(context: Context, kids: Kids, span: Span) -> StateTest:
    word, place = str(kids[1]), token_span(kids[1], context.file)
    for state in CONNECTION_STATES:
        if word == state:
            return StateTest(state, span)
    close = _closest(word.lower(), CONNECTION_STATES)
    hint = f"did you mean `{close}`?" if close else "write `new`, `established`, `related` or `invalid`"
    context.sink.error("PF0213", f"`{word[:40]}` is no state of a connection", place, "unknown state", (hint,))
    return StateTest("invalid", span)


def _closest(word: str, names: Iterable[str]) -> str | None:
    near = difflib.get_close_matches(word[:40], tuple(names), 1, 0.65)
    return near[0] if near else None


TRACK_HANDLERS: dict[str, Handler] = {"track": _track, "track_option": _track_option, "state_test": _state_test}
