"""The TCP state machine as a table. In: a connection's state, who sent a segment, its class. Out: what comes next.

ADR 0004, rule 8. Who: `o`, the side that opened the connection, `r`, the other, `b`, both; once there was a FIN, `f` is
the side that sent the first and `n` the other one.
"""

from __future__ import annotations

from typing import Final, Literal, cast

from ebpfc.testing.semantics.connections.segments import Class

TcpState = Literal[
    "SYN_SENT", "SYN_SENT2", "SYN_RECV", "ESTABLISHED", "FIN_WAIT", "CLOSE_WAIT", "LAST_ACK", "TIME_WAIT", "CLOSE"
]
Step = TcpState | Literal["ignore", "anew"]
"""`ignore`: established, and nothing changes. `anew`: a new connection takes the place of the old."""
Who = Literal["o", "r", "f", "n"]

ROWS: Final[dict[TcpState, str]] = {
    "SYN_SENT": "o SYN stay, r SYN SYN_SENT2, r SYNACK SYN_RECV, r RST+A CLOSE, o RST CLOSE, o RST+A CLOSE",
    "SYN_SENT2": "b SYN stay, b SYNACK SYN_RECV, b ACK ESTABLISHED, b RST CLOSE, b RST+A CLOSE",
    "SYN_RECV": "o SYN stay, b SYNACK stay, o ACK ESTABLISHED, r ACK stay, b FIN FIN_WAIT, b RST CLOSE, b RST+A CLOSE",
    "ESTABLISHED": "b ACK stay, b FIN FIN_WAIT, b RST CLOSE, b RST+A CLOSE, b SYN ignore, b SYNACK ignore",
    "FIN_WAIT": "f ACK stay, f FIN stay, n ACK CLOSE_WAIT, n FIN LAST_ACK, b RST CLOSE, b RST+A CLOSE,"
    " b SYN ignore, b SYNACK ignore",
    "CLOSE_WAIT": "f ACK stay, f FIN stay, n ACK stay, n FIN LAST_ACK, b RST CLOSE, b RST+A CLOSE,"
    " b SYN ignore, b SYNACK ignore",
    "LAST_ACK": "f ACK TIME_WAIT, n ACK stay, b FIN stay, b RST CLOSE, b RST+A CLOSE, b SYN ignore, b SYNACK ignore",
    "TIME_WAIT": "b SYN anew, b ACK stay, b FIN stay, b RST ignore, b RST+A ignore, b SYNACK ignore",
    "CLOSE": "b SYN anew, b SYNACK ignore, b RST ignore, b RST+A ignore, b FIN ignore, b ACK ignore",
}
"""`who class next`; what is not here is invalid."""
TIMEOUT_OF: Final[dict[TcpState, str]] = {
    "SYN_SENT": "tcp_syn_sent",
    "SYN_SENT2": "tcp_syn_sent",
    "SYN_RECV": "tcp_syn_recv",
    "ESTABLISHED": "tcp_established",
    "FIN_WAIT": "tcp_fin_wait",
    "CLOSE_WAIT": "tcp_close_wait",
    "LAST_ACK": "tcp_last_ack",
    "TIME_WAIT": "tcp_time_wait",
    "CLOSE": "tcp_close",
}


def _steps() -> dict[tuple[TcpState, Who, Class], Step]:
    steps: dict[tuple[TcpState, Who, Class], Step] = {}
    for state, row in ROWS.items():
        for cell in row.split(","):
            who, kind, following = cell.split()
            step = state if following == "stay" else following
            for one in "orfn" if who == "b" else who:
                steps[state, cast("Who", one), cast("Class", kind)] = cast("Step", step)
    return steps


STEPS: Final = _steps()


def next_step(state: TcpState, kind: Class, sender: int, original: int, closer: int | None) -> Step | None:
    """None: invalid. The sides are ends of the key, 0 or 1; `closer` sent the first FIN."""
    by_opening: Who = "o" if sender == original else "r"
    by_closing: Who = "f" if sender == closer else "n"
    return STEPS.get((state, by_opening if closer is None else by_closing, kind))
