"""Bad input given to the real command: exit code 1, its own message, the place underlined, what to write, no object.

Each row says what it expects of the drawing that a user sees; codes and spans of many more texts are in tests/sema.
"""

from __future__ import annotations

import os
import re
import resource
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from ebpfc.cli.main import main

ROOT = Path(__file__).parents[2]
PATIENCE = 5.0  # seconds of computing: nothing may hang, and a busy machine is no reason to fail


@dataclass(frozen=True)
class Shown:
    """The first error as it is drawn: `place` is line:column, `underlined` the characters over the carets."""

    code: str
    message: str
    place: str | None
    underlined: str | None
    helps: tuple[str, ...]


def refused(folder: Path, name: str = "rules.pf") -> Shown:
    """Gives the file to `ebpfc NAME -o out.o`, and reads what it says of it."""
    before = seconds_of_children()
    done = subprocess.run(
        [sys.executable, "-m", "ebpfc", name, "-o", "out.o", "--emit-c", "out.c"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src"), "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        stdin=subprocess.DEVNULL,
    )
    assert seconds_of_children() - before < PATIENCE
    assert done.returncode == 1, (done.returncode, done.stderr[-2000:])
    assert "Traceback" not in done.stderr and done.stdout == ""
    assert not (folder / "out.o").exists() and not (folder / "out.c").exists()
    return first_error(done.stderr)


def seconds_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def first_error(printed: str) -> Shown:
    head = re.search(r"^error\[(PF\d{4})\]: (.*)$", printed, re.MULTILINE)
    assert head is not None, printed
    drawn = re.split(r"^(?:error|warning|note)", printed[head.end() :], maxsplit=1, flags=re.MULTILINE)[0]
    place = re.search(r"^ *--> [^\n]*?:(\d+:\d+)$", drawn, re.MULTILINE)
    carets = re.search(r"^ *\d+ \| (?P<line>.*)\n *\| (?P<before> *)(?P<carets>\^+)", drawn, re.MULTILINE)
    underlined = None
    if carets is not None:
        start = len(carets["before"])
        underlined = carets["line"][start : start + len(carets["carets"])]
    helps = tuple(re.findall(r"^ *= help: (.*)$", drawn, re.MULTILINE))
    return Shown(head[1], head[2], place[1] if place else None, underlined, helps)


# what is wrong, the text, code, words of the message, the place, what is underlined, what to write
TEXTS = {
    "a name used before it is defined": (
        "drop src net mgmt\nlet mgmt = {10.0.0.0/8}\n",
        "PF0301", "`mgmt` is used before it is defined", "1:14", "mgmt", "move `let mgmt = ...` above this line",
    ),
    "a port of 70000": (
        "pass arp\ndrop tcp dst port 70000\n",
        "PF0420", "70000 is no port", "2:19", "70000", "write a number from 0 to 65535",
    ),
    "a prefix of /33": (
        "drop src net 10.0.0.0/33\n",
        "PF0404", "/33 is no prefix length of an IPv4 net", "1:14", "10.0.0.0/33", "write a length from /0 to /32",
    ),
    "a prefix of /129": (
        "drop src net fd00::/129\n",
        "PF0404", "/129 is no prefix length of an IPv6 net", "1:14", "fd00::/129", "write a length from /0 to /128",
    ),
    "a host bit set in a net": (
        "drop net 10.0.0.1/8\n",
        "PF0405", "has bits set beyond its prefix length", "1:10", "10.0.0.1/8",
        "write `10.0.0.0/8` for the net, or `host 10.0.0.1` for the one address",
    ),
    "a host bit set in a net of IPv6": (
        "drop net fd00::1/8\n",
        "PF0405", "has bits set beyond its prefix length", "1:10", "fd00::1/8", "write `fd00::/8` for the net",
    ),
    "and mixed up with or": (
        "drop tcp or udp and port 53\n",
        "PF0207", "`and` to the right of `or`", "1:13", "udp and port 53", "write `tcp or (udp and port 53)`",
    ),
    "a set with both families where one is meant": (
        "drop ip src net {10.0.0.0/8, fd00::/8}\n",
        "PF0424", "an IPv6 address where only IPv4 can stand", "1:30", "fd00::/8", "without a family before it",
    ),
    "a named set with both families where one is meant": (
        "let both = {10.0.0.0/8, fd00::/8}\ndrop ip6 src net both\n",
        "PF0424", "an IPv4 address where only IPv6 can stand", "2:18", "both", "without a family before it",
    ),
    "a file that includes itself": (
        'drop arp\ninclude "rules.pf"\n',
        "PF0310", "`rules.pf` includes itself", "2:1", 'include "rules.pf"', "remove this include",
    ),
    "an include that climbs out of the folder": (
        'include "../secret.pf"\n',
        "PF0311", "a policy reads only what lies in the folder of its main file", "1:1", 'include "../secret.pf"',
        "move the file beside the policy",
    ),
    "a value file outside the folder": (
        'let a = file "/etc/passwd"\ndrop src net a\n',
        "PF0311", "a policy reads only what lies in the folder of its main file", "1:9", 'file "/etc/passwd"',
        "move the file beside the policy",
    ),
    "a keyword as a name": (
        "let drop = {1}\n",
        "PF0210", "`drop` is a word of the language and cannot be a name", "1:5", "drop",
        "choose another name: `drop_`",
    ),
    "a keyword as a rule's name": (
        "tcp: drop udp\n",
        "PF0210", "`tcp` is a word of the language and cannot be a name", "1:1", "tcp", "choose another name: `tcp_`",
    ),
    "a service as a name": (
        "let http = {80}\n",
        "PF0304", "`http` is a service, and cannot be a name", "1:5", "http", "choose another: `my_http`",
    ),
    "accept before a match": (
        "accept tcp dst port 22\n",
        "PF0209", "`accept` is no verdict of this language", "1:1", "accept", "write `pass`",
    ),
    "accept behind a match": (
        "tcp dst port 22 accept\n",
        "PF0209", "`accept` is no verdict of this language", "1:17", "accept", "write `pass`",
    ),
    "ip saddr": (
        "drop ip saddr 10.0.0.1\n",
        "PF0209", "`ip saddr` is nftables' word", "1:6", "ip saddr 10.0.0.1", "write `src host 10.0.0.1`",
    ),
    "ip6 daddr": (
        "drop ip6 daddr fd00::/8\n",
        "PF0209", "`ip6 daddr` is nftables' word", "1:6", "ip6 daddr fd00::/8", "write `dst net fd00::/8`",
    ),
    "dport": (
        "drop tcp dport 22\n",
        "PF0209", "`tcp dport` is nftables' word", "1:6", "tcp dport 22", "write `tcp dst port 22`",
    ),
    "iptables' line": (
        "-A INPUT -p tcp --dport 22 -j ACCEPT\n",
        "PF0209", "`-A INPUT` is iptables' way to write", "1:1", "-A INPUT", "`drop tcp dst port 22`",
    ),
    "a host name": (
        "drop host example.com\n",
        "PF0406", "host names are never looked up", "1:11", "example.com", "write the address",
    ),
    "a leading zero": ("drop port 080\n", "PF0401", "a number with a leading 0", "1:11", "080", "write `80`"),
    "a bracket not closed": ("drop (tcp\n", "PF0204", "`(` is never closed", "1:6", "(", "close it with `)`"),
    "a character of no meaning": (
        "drop tcp \x01\n", "PF0202", "the character U+0001 means nothing here", "1:10", None, "leave it out",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TEXTS)
def test_a_wrong_text(tmp_path: Path, name: str) -> None:
    text, code, message, place, underlined, written = TEXTS[name]
    (tmp_path.parent / "secret.pf").write_text("pass\n")
    (tmp_path / "rules.pf").write_text(text)
    shown = refused(tmp_path)
    assert (shown.code, shown.place) == (code, place)
    assert message in shown.message
    assert underlined is None or shown.underlined == underlined
    assert any(written in one for one in shown.helps), shown.helps


# Parts of the language that parse, and are not built: one message at the place each.
NOT_BUILT = {
    "pool p = {10.0.0.1}\npass\n": ("PF0601", "pool p = {10.0.0.1}"),
    "reject tcp\n": ("PF0603", "reject"),
    "drop tcp then sample 1/100\n": ("PF0603", "sample 1/100"),
    "pass tcp then mark 7\n": ("PF0603", "mark 7"),
    'redirect to "eth1" tcp\n': ("PF0603", 'redirect to "eth1"'),
    "tx udp\n": ("PF0603", "tx"),
    "pass tcp then set ip.ttl 5\n": ("PF0603", "set ip.ttl 5"),
    "pass tcp then push vlan 5\n": ("PF0603", "push vlan 5"),
    'drop payload starts "GET "\n': ("PF0605", 'payload starts "GET "'),
    "assert drop tcp\npass\n": ("PF0606", "assert drop tcp"),
    "hook socket\npass\n": ("PF0607", "socket"),
    "hook cgroup ingress\npass\n": ("PF0607", "cgroup ingress"),
    "hook netfilter forward\npass\n": ("PF0607", "netfilter forward"),
}


@pytest.mark.parametrize("text", NOT_BUILT, ids=lambda text: text.split("\n")[0])
def test_what_is_not_built_yet_is_refused_at_its_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    """In this process: a process for each would take longer than it shows."""
    rules, out = tmp_path / "rules.pf", tmp_path / "out.o"
    rules.write_text(text)
    assert main([str(rules), "-o", str(out), "--color", "never"]) == 1
    assert not out.exists()
    shown = first_error(capsys.readouterr().err)
    assert (shown.code, shown.underlined) == NOT_BUILT[text]
    assert "not built yet" in shown.message


def test_a_missing_file(tmp_path: Path) -> None:
    shown = refused(tmp_path, "gone.pf")
    assert (shown.code, shown.message, shown.helps) == ("PF0101", "no such file: gone.pf", ("check the path",))


def test_a_directory(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    shown = refused(tmp_path, "folder")
    assert (shown.code, shown.message) == ("PF0102", "folder is a folder")
    assert shown.helps == ("name a file of rules in it",)


def test_a_binary(tmp_path: Path) -> None:
    (tmp_path / "rules.pf").write_bytes(Path(sys.executable).read_bytes()[:100_000])
    shown = refused(tmp_path)
    assert (shown.code, shown.message.split(":")[0]) == ("PF0104", "rules.pf is binary, not text")
    assert any("ebpfc inspect" in one for one in shown.helps)


def test_text_that_is_not_utf_8(tmp_path: Path) -> None:
    (tmp_path / "rules.pf").write_bytes(b"pass arp\n# caf\xe9\n")
    shown = refused(tmp_path)
    assert (shown.code, shown.message) == ("PF0107", "rules.pf is not UTF-8 text: byte 0xe9 in line 2")
    assert shown.helps


@pytest.mark.parametrize("text", ["", "\n \t\n"])
def test_an_empty_file(tmp_path: Path, text: str) -> None:
    (tmp_path / "rules.pf").write_text(text)
    shown = refused(tmp_path)
    assert (shown.code, shown.message) == ("PF0105", "rules.pf is empty")
    assert any("write at least one rule" in one for one in shown.helps)


@pytest.mark.parametrize("line", ["drop src host 10.0.0.1\n", "a", "(", "# comment\n"])
def test_twenty_megabytes_of_text(tmp_path: Path, line: str) -> None:
    (tmp_path / "rules.pf").write_text((line * (20_000_000 // len(line) + 1))[:20_000_000])
    shown = refused(tmp_path)
    assert (shown.code, shown.message) == ("PF0106", "rules.pf is larger than 16 MB")
    assert any("split it" in one for one in shown.helps)


@pytest.mark.parametrize(
    "text",
    [
        "drop " + "(" * 10_000 + "tcp" + ")" * 10_000,
        "drop " + "(" * 10_000,
        "drop " + "not " * 10_000 + "tcp",
        "drop len == " + "-" * 10_000 + "1",
        "drop len == " + "(" * 10_000 + "1" + ")" * 10_000,
        "let a = " + "{" * 10_000 + "1" + "}" * 10_000,
        "if tcp {\n" * 10_000 + "drop\n" + "}\n" * 10_000,
        "drop tcp" + " and tcp" * 10_000,
        "drop len == 1" + " + 1" * 10_000,
    ],
    ids=["parentheses", "open", "not", "minus", "arithmetic", "sets", "blocks", "and", "plus"],
)
def test_ten_thousand_deep(tmp_path: Path, text: str) -> None:
    (tmp_path / "rules.pf").write_text(text + "\n")
    shown = refused(tmp_path)
    assert shown.code == "PF0206"
    assert "200" in shown.message
    assert shown.place is not None and shown.underlined
    assert shown.helps


def test_an_include_loop_of_two_files(tmp_path: Path) -> None:
    (tmp_path / "rules.pf").write_text('include "other.pf"\npass\n')
    (tmp_path / "other.pf").write_text('drop arp\ninclude "rules.pf"\n')
    shown = refused(tmp_path)
    assert (shown.code, shown.place, shown.underlined) == ("PF0310", "2:1", 'include "rules.pf"')


def test_an_include_that_climbs_out_by_a_link(tmp_path: Path) -> None:
    (tmp_path.parent / "secret.pf").write_text("pass\n")
    (tmp_path / "link.pf").symlink_to(tmp_path.parent / "secret.pf")
    (tmp_path / "rules.pf").write_text('include "link.pf"\n')
    assert refused(tmp_path).code == "PF0311"
