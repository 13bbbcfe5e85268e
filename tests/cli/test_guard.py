"""Whatever a command raises ends in an exit code and words, never in a traceback; slow work says what it does."""

from __future__ import annotations

import io
import os
import signal
import time

import pytest

from ebpfc.cli import progress
from ebpfc.cli.guard import run_guarded
from ebpfc.cli.progress import Progress


def raising(error: BaseException) -> int:
    raise error


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (KeyboardInterrupt(), 130),
        (SystemExit(2), 2),
        (SystemExit(None), 0),
        (SystemExit("words"), 2),
        (ZeroDivisionError("x"), 3),
        (RecursionError(), 3),
        (MemoryError(), 3),
        (UnicodeEncodeError("ascii", "\ud800", 0, 1, "x"), 3),
    ],
)
def test_exit_codes(error: BaseException, status: int) -> None:
    assert run_guarded("ebpfc", lambda: raising(error)) == status


def test_an_internal_error_asks_for_a_report_in_printable_words(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_guarded("ebpfc", lambda: raising(ValueError("\x1b[31m evil\n" + "x" * 10000))) == 3
    printed = capsys.readouterr().err
    assert printed.startswith("error[PF0999]: internal error of ebpfc")
    assert "report" in printed
    assert "Traceback" not in printed
    assert "\x1b" not in printed
    assert len(printed) < 1000


def test_where_it_happened_is_shown_on_request(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EBPFC_TRACEBACK", "1")
    run_guarded("ebpfc", lambda: raising(ValueError("x")))
    assert "in raising" in capsys.readouterr().err


def test_sigterm_lets_temporary_files_go() -> None:
    cleaned = []

    def work() -> int:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(5)
        finally:
            cleaned.append(True)
        return 0

    before = signal.getsignal(signal.SIGTERM)
    assert run_guarded("ebpfc", work) == 143
    assert cleaned == [True]
    assert signal.getsignal(signal.SIGTERM) == before


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_quick_work_prints_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Terminal()
    with Progress(True, stream) as shown:
        shown.stage("compiling")
    assert stream.getvalue() == ""


def test_slow_work_says_what_it_does_and_wipes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "SILENT_SECONDS", 0.05)
    monkeypatch.setattr(progress, "REFRESH_SECONDS", 0.05)
    stream = Terminal()
    with Progress(True, stream) as shown:
        shown.stage("compiling")
        time.sleep(0.3)
    assert "ebpfc: compiling ..." in stream.getvalue()
    assert stream.getvalue().endswith("\r\x1b[K")


def test_no_progress_without_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "SILENT_SECONDS", 0.0)
    stream = io.StringIO()
    with Progress(True, stream):
        time.sleep(0.05)
    assert stream.getvalue() == ""
