"""What a small text can grow to is bounded: named matches, sets of sets, names within names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest


def codes(found: Any) -> list[str]:
    return [code for code, _ in found.errors]


@pytest.mark.parametrize("operator", ["and", "or"])
def test_matches_that_double(check: Callable[..., Any], operator: str) -> None:
    lines = ["let m0 = tcp", *(f"let m{n} = m{n - 1} {operator} m{n - 1}" for n in range(1, 60)), "drop m59"]
    assert codes(check("\n".join(lines))) == ["PF0319"]
    assert codes(check("\n".join([*lines[:11], "drop m10"]))) == []


def test_sets_that_double(check: Callable[..., Any]) -> None:
    lines = ["let s0 = {80}", *(f"let s{n} = {{s{n - 1}, s{n - 1}}}" for n in range(1, 60)), "drop port s59"]
    assert codes(check("\n".join(lines))) == ["PF0319"]
    assert codes(check("\n".join([*lines[:11], "drop port s10"]))) == []


def test_sets_written_out_in_rules(check: Callable[..., Any]) -> None:
    big = "let big = {" + ", ".join(str(n) for n in range(5000)) + "}\n"
    assert codes(check(big + "drop port {big, 5001}\n" * 900)) == ["PF0319"]
    assert codes(check(big + "drop port big\n" * 900)) == []


@pytest.mark.parametrize("form", ["not m{}", "(m{})", "m{} and ip", "m{}"])
def test_names_that_nest(check: Callable[..., Any], form: str) -> None:
    lines = ["let m0 = tcp", *(f"let m{n} = {form.format(n - 1)}" for n in range(1, 3000)), "drop m2999"]
    assert codes(check("\n".join(lines))) == ["PF0206"]


def test_blocks_and_names_nest_together(check: Callable[..., Any]) -> None:
    names = "\n".join(["let m0 = tcp", *(f"let m{n} = not m{n - 1}" for n in range(1, 60))])
    opened, closed = "if ip {\n" * 150, "}\n" * 150
    assert codes(check(f"{names}\n{opened}drop m59\n{closed}")) == ["PF0206"]
    assert codes(check(f"{names}\n{opened}drop m19\n{closed}")) == []
