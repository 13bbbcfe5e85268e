"""Includes and value files: read once, in order, from the policy's own folder only."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ebpfc.compiler.ast.nodes import IPv4, IPv4Range, IPv6, Mac, Number, NumberRange, Primitive, SetLiteral, Verdict


@pytest.fixture
def read(check: Callable[..., Any], tmp_path: Path) -> Callable[..., Any]:
    """Writes files (the first is the main one) below `tmp_path/policy` and checks the main one."""

    def run(**files: str) -> Any:
        folder = tmp_path / "policy"
        for name, text in files.items():
            place = folder / name.replace("__", "/").replace("_", ".")
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)
        main = folder / next(iter(files)).replace("_", ".")
        return check(main.read_text(), main=main)

    return run


def test_rules_come_in_reading_order(read: Callable[..., Any]) -> None:
    found = read(
        main_pf='drop arp\ninclude "sub/more.pf"\npass',
        sub__more_pf='include "../last.pf"\ndrop ip',
        last_pf="drop udp",
    )
    assert found.errors == ()
    assert [rule.number for rule in found.policy.rules] == [0, 1, 2, 3]
    assert [type(rule.match).__name__ for rule in found.policy.rules] == ["ProtoTest"] * 3 + ["NoneType"]
    assert [rule.match.proto for rule in found.policy.rules[:3]] == ["arp", "udp", "ip"]


def test_a_file_is_read_once(read: Callable[..., Any]) -> None:
    found = read(
        main_pf='include "a.pf"\ninclude "./a.pf"\ninclude "b.pf"', a_pf="drop arp", b_pf='include "a.pf"\ndrop ip'
    )
    assert found.errors == ()
    assert len(found.policy.rules) == 2


def test_a_name_of_an_included_file_is_known_afterwards(read: Callable[..., Any]) -> None:
    assert read(main_pf='include "a.pf"\ndrop port web', a_pf="let web = {80}").errors == ()
    assert read(main_pf='drop port web\ninclude "a.pf"', a_pf="let web = {80}").errors == (("PF0301", "web"),)


def test_a_loop(read: Callable[..., Any]) -> None:
    found = read(main_pf='include "a.pf"\npass', a_pf='include "b.pf"', b_pf='include "a.pf"\ndrop arp')
    assert found.errors == (("PF0310", 'include "a.pf"'),)
    (problem,) = found.diagnostics
    assert [related.text for related in problem.related] == ["which includes"]


def test_a_file_that_includes_itself(read: Callable[..., Any]) -> None:
    assert read(main_pf='include "main.pf"\npass').errors == (("PF0310", 'include "main.pf"'),)


@pytest.mark.parametrize(
    "path", ["../secret.pf", "/etc/hostname", "sub/../../secret.pf", "link.pf", "folder/secret.pf"]
)
def test_no_way_out_of_the_folder(read: Callable[..., Any], tmp_path: Path, path: str) -> None:
    (tmp_path / "secret.pf").write_text("drop arp")
    (tmp_path / "policy").mkdir()
    (tmp_path / "policy" / "link.pf").symlink_to(tmp_path / "secret.pf")
    (tmp_path / "policy" / "folder").symlink_to(tmp_path)
    assert read(main_pf=f'include "{path}"\npass').errors == (("PF0311", f'include "{path}"'),)
    assert read(main_pf=f'let a = file "{path}"\npass').errors == (("PF0311", f'file "{path}"'),)


def test_a_link_within_the_folder_is_the_file_itself(read: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "policy").mkdir()
    (tmp_path / "policy" / "link.pf").symlink_to("a.pf")
    found = read(main_pf='include "link.pf"\ninclude "a.pf"\npass', a_pf="drop arp")
    assert found.errors == ()
    assert len(found.policy.rules) == 2


def test_what_cannot_be_read_is_told_at_the_include(read: Callable[..., Any], tmp_path: Path) -> None:
    assert read(main_pf='include "no.pf"\npass').errors == (("PF0101", 'include "no.pf"'),)
    assert read(main_pf='include "."\npass').errors == (("PF0102", 'include "."'),)
    assert read(main_pf='include "a\\x00b.pf"\npass').errors == (("PF0108", 'include "a\\x00b.pf"'),)


def test_errors_of_an_included_file_point_into_it(read: Callable[..., Any]) -> None:
    found = read(main_pf='include "a.pf"\npass', a_pf="drop port 70000")
    assert found.errors == (("PF0420", "70000"),)
    assert found.diagnostics[0].span.file == 1


def test_includes_nest_so_deep(read: Callable[..., Any]) -> None:
    chain = {f"f{n}_pf": f'include "f{n + 1}.pf"' for n in range(70)}
    found = read(main_pf='include "f0.pf"\npass', **chain, f70_pf="drop arp")
    assert [code for code, _ in found.errors] == ["PF0312"]


# --- value files


def value_of(found: Any) -> Any:
    assert found.errors == ()
    match = found.policy.rules[0].match
    assert isinstance(match, Primitive)
    assert found.policy.rules[0].actions[0] == Verdict("drop")
    return match.value


def test_addresses_of_a_file(read: Callable[..., Any]) -> None:
    text = "# bots\n10.0.0.1  # one\n\n 10.1.0.0/16\t\r\n10.2.0.1-10.2.0.9\n2001:db8::1\n2001:db8:1::/48\n"
    assert value_of(read(main_pf='let bots = file "b.txt"\ndrop src net bots', b_txt=text)) == SetLiteral(
        (
            IPv4(0x0A000001),
            IPv4(0x0A010000, 16),
            IPv4Range(0x0A020001, 0x0A020009),
            IPv6(0x20010DB8 << 96 | 1),
            IPv6(0x20010DB80001 << 80, 48),
        ),
        "bots",
    )


def test_ports_and_macs_of_a_file(read: Callable[..., Any]) -> None:
    ports = read(main_pf='let p = file "p.txt"\ndrop port p', p_txt="80\n0x50\nssh\nftp-data\n20-21\nftp-http\n")
    assert value_of(ports).items == (
        Number(80), Number(80), Number(22), Number(20), NumberRange(20, 21), NumberRange(21, 80),
    )  # fmt: skip
    macs = read(
        main_pf='let m = file "m.txt"\ndrop ether src m', m_txt="0:1:2:3:4:5\naa-bb-cc-dd-ee-ff\n0001.0203.0405\n"
    )
    assert value_of(macs).items == (Mac(0x000102030405), Mac(0xAABBCCDDEEFF), Mac(0x000102030405))


@pytest.mark.parametrize("text", ["", "\n", "# nothing\n"])
def test_a_file_of_nothing_is_an_empty_set(read: Callable[..., Any], text: str) -> None:
    assert value_of(read(main_pf='let b = file "b.txt"\ndrop src net b', b_txt=text)) == SetLiteral((), "b")


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("10.0.0.256", "PF0435"),
        ("10.0.0.01", "PF0435"),
        ("10.0.0.0/33", "PF0404"),
        ("10.0.0.1/8", "PF0405"),
        ("2001:db8::1/64", "PF0405"),
        ("10.0.0.9-10.0.0.1", "PF0407"),
        ("9-1", "PF0407"),
        ("example.com", "PF0406"),
        ("localhost", "PF0435"),
        ("fe80::1%eth0", "PF0435"),
        ("10.0.0.1 10.0.0.2", "PF0435"),
        ('let x = 5', "PF0435"),
        ("٣", "PF0435"),
    ],
)  # fmt: skip
def test_a_line_that_is_no_value(read: Callable[..., Any], line: str, code: str) -> None:
    found = read(main_pf='let b = file "b.txt"\ndrop src net b', b_txt=f"10.0.0.1\n{line}\n")
    assert found.errors == ((code, line),)
    assert found.diagnostics[0].span.file == 1


def test_kinds_are_not_mixed_in_a_file(read: Callable[..., Any]) -> None:
    found = read(main_pf='let b = file "b.txt"\ndrop src net b', b_txt="10.0.0.1\n80\n")
    assert found.errors == (("PF0423", "80"),)


def test_many_bad_lines_are_counted(read: Callable[..., Any]) -> None:
    found = read(main_pf='let b = file "b.txt"\ndrop src net b', b_txt="!\n" * 1000)
    assert len(found.errors) == 21
    assert found.diagnostics[-1].message == "980 more lines of this file are no values"
