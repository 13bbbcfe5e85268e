"""The grammar itself: strict, its keywords, its layout, its cache, what it costs to import."""

from __future__ import annotations

import marshal
import subprocess
import sys
from pathlib import Path

import lark
import pytest

from ebpfc import grammar
from ebpfc.cache_folder import read_cached, write_cached
from ebpfc.grammar import RESERVED_WORDS, LayoutError, blank_line_ends, parse_expression_tree, parse_tree
from ebpfc.grammar.cache import build_parser, load_parser

WORDS = """
add ah and arp assert balance broadcast burst by bytes carp connections count decap default delete drop dst else encap
esp ether file first flags for fragment from full geneve gre greater gtp hook host icmp icmp6 if ifindex igmp in inbound
include ip ip6 ipip key last len length less let limit link log malformed mark mask mpls multicast net not or outbound
outer over pass payload per pim pool pop port portrange pppoed pppoes proto protochain push rarp redirect reject sample
sctp set size src starts state stp table tcp then timeout to track tx udp vlan vrrp vxlan within
"""


def test_the_grammar_is_strictly_lalr1() -> None:
    assert build_parser(strict=True).parse("drop tcp\n", start="start")


def test_the_reserved_words_are_these() -> None:
    assert sorted(RESERVED_WORDS) == WORDS.split()


@pytest.mark.parametrize("word", WORDS.split())
def test_a_keyword_is_no_name(word: str) -> None:
    with pytest.raises(lark.UnexpectedToken):
        parse_tree(f"let {word} = 5\n")


@pytest.mark.parametrize("name", ["Drop", "tcp_", "_", "http", "xdp", "established", "x1", "full_", "aB9"])
def test_other_words_are_names(name: str) -> None:
    assert parse_tree(f"let {name} = 5\n")


def test_twelve_hex_digits_are_a_mac_address_and_no_name() -> None:
    with pytest.raises(lark.UnexpectedToken):
        parse_tree("let deadbeefcafe = 5\n")
    assert parse_tree("let deadbeefcaf = 5\n")


@pytest.mark.parametrize(
    ("text", "laid_out"),
    [
        ("a\nb", "a\nb"),
        ("a # b\nc", "a    \nc"),
        ("(a\nb)\nc", "(a b)\nc"),
        ("a and\n\n # x\n b\nc", "a and         b\nc"),
        ("a \\\nb\n", "a   b\n"),
        ('"#" # "\n', '"#"    \n'),
        ("a\r\nb", "a \nb"),
        ("if a {\nb\n}\n", "if a {\nb\n}\n"),
        ("if a {  # c\nb\n}\n", "if a {     \nb\n}\n"),
        ("x {\nb\n}\n", "x { b }\n"),
        ("if a in {b,\nc} {\n}\n", "if a in {b, c} {\n}\n"),
        ("if a {\n} else {\n}", "if a {\n} else {\n}"),
        ("ifa {\n}", "ifa { }"),
    ],
)
def test_layout_leaves_only_the_line_ends_that_end_a_statement(text: str, laid_out: str) -> None:
    # Runs of line ends are one; what matters is that every other character stays where it was.
    assert len(blank_line_ends(text)) == len(text)
    assert blank_line_ends(text).replace(" \n", "\n").split() == laid_out.split()
    assert blank_line_ends(text).count("\n") == laid_out.count("\n")


@pytest.mark.parametrize(
    ("text", "kind", "offset", "opener"),
    [
        ("a (b", "unclosed", 2, None),
        ("a ([b]", "unclosed", 2, None),
        ("a) b", "unopened", 1, None),
        ("a (b] c", "mismatch", 4, 2),
        ("if a {\n(b\n}\n", "mismatch", 10, 7),
        ("(" * 201, "deep", 200, None),
    ],
)
def test_brackets_that_do_not_match_are_found(text: str, kind: str, offset: int, opener: int | None) -> None:
    with pytest.raises(LayoutError) as caught:
        blank_line_ends(text)
    assert (caught.value.kind, caught.value.offset, caught.value.opener) == (kind, offset, opener)


def test_an_expression_may_hold_line_ends() -> None:
    assert parse_expression_tree("tcp\nand\nudp") == parse_expression_tree("tcp and udp")
    assert parse_expression_tree("tcp\n or udp\n") == parse_expression_tree("tcp or udp")


# ---------------------------------------------------------------------------------------------------------------- cache


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "ebpfc"


TEXT = 'if tcp {\ndrop port {80, 443} then count "x"\n}\n'


@pytest.fixture(scope="module")
def tree() -> lark.Tree[lark.Token]:
    return build_parser(strict=False).parse(TEXT, start="start")


def test_the_cached_parser_is_the_built_one(
    tree: lark.Tree[lark.Token], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert load_parser().parse(TEXT, start="start") == tree
    (file,) = cache.iterdir()
    assert file.stat().st_mode & 0o077 == 0
    monkeypatch.setattr("ebpfc.grammar.cache.build_parser", lambda **_: pytest.fail("the cache was not used"))
    cached = load_parser()
    monkeypatch.undo()
    assert cached.parse(TEXT, start="start") == tree


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"\xff\x00", *map(marshal.dumps, ([], {"data": 1, "memo": {}}, {"data": {}, "memo": {0: 1}}))],
)
def test_a_broken_cache_is_built_anew(tree: lark.Tree[lark.Token], cache: Path, content: bytes) -> None:
    load_parser()
    (file,) = cache.iterdir()
    write_cached(file.name, content)
    assert load_parser().parse(TEXT, start="start") == tree
    assert set(marshal.loads(read_cached(file.name) or b"")) == {"data", "memo"}


def test_a_cache_cut_short_is_built_anew(tree: lark.Tree[lark.Token], cache: Path) -> None:
    load_parser()
    (file,) = cache.iterdir()
    file.write_bytes(file.read_bytes()[:-1000])
    assert load_parser().parse(TEXT, start="start") == tree


def test_a_cache_that_others_can_write_is_not_used(tree: lark.Tree[lark.Token], cache: Path) -> None:
    cache.mkdir(mode=0o700)
    cache.chmod(0o777)
    assert load_parser().parse(TEXT, start="start") == tree
    assert list(cache.iterdir()) == []


def test_no_place_for_a_cache_is_no_error(
    tree: lark.Tree[lark.Token], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert load_parser().parse(TEXT, start="start") == tree


def test_a_link_in_place_of_the_folder_is_not_followed(
    tree: lark.Tree[lark.Token], cache: Path, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir()
    cache.symlink_to(tmp_path / "elsewhere")
    assert load_parser().parse(TEXT, start="start") == tree
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_lark_is_not_imported_before_something_is_parsed() -> None:
    rooms = "ebpfc.grammar, ebpfc.compiler.ast.build, ebpfc.compiler.diagnostics.render"
    code = f"import sys, {rooms}; print('lark' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_parsing_leaves_garbage_collection_as_it_was() -> None:
    import gc

    assert gc.isenabled()
    grammar.parse_tree("pass\n")
    with pytest.raises(lark.UnexpectedToken):
        grammar.parse_tree("pass pass\n")
    assert gc.isenabled()
    gc.disable()
    try:
        grammar.parse_tree("pass\n")
        assert not gc.isenabled()
    finally:
        gc.enable()
