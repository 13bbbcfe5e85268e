"""Three-valued logic. In: truths, each True, False or None (unknown). Out: their conjunction, disjunction, negation.

Kleene's strong logic: an operand that decides alone decides, whatever the unknown ones would have been.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

Truth: TypeAlias = bool | None
"""True, False, or None for unknown."""


def kleene_not(truth: Truth) -> Truth:
    """The negation of unknown is unknown."""
    return None if truth is None else not truth


def kleene_and(truths: Iterable[Truth]) -> Truth:
    """False if one is False, else unknown if one is, else True (of none too)."""
    result: Truth = True
    for truth in truths:
        if truth is False:
            return False
        if truth is None:
            result = None
    return result


def kleene_or(truths: Iterable[Truth]) -> Truth:
    """True if one is True, else unknown if one is, else False (of none too)."""
    result: Truth = False
    for truth in truths:
        if truth is True:
            return True
        if truth is None:
            result = None
    return result
