"""Kleene's tables, written out, and the laws that the compiler's passes lean on."""

from __future__ import annotations

from itertools import product

import pytest

from ebpfc.testing.semantics.kleene import Truth, kleene_and, kleene_not, kleene_or

TRUTHS: tuple[Truth, ...] = (True, False, None)


@pytest.mark.parametrize(
    ("left", "right", "both", "either"),
    [
        (True, True, True, True),
        (True, False, False, True),
        (True, None, None, True),
        (False, False, False, False),
        (False, None, False, None),
        (None, None, None, None),
    ],
)
def test_tables(left: Truth, right: Truth, both: Truth, either: Truth) -> None:
    for pair in ((left, right), (right, left)):
        assert kleene_and(pair) is both
        assert kleene_or(pair) is either


def test_the_negation_of_unknown_is_unknown() -> None:
    assert [kleene_not(truth) for truth in TRUTHS] == [False, True, None]


def test_de_morgan() -> None:
    for three in product(TRUTHS, repeat=3):
        assert kleene_not(kleene_and(three)) is kleene_or(kleene_not(truth) for truth in three)


def test_of_nothing() -> None:
    assert kleene_and(()) is True
    assert kleene_or(()) is False
