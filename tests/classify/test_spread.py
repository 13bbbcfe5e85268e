"""What a cut leaves at each child."""

from __future__ import annotations

import numpy as np

from ebpfc.compiler.classify.entries import Entries, Field, build_columns
from ebpfc.compiler.classify.level import Cuts, root_level
from ebpfc.compiler.classify.spread import spread

PORT = Field(0, 0, 16, False)
HOST = Field(0, 16, 32, False)
FACTS = Field(1, 0, 4, True)


def lists(fields: tuple[Field, ...], rows: list[list[tuple[int, int]]], shift: int, width: int) -> list[list[int]]:
    """The entries of each slot when bits of the first field are cut."""
    table = np.array(rows, np.uint64)
    numbers = np.arange(len(rows), dtype=np.uint32)
    columns = build_columns(Entries(fields, numbers, table[:, :, 0], table[:, :, 1]))
    cut = Cuts(np.array([0]), np.array([shift]), np.array([width]))
    children = spread(columns, root_level(columns, np.arange(len(rows))), cut)
    runs = np.split(children.level.entry, children.level.start[1:-1])
    return [runs[node].tolist() for node in children.slot]


def test_a_range_is_where_its_numbers_are() -> None:
    assert lists((PORT,), [[(8, 8)], [(5, 9)]], 2, 2) == [[], [1], [0, 1], []]
    assert lists((PORT,), [[(5, 9)]], 2, 14)[:4] == [[], [0], [0], []]


def test_a_range_goes_around_the_end_of_a_window() -> None:
    assert lists((PORT,), [[(15, 17)]], 0, 4) == [[0], [0], *([[]] * 13), [0]]


def test_a_mask_is_where_its_open_bits_say() -> None:
    assert lists((FACTS,), [[(0b1000, 0b1010)]], 0, 4) == [[0] if n & 0b1010 == 0b1000 else [] for n in range(16)]


def test_nothing_stands_behind_what_surely_matches() -> None:
    assert lists((PORT,), [[(0, 1023)], [(0, 65535)], [(80, 80)]], 10, 6)[:2] == [[0], [1]]


def test_nothing_stands_behind_what_matches_more() -> None:
    """Not everything that arrives, but everything that the later one does."""
    host, everyone = (7, 7), (0, 0xFFFFFFFF)
    rows = [[(1024, 2047), host], [(0, 65535), host], [(0, 65535), everyone]]
    assert lists((PORT, HOST), rows, 10, 6)[:3] == [[1, 2], [0, 2], [1, 2]]


def test_children_that_are_one_keep_what_either_needs() -> None:
    """Ports 2048..4095 are all in the range, 4096..5119 are not: all have the same entries, so far."""
    rows = [[(2048, 5000), (0, 15)], [(0, 65535), (7, 7)]]
    assert lists((PORT, HOST), rows, 10, 6)[2:6] == [[0, 1], [0, 1], [0, 1], [1]]
    rows = [[(3000, 5119), (0, 15)], [(0, 65535), (7, 7)]]
    assert lists((PORT, HOST), rows, 10, 6)[1:6] == [[1], [0, 1], [0, 1], [0, 1], [1]]
