"""Large sets: every range's ends and neighbours, in the tables as they are built and as the kernel searches them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from ipaddress import IPv4Address, IPv6Address
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ebpfc.compiler.codegen.cut import RANGES_AT_MOST, TABLE_BYTES, Cut, build_cut
from ebpfc.compiler.codegen.table import Buckets, build_buckets
from ebpfc.compiler.ir.ranges import Ranges, normal
from ebpfc.testing.agreement import build_traced
from ebpfc.testing.kernel import KernelPolicy
from ebpfc.testing.packets import ether, ip4, ip6, tag, tcp

SIZES = (9, 10, 40, 300, 3000)


# --------------------------------------------------------------------------------------------------------- sets to try


def hosts(rng: Random, size: int, bits: int) -> Ranges:
    """Single numbers, anywhere."""
    return _grown(size, lambda: _one(rng.getrandbits(bits)))


def clustered(rng: Random, size: int, bits: int) -> Ranges:
    """Short ranges in a few corners of the space: most bits tell nothing."""
    tops = [rng.getrandbits(bits - 16) << 16 for _ in range(3)]
    return _grown(size, lambda: _from(rng.choice(tops) | rng.getrandbits(15), rng.randrange(4)))


def prefixes(rng: Random, size: int, bits: int) -> Ranges:
    """Nets of many lengths, some within others."""
    return _grown(size, lambda: _net(rng.getrandbits(bits), rng.randrange(bits - min(16, size.bit_length() + 3))))


def neighbours(rng: Random, size: int, bits: int) -> Ranges:
    """Ranges with one number between them; over the middle of an IPv6 address, too."""
    low = (1 << bits // 2) - 3 * size
    return tuple((low + 4 * i, low + 4 * i + rng.randrange(3)) for i in range(size))


def ends(rng: Random, size: int, bits: int) -> Ranges:
    """The first and the last number of all, and a range over more than half of them."""
    top = (1 << bits) - 1
    corners = [(0, 0), (top, top), (1 << bits - 2, (1 << bits - 1) + 5)]
    return normal([*corners, *hosts(rng, size - 3, bits)])


def wide_nets(rng: Random, size: int, bits: int) -> Ranges:
    """Only the upper half of the number counts."""
    return _grown(size, lambda: _net(rng.getrandbits(bits), bits // 2 + rng.randrange(3)))


def heads(rng: Random, size: int, bits: int) -> Ranges:
    """The first numbers of nets: the lower half of a range's end counts, that of its start does not."""
    return tuple((low, low + rng.getrandbits(bits // 2 - 1)) for low, _ in wide_nets(rng, size, bits))


def tails(rng: Random, size: int, bits: int) -> Ranges:
    """The last numbers of nets."""
    return tuple((high - rng.getrandbits(bits // 2 - 1), high) for _, high in wide_nets(rng, size, bits))


SETS = (hosts, clustered, prefixes, neighbours, ends, wide_nets, heads, tails)


def _one(number: int) -> tuple[int, int]:
    return number, number


def _from(low: int, more: int) -> tuple[int, int]:
    return low, low + more


def _net(number: int, free: int) -> tuple[int, int]:
    low = number >> free << free
    return low, low + (1 << free) - 1


def _grown(size: int, draw: Callable[[], tuple[int, int]]) -> Ranges:
    """About `size` ranges; fewer when nets swallow each other."""
    found: Ranges = ()
    for _ in range(8):
        found = normal([*found, *(draw() for _ in range(size - len(found)))])
    return found


def probes(ranges: Ranges, bits: int, rng: Random) -> list[int]:
    """Both ends of every range, what lies beside them, and numbers from anywhere."""
    near = {n for low, high in ranges for n in (low - 1, low, high, high + 1)}
    anywhere = (rng.getrandbits(bits) for _ in range(300))
    return sorted(n for n in {*near, *anywhere, 0, (1 << bits) - 1} if 0 <= n < 1 << bits)


def holds(ranges: Ranges, number: int) -> bool:
    at = bisect_right(ranges, (number, 1 << 128)) - 1
    return at >= 0 and number <= ranges[at][1]


# ------------------------------------------------------------------------------------------------ the tables, in Python


def in_cut(cut: Cut, number: int, bits: int) -> bool:
    word = number >> 64 if bits == 128 and cut.word == 0 else number & (1 << 64) - 1
    bucket = cut.buckets[word >> cut.shift & len(cut.buckets) - 1]
    return any(low <= number <= high for low, high in bucket)


def in_buckets(table: Buckets, ranges: Ranges, number: int, bits: int) -> bool:
    at = (number >> 64 if bits == 128 else number) - table.base
    if not 0 <= at <= table.span:
        return False
    first = table.first[at >> table.shift]
    return any(low <= number <= high for low, high in ranges[first : first + table.window])


def check_tables(ranges: Ranges, bits: int, numbers: list[int]) -> None:
    cut, table = build_cut(ranges, bits), build_buckets(ranges, bits)
    for number in numbers:
        expected = holds(ranges, number)
        assert in_buckets(table, ranges, number, bits) == expected, hex(number)
        assert cut is None or in_cut(cut, number, bits) == expected, hex(number)
    if cut is not None:
        assert {len(bucket) for bucket in cut.buckets} == {cut.length}
        assert cut.length <= RANGES_AT_MOST
        assert len(cut.buckets) * cut.length * 2 * bits // 8 <= TABLE_BYTES


@pytest.mark.parametrize("bits", [32, 64, 128])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", SETS)
def test_both_tables_hold_the_set(kind: Callable[[Random, int, int], Ranges], size: int, bits: int) -> None:
    rng = Random(size)
    ranges = kind(rng, size, 48 if bits == 64 else bits)
    check_tables(ranges, bits, probes(ranges, bits, rng))


@settings(max_examples=150, deadline=None)
@given(data=st.data(), bits=st.sampled_from([32, 64, 128]), field=st.sampled_from([5, 12, 16, 32, 48, 128]))
def test_both_tables_hold_any_set(data: st.DataObject, bits: int, field: int) -> None:
    number = st.integers(0, (1 << min(bits, field)) - 1)
    ranges = normal(tuple(sorted(p)) for p in data.draw(st.lists(st.tuples(number, number), min_size=1, max_size=40)))
    check_tables(ranges, bits, probes(ranges, bits, Random(0)))


def test_a_usual_set_gets_short_buckets() -> None:
    """A hundred nets: at most two ranges to compare, in a table that stays in the cache."""
    for bits in (32, 128):
        cut = build_cut(prefixes_apart(100, bits), bits)
        assert cut is not None
        assert cut.length <= 2
        assert len(cut.buckets) <= 512


def prefixes_apart(size: int, bits: int) -> Ranges:
    rng = Random(7)
    return _grown(size, lambda: _net(rng.getrandbits(bits), rng.choice((0, 4, 8)) * bits // 32))


# ----------------------------------------------------------------------------------------------------- in the kernel


def written(ranges: Ranges, spell: Callable[[int], str]) -> str:
    return "{" + ", ".join(spell(low) if low == high else f"{spell(low)}-{spell(high)}" for low, high in ranges) + "}"


def check_in_kernel(text: str, cases: Iterator[tuple[bytes, int | None]]) -> str:
    """Frames, each with the rule that must drop it, None: it passes. Gives the policy's C back."""
    compiled, built = build_traced(text)
    frames, rules = zip(*cases, strict=True)
    with KernelPolicy(built) as kernel:
        answers = kernel.judge_all("xdp", list(frames))
    for frame, rule, answer in zip(frames, rules, answers, strict=True):
        assert answer == ("pass" if rule is None else "drop", rule), frame.hex()
    return compiled.c_text


def check_forms(c_text: str, size: int) -> None:
    """What ran are the forms that the sizes are there for: one load, a window, a window that is halved."""
    if size <= 40:
        assert "_first[" not in c_text
    if size == 3000:
        assert "_first[" in c_text
        assert "i += 64 & from_here" in c_text


@pytest.mark.kernel
@pytest.mark.parametrize("size", SIZES)
def test_ipv4_sets_in_the_kernel(size: int) -> None:
    """All kinds of set in one policy; the time to live chooses the rule."""
    rng = Random(size)
    sets = [kind(rng, size, 32) for kind in SETS]
    rules = [f"drop ip.ttl == {i} and ip.saddr in {written(s, _v4)}" for i, s in enumerate(sets)]

    def cases() -> Iterator[tuple[bytes, int | None]]:
        frame = bytearray(ether(ip4(tcp())))
        for ttl, ranges in enumerate(sets):
            frame[22] = ttl
            for number in probes(ranges, 32, rng):
                frame[26:30] = number.to_bytes(4, "big")
                yield bytes(frame), ttl if holds(ranges, number) else None

    text = check_in_kernel("\n".join(["hook xdp", "default pass", *rules]) + "\n", cases())
    check_forms(text, size)


@pytest.mark.kernel
@pytest.mark.parametrize("size", SIZES)
def test_ipv6_sets_in_the_kernel(size: int) -> None:
    rng = Random(size)
    sets = [kind(rng, size, 128) for kind in SETS]
    rules = [f"drop ip6.hoplimit == {i} and ip6.daddr in {written(s, _v6)}" for i, s in enumerate(sets)]

    def cases() -> Iterator[tuple[bytes, int | None]]:
        frame = bytearray(ether(ip6(tcp())))
        for limit, ranges in enumerate(sets):
            frame[21] = limit
            for number in probes(ranges, 128, rng):
                frame[38:54] = number.to_bytes(16, "big")
                yield bytes(frame), limit if holds(ranges, number) else None

    text = check_in_kernel("\n".join(["hook xdp", "default pass", *rules]) + "\n", cases())
    check_forms(text, size)


@pytest.mark.kernel
@pytest.mark.parametrize("size", SIZES)
def test_every_port_of_a_set_of_ports_in_the_kernel(size: int) -> None:
    rng = Random(size)
    ranges = normal([(0, 0), (65535, 65535), *_grown(size - 2, lambda: _from(rng.randrange(65500), rng.randrange(9)))])

    def cases() -> Iterator[tuple[bytes, int | None]]:
        frame = bytearray(ether(ip4(tcp())))
        for port in range(1 << 16):
            frame[36:38] = port.to_bytes(2, "big")
            yield bytes(frame), 0 if holds(ranges, port) else None

    check_in_kernel(f"hook xdp\ndefault pass\ndrop tcp.dport in {written(ranges, str)}\n", cases())


@pytest.mark.kernel
@pytest.mark.parametrize("size", [9, 40, 300])
def test_every_vlan_of_a_set_of_vlans_in_the_kernel(size: int) -> None:
    rng = Random(size)
    ranges = normal([(0, 0), (4095, 4095), *_grown(size - 2, lambda: _one(rng.randrange(4096)))])
    cases = ((ether(tag(ip4(tcp()), vid=vid)), 0 if holds(ranges, vid) else None) for vid in range(4096))
    check_in_kernel(f"hook xdp\ndefault pass\ndrop vlan.id in {written(ranges, str)}\n", cases)


@pytest.mark.kernel
@pytest.mark.parametrize("size", [9, 40, 300, 3000])
def test_a_set_of_mac_addresses_in_the_kernel(size: int) -> None:
    """Addresses in a row among them: they make a range."""
    rng = Random(size)
    top = (1 << 48) - 1
    ranges = normal([(0, 1), (top, top), *_grown(size - 2, lambda: _from(rng.getrandbits(40), rng.randrange(3)))])
    addresses = ", ".join(_mac(n) for low, high in ranges for n in range(low, high + 1))
    cases = (
        (ether(ip4(tcp()), src=number), 0 if holds(ranges, number) else None) for number in probes(ranges, 48, rng)
    )
    check_in_kernel(f"hook xdp\ndefault pass\ndrop ether.saddr in {{{addresses}}}\n", cases)


def _v4(number: int) -> str:
    return str(IPv4Address(number))


def _v6(number: int) -> str:
    return str(IPv6Address(number))


def _mac(number: int) -> str:
    return number.to_bytes(6, "big").hex(":")
