"""Texts that are no policies, given to the command `ebpfc`. In: a seed. Out: what it did that it must not, or None.

Whatever it is given, it ends within PATIENCE, with exit code 0 and C, or with 1, a diagnostic and nothing written.
"""

from __future__ import annotations

import contextlib
import io
import signal
import tempfile
from pathlib import Path
from random import Random
from types import FrameType
from typing import NoReturn

from ebpfc.cli.main import main as ebpfc
from ebpfc.testing.random_policies import HOOKS, write_policy

PATIENCE = 5  # seconds that `ebpfc` may think about a text
PIECES = (
    b'{ } ( ) [ ] , : ; = == != < > & | ^ ~ ! % * + - / \\ " # \n \r \t \0 if else let not and or in pass drop vlan'
)
WORDS = (
    *PIECES.split(b" "),
    b"vxlan 1 {\n",
    b"\xff\xfe",
    b"\xe2\x80\xa8",
    b"10.0.0.0/8",
    b"0x",
    b"then count",
    b"outer",
)


class Hang(BaseException):
    """`ebpfc` took longer than PATIENCE; no `except Exception` on its way may take this for an answer."""


def random_text(rng: Random) -> bytes:
    """Random bytes, words at random, or a policy with one to five places damaged."""
    match rng.randrange(8):
        case 0:
            return rng.randbytes(rng.randrange(200))
        case 1:
            return b" ".join(rng.choices(WORDS, k=rng.randrange(40)))
    text = write_policy(rng, HOOKS, rules=rng.choice((1, 2, 3, 5, 8))).encode()
    for _ in range(rng.randint(1, 5)):
        at = rng.randrange(len(text) + 1)
        until = min(len(text), at + rng.choice((0, 1, 1, 3, 20)))
        put = rng.choice(
            (b"", rng.choice(WORDS), rng.randbytes(1), text[at:until] * 2, b" " + rng.choice(WORDS) + b" ")
        )
        text = text[:at] + put + text[until:]
    return text


def survive(seed: int) -> str | None:
    """Gives `ebpfc` the seed's text in a file; works in a process's main thread only (it sets an alarm)."""
    content = random_text(Random(seed))
    printed = io.StringIO()
    with tempfile.TemporaryDirectory() as folder:
        rules, emitted = Path(folder) / "rules.pf", Path(folder) / "out.c"
        rules.write_bytes(content)
        before = signal.signal(signal.SIGALRM, _hang)
        signal.alarm(PATIENCE)
        try:
            with contextlib.redirect_stderr(printed), contextlib.redirect_stdout(printed):
                status = ebpfc([str(rules), "--emit-c", str(emitted)])
        except Hang:
            return f"seed {seed}: over {PATIENCE} s: {content!r}"
        finally:
            signal.alarm(0)
            signal.signal(signal.SIGALRM, before)
        good = (
            status in (0, 1) and emitted.exists() is (status == 0) and (status == 0 or "error[" in printed.getvalue())
        )
        written = "C written" if emitted.exists() else "nothing written"
    return None if good else f"seed {seed}: exit {status}, {written}: {content!r}\n{printed.getvalue()}"


def _hang(_number: int, _frame: FrameType | None) -> NoReturn:
    raise Hang
