"""The sections of a manifest about tables, limiters and events: optional, and trusted no more than the rest."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ebpfc.runtime.checked_json import JsonTable
from ebpfc.runtime.errors import ControlError
from ebpfc.runtime.installed import Installed, State
from ebpfc.runtime.kept_maps import kept_maps
from ebpfc.runtime.manifest import Manifest, read_manifest
from ebpfc.runtime.manifest_state import StatePart, read_state_part

Changed = Callable[..., dict[str, Any]]
ADDRESS = {"field": "src", "kind": "address", "words": 5}


@pytest.fixture
def good(manifest: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    return manifest()


def read(tree: dict[str, Any]) -> Manifest:
    return read_manifest(json.dumps(tree).encode())


def test_a_good_one(good: dict[str, Any]) -> None:
    state = read(good).state
    assert [(t.name, t.map, t.net, t.timeout, t.words) for t in state.tables] == [
        ("banned", "t_banned", False, 600 * 10**9, 5),
        ("feeds", "t_feeds", True, None, 5),
        ("pairs", "t_pairs", False, None, 6),
    ]
    assert [part.bits for part in state.tables[2].key] == [32, 16]
    assert (state.limits[0].name, state.limits[0].rule, state.events) == ("", 1, "pf_events")
    assert state.counters[6] == "lost"


@pytest.mark.parametrize("value", [None, "leave out"])
def test_each_section_may_be_missing(good: dict[str, Any], value: str | None) -> None:
    for key in ("tables", "limits", "events", "state_counters"):
        tree = {k: v for k, v in good.items() if k not in ("tables", "limits", "events", "state_counters")}
        assert read(tree if value else tree | {key: None}).state == StatePart()


@pytest.mark.parametrize(
    "wrong",
    [
        ("tables", {}),
        ("tables", 0, []),
        ("tables", 0, "name", "../x"),
        ("tables", 0, "name", "a b"),
        ("tables", 0, "name", "feeds"),
        ("tables", 0, "name", "x" * 65),
        ("tables", 0, "map", "../../x"),
        ("tables", 0, "map", "t.banned"),
        ("tables", 0, "map", "t" * 16),
        ("tables", 0, "map", None),
        ("tables", 0, "key", []),
        ("tables", 0, "key", [ADDRESS] * 17),
        ("tables", 0, "key", 0, "kind", "cidr"),
        ("tables", 0, "key", 0, "words", 4),
        ("tables", 0, "key", 0, "field", 7),
        ("tables", 2, "net", True),
        ("tables", 0, "net", 1),
        ("tables", 0, "timeout", -1),
        ("tables", 0, "timeout", 1 << 63),
        ("tables", 0, "timeout", 1.5),
        ("tables", 0, "size", 0),
        ("tables", 0, "size", 1 << 25),
        ("tables", 0, "evict", None),
        ("limits", 0, "rule", 2),
        ("limits", 0, "rule", None),
        ("limits", 0, "text", None),
        ("limits", 0, "map", "/"),
        ("limits", 0, "size", True),
        ("events", []),
        ("events", "map", "a/b"),
        ("events", "logs", None),
        ("events", "logs", 0, "rule", 2),
        ("events", "logs", 0, "bytes", 513),
        ("events", "logs", 0, "text", 1),
        ("state_counters", "map", ""),
        ("state_counters", "names", "lost"),
        ("state_counters", "names", 0, "table other added"),
        ("state_counters", "names", 0, "limiter 1 over"),
        ("state_counters", "names", 0, "limiter 00 over"),
        ("state_counters", "names", 0, "table banned within"),
        ("state_counters", "names", 0, "lost"),
        ("state_counters", "names", 0, ["lost"]),
        ("state_counters", "names", 0, None),
    ],
)
def test_what_does_not_fit_is_refused(good: dict[str, Any], changed: Changed, wrong: tuple[Any, ...]) -> None:
    with pytest.raises(ControlError, match="manifest is damaged"):
        read(changed(good, *wrong))


def test_logs_of_a_policy_without_rules(good: dict[str, Any]) -> None:
    with pytest.raises(ControlError, match=r"logs\[0\]\.rule should be"):
        read_state_part(JsonTable({"events": good["events"]}, "manifest"), 0)


@pytest.mark.parametrize("text", ["\x1b[2J", "a\u202eb", "a\rb", "a\nb"])
def test_texts_cannot_move_a_cursor(good: dict[str, Any], text: str) -> None:
    good["limits"][0] |= {"text": text, "name": text}
    good["events"]["logs"][0]["text"] = text
    good["tables"][0]["key"][0] = ADDRESS | {"field": text}
    state = read(good).state
    limit = state.limits[0]
    for shown in (limit.text, limit.name, state.logs[0].text, state.tables[0].key[0].field):
        assert shown.isprintable()


class Pinned(Installed):
    """An installed policy whose manifest is at hand."""

    def manifest(self) -> Manifest:
        return _manifests[self.policy]


_manifests: dict[str, Manifest] = {}


def kept(old: dict[str, Any], new: dict[str, Any]) -> dict[str, str]:
    """The pins that the new policy's maps take over, by their names."""
    _manifests["state"] = read(old)
    found = kept_maps((Pinned("state", Path("/pins"), State()),), read(new))
    return {name: path.name.removeprefix("map_") for name, path in found.paths.items()}


@pytest.fixture
def renamed(good: dict[str, Any], changed: Changed) -> dict[str, Any]:
    """The table `banned` under another name."""
    names = ["table other added", "table other refused", *good["state_counters"]["names"][2:]]
    return changed(changed(good, "tables", 0, "name", "other"), "state_counters", "names", names)


def test_all_is_kept_of_the_same(good: dict[str, Any]) -> None:
    names = ("pf_counters", "t_banned", "t_feeds", "t_pairs", "l_1", "pf_state", "pf_events")
    assert kept(good, good) == {name: name for name in names}


def test_a_table_is_known_by_its_name_not_by_its_map(
    good: dict[str, Any], changed: Changed, renamed: dict[str, Any]
) -> None:
    new = changed(good, "tables", 0, "map", "t_banned1")
    assert kept(good, new)["t_banned1"] == "t_banned"
    assert "t_banned" not in kept(good, renamed)
    assert "t_pairs" not in kept(good, changed(good, "tables", 2, "key", 0, "field", "dst"))


def test_a_limiter_is_known_by_its_rule_s_words(good: dict[str, Any], changed: Changed) -> None:
    assert "l_1" not in kept(good, changed(good, "rules", 1, "text", "drop udp over 11/s per src"))
    twice = changed(good, "limits", [good["limits"][0], good["limits"][0] | {"map": "l_2"}])
    assert (kept(twice, twice)["l_1"], kept(twice, twice)["l_2"]) == ("l_1", "l_2")
    named = changed(good, "limits", 0, "name", "web")
    assert kept(named, changed(named, "rules", 1, "text", "other"))["l_1"] == "l_1"


def test_numbers_that_would_mean_another_thing_are_not_kept(
    good: dict[str, Any], changed: Changed, renamed: dict[str, Any]
) -> None:
    other = changed(good, "rules", 0, "text", "drop icmp")
    assert not {"pf_counters", "pf_events"} & kept(good, other).keys()
    assert "pf_state" not in kept(good, renamed)
    assert "pf_state" not in kept(good, changed(good, "rules", 1, "text", "drop udp over 11/s per src"))
    assert "pf_state" in kept(good, other)


def test_nothing_is_kept_of_another_policy(good: dict[str, Any]) -> None:
    assert kept(good, good | {"policy": "other"}) == {}
