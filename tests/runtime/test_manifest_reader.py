"""The reader of manifests trusts nothing: hostile names and numbers harm neither paths nor terminals."""

from __future__ import annotations

import contextlib
import json
import struct
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ebpfc.runtime.elf_note import read_note
from ebpfc.runtime.errors import ControlError
from ebpfc.runtime.manifest import Manifest, manifest_of, read_manifest

Builder = Callable[..., bytes]
Changed = Callable[..., dict[str, Any]]


@pytest.fixture
def good(manifest: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    return manifest(("xdp", "tc ingress"))


def read(tree: object) -> Manifest:
    return read_manifest(json.dumps(tree).encode())


def test_a_good_one(good: dict[str, Any]) -> None:
    manifest = read(good)
    assert manifest.policy == "handmade"
    assert [h.program for h in manifest.hooks] == ["pf_xdp", "pf_tc_ingress"]
    assert [(r.line, r.name, r.text) for r in manifest.rules] == [(7, "ping", "ping: drop icmp"), (8, "", "pass ip")]
    assert [c.rule for c in manifest.counters] == [0, 1, None, 0, 1, None]
    assert (manifest.default("xdp"), manifest.kernel, manifest.looks_at_tags) == ("pass", (5, 10), False)


def test_keys_of_later_versions_are_ignored(good: dict[str, Any]) -> None:
    assert read(good | {"pools": [1], "flags": {"looks_at_tags": True, "new": 1}}).looks_at_tags


def test_another_version_is_refused_by_name(good: dict[str, Any]) -> None:
    with pytest.raises(ControlError, match="version 2; this ebpfctl reads version 1"):
        read(good | {"version": 2})


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/cron.d/x",
        "..",
        ".",
        "a/b",
        "",
        "a" * 33,
        "a.b",
        "a\n",
        "a b",
        "+undo",
        "+new",
        "\x1b[2J",
        "ä",
        None,
        7,
        ["a"],
    ],
)
def test_a_policy_s_name_cannot_leave_its_folder(good: dict[str, Any], name: object) -> None:
    with pytest.raises(ControlError, match=r"manifest\.policy should be"):
        read(good | {"policy": name})


@pytest.mark.parametrize(
    "text", ["\x1b[2J\x1b[H", "a\u2028b", "\u202egnp.exe", "a\rb", "a\0b", "\x9b31m", "\ud800", "a\u200bb"]
)
def test_texts_cannot_move_a_cursor(good: dict[str, Any], text: str) -> None:
    rule = good["rules"][0] | {"file": f"../{text}", "text": text, "name": text, "actions": [text]}
    shown = read(good | {"rules": [rule, good["rules"][1]], "compiler": {"name": text, "version": text}})
    first = shown.rules[0]
    for printed in (first.file, first.text, first.name, *first.actions, shown.compiler):
        assert printed.isprintable()
        printed.encode("utf-8")


def test_only_the_first_line_is_shown(good: dict[str, Any]) -> None:
    rule = good["rules"][0] | {"text": "drop tcp \\\n  dst port 22\nebpfctl: all is well"}
    assert read(good | {"rules": [rule, good["rules"][1]]}).rules[0].text == "drop tcp \\ …"


def test_a_long_text_is_cut(good: dict[str, Any]) -> None:
    rule = good["rules"][0] | {"text": "x" * 100_000}
    assert len(read(good | {"rules": [rule, good["rules"][1]]}).rules[0].text) == 400


@pytest.mark.parametrize(
    "wrong",
    [
        ("version", True),
        ("hooks", []),
        ("hooks", {}),
        ("hooks", 0, "program", "../pf"),
        ("hooks", 0, "program", "a" * 65),
        ("hooks", 0, "section", "x y"),
        ("hooks", 0, "hook", "tc\ningress"),
        ("hooks", 1, "hook", "xdp"),
        ("hooks", [{"hook": f"h{'x' * n}", "program": "p", "section": "s"} for n in range(17)]),
        ("rules", 0, "number", 1),
        ("rules", 0, "line", 0),
        ("rules", 0, "line", 1.5),
        ("rules", 0, "line", True),
        ("rules", 0, "text", None),
        ("rules", 0, "actions", [1]),
        ("rules", 0, "actions", ["x"] * 65),
        ("rules", 0, "rule"),
        ("counters", 0, "rule", 2),
        ("counters", 0, "rule", -1),
        ("counters", 0, "rule", None),
        ("counters", 2, "rule", 1),
        ("counters", 0, "kind", "other"),
        ("counters", 0, "hook", "socket"),
        ("counters", 0, "index", 5),
        ("counters", 0, "direction", "up"),
        ("defaults", {"inbound": "pass"}),
        ("defaults", "inbound", "accept"),
        ("flags", {}),
        ("flags", "looks_at_tags", 0),
        ("kernel", "5"),
        ("kernel", "5.10\n"),
        ("compiler", None),
        ("compiler", "name", 3),
    ],
)
def test_what_does_not_fit_is_refused(good: dict[str, Any], changed: Changed, wrong: tuple[Any, ...]) -> None:
    with pytest.raises(ControlError, match="manifest is damaged"):
        read(changed(good, *wrong))


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 100_000, b'{"version":NaN}', b'{"version":1e999}', b"9" * 5000],
)
def test_what_is_no_manifest_at_all(raw: bytes) -> None:
    with pytest.raises(ControlError, match="manifest"):
        read_manifest(raw)


def test_the_note_of_an_object(handmade: Builder) -> None:
    assert manifest_of(handmade()).policy == "handmade"


@pytest.mark.parametrize("place", [40, 58, 60])  # e_shoff, e_shentsize, e_shnum
@pytest.mark.parametrize("value", [0xFFFF, 0x7FFF, 1])
def test_damaged_section_tables(handmade: Builder, place: int, value: int) -> None:
    data = bytearray(handmade())
    struct.pack_into("<H", data, place, value)
    with pytest.raises(ControlError):
        read_note(bytes(data))


def test_every_cut_of_an_object_is_refused(handmade: Builder) -> None:
    data = handmade()
    for size in range(0, len(data), 7):
        with pytest.raises(ControlError):
            read_note(data[:size])


@settings(deadline=None)
@given(st.data())
def test_any_damage_ends_in_a_sentence(handmade: Builder, data: st.DataObject) -> None:
    mutable = bytearray(handmade())
    for _ in range(data.draw(st.integers(1, 8))):
        mutable[data.draw(st.integers(0, len(mutable) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(ControlError):
        assert manifest_of(bytes(mutable)).policy
