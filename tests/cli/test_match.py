"""`ebpfc match`: what it prints, writes and refuses, and that tcpdump shows the same packets."""

from __future__ import annotations

import io
import json
import shutil
import struct
import subprocess
import sys
from pathlib import Path
from random import Random
from time import process_time

import pytest

from ebpfc.cli.main import main
from ebpfc.cli.packet_line import packet_line
from ebpfc.runtime.capture import Frame, open_capture, read_capture
from ebpfc.runtime.capture_writer import CaptureWriter
from ebpfc.testing import encapsulated, packets
from ebpfc.testing.random_frames import random_frame
from ebpfc.testing.semantics import Frame as JudgedFrame

ROOT = Path(__file__).parents[2]
SECOND = 10**9
SSH = packets.ether(packets.ip4(packets.tcp(dport=22)))
PING = packets.ip6(packets.icmp6())
IP6_PAIR = "2001:db8::1 > 2001:db8::2"
FRAMES = (
    SSH,
    packets.ether(packets.tag(packets.ip4(packets.tcp(dport=22)), 5)),
    packets.ether(packets.ip6(packets.udp(dport=53))),
    packets.ether(packets.arp()),
    packets.ether(packets.ip4(packets.udp(bytes(1200), dport=80))),
    packets.ether(packets.ip4(packets.icmp())),
)


def captured(frames: tuple[bytes, ...], *, snapshot: int = 65_535, unit_ns: int = 1_000) -> bytes:
    stream = io.BytesIO()
    writer = CaptureWriter(stream, snapshot, unit_ns)
    for number, frame in enumerate(frames, 1):
        time_ns = 1_700_000_000 * SECOND + number * 1_001 * unit_ns
        writer.write(Frame(number, time_ns, len(frame), frame[:snapshot]))
    return stream.getvalue()


@pytest.fixture
def capture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "in.pcap"
    path.write_bytes(captured(FRAMES))
    return path


def numbers(*argv: str, capsys: pytest.CaptureFixture[str]) -> list[int]:
    assert main(["match", *argv, "--json"]) == 0
    return [json.loads(line)["number"] for line in capsys.readouterr().out.splitlines()]


def test_a_line_a_packet(capture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["match", "tcp dst port 22", "in.pcap"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "     1  2023-11-14 22:13:20.001001     54  10.0.0.1.40000 > 10.0.0.2.22: tcp",
        "     2  2023-11-14 22:13:20.002002     58  vlan 5, 10.0.0.1.40000 > 10.0.0.2.22: tcp",
    ]


def test_count_and_json(capture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["match", "ip or ip6", "in.pcap", "--count"]) == 0
    assert capsys.readouterr().out == "5\n"
    assert main(["match", "arp", "in.pcap", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "number": 4,
        "time_ns": 1_700_000_000_004_004_000,
        "length": 42,
        "captured": 42,
        "summary": "10.0.0.1 > 10.0.0.2: arp",
    }


@pytest.mark.parametrize("unit_ns", [1, 1_000])
def test_what_is_written_is_what_was_read(unit_ns: int, capture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capture.write_bytes(captured(FRAMES, snapshot=60, unit_ns=unit_ns))
    assert main(["match", "ip", "in.pcap", "-w", "out.pcap", "--count"]) == 0
    assert capsys.readouterr().out == "4\n"
    with capture.open("rb") as before, Path("out.pcap").open("rb") as after:
        old, new = open_capture(before), open_capture(after)
        assert (new.snapshot, new.unit_ns) == (60, unit_ns)
        kept = [frame for frame in old.frames if frame.number not in (3, 4)]
        assert [(f.time_ns, f.length, f.data) for f in new.frames] == [(f.time_ns, f.length, f.data) for f in kept]
    assert [path.name for path in Path().iterdir() if path.name.startswith(".")] == []


def test_from_and_to_a_pipe(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ebpfc", "match", "arp", "-", "-w", "-"],
        input=captured(FRAMES),
        capture_output=True,
        env={"PYTHONPATH": str(ROOT / "src"), "PATH": "/usr/bin:/bin"},
        check=True,
    )
    assert [frame.data for frame in read_capture(io.BytesIO(done.stdout))] == [FRAMES[3]]
    assert done.stderr == b""


def test_pcapng_and_the_other_byte_order(capture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for order in "<>":
        body = struct.pack(f"{order}5I", 0, 0, 7, len(SSH), len(SSH)) + SSH + bytes(-len(SSH) % 4)
        blocks = (
            (0x0A0D0D0A, struct.pack(f"{order}IHHq", 0x1A2B3C4D, 1, 0, -1)),
            (1, struct.pack(f"{order}HHI", 1, 0, 0)),
            (6, body),
        )
        capture.write_bytes(
            b"".join(
                struct.pack(f"{order}II", kind, len(one) + 12) + one + struct.pack(f"{order}I", len(one) + 12)
                for kind, one in blocks
            )
        )
        assert numbers("tcp dst port 22", "in.pcap", capsys=capsys) == [1]


def test_len_is_that_on_the_wire_and_missing_bytes_are_unknown(
    capture: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capture.write_bytes(captured(FRAMES, snapshot=36))
    assert numbers("greater 1000", "in.pcap", capsys=capsys) == [5]
    assert numbers("len > 1000 and ip", "in.pcap", capsys=capsys) == [5]
    assert numbers("tcp[13] & 2 != 0", "in.pcap", capsys=capsys) == []
    assert numbers("not tcp[13] & 2 != 0 and ip", "in.pcap", capsys=capsys) == [5, 6]
    assert main(["match", "greater 1000", "in.pcap"]) == 0
    assert capsys.readouterr().out.endswith("udp (36 captured)\n")


def test_the_netmask(capture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert numbers("ip broadcast", "in.pcap", "--netmask", "/31", capsys=capsys) == [1, 2, 5, 6]
    assert main(["match", "ip broadcast", "in.pcap"]) == 1


@pytest.mark.parametrize(
    ("argv", "status", "words"),
    [
        (["tcp dst prt 22", "in.pcap"], 1, "error[PF02"),
        (["inbound", "in.pcap"], 1, "error[PF0702]"),
        (["outbound and tcp", "in.pcap"], 1, "error[PF0702]"),
        (["not (ifindex 3)", "in.pcap"], 1, "error[PF0702]"),
        (["ifindex in {3, 4}", "in.pcap"], 1, "error[PF0702]"),
        (["tcp", "none.pcap"], 3, "no such file"),
        (["tcp", "."], 3, "is a directory"),
        (["tcp", "in.pcap", "-w", "."], 2, "is a folder"),
        (["tcp", "in.pcap", "-w", "in.pcap"], 2, "is the source itself"),
        (["tcp", "in.pcap", "-w", "no/out.pcap"], 2, "no such folder"),
        (["tcp", "in.pcap", "-w", "-", "--count"], 2, "standard output"),
        (["tcp", "in.pcap", "--json", "--count"], 2, "give one"),
        (["tcp"], 2, "FILE"),
        (["tcp", "a\0\x1b"], 3, "a\\x00\\x1b"),
    ],
)
def test_refused(argv: list[str], status: int, words: str, capture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["match", *argv]) == status
    printed = capsys.readouterr()
    assert words in printed.err and printed.out == ""
    assert printed.err.replace("\n", "").isprintable()


def test_damage_ends_with_3_after_what_comes_before(capture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capture.write_bytes(captured(FRAMES)[:-3])
    Path("out.pcap").write_bytes(b"as it was")
    assert main(["match", "ip", "in.pcap", "-w", "out.pcap"]) == 3
    assert Path("out.pcap").read_bytes() == b"as it was"
    capsys.readouterr()
    assert main(["match", "ip", "in.pcap", "--json"]) == 3
    printed = capsys.readouterr()
    assert printed.out.count('"number"') == 3
    capture.write_bytes(captured(FRAMES)[:20] + struct.pack("<I", 113))
    assert main(["match", "ip", "in.pcap"]) == 3
    assert "not of Ethernet frames (link type 113)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("rest", "status", "words"),
    [
        ("in.pcap > /dev/full", 2, "cannot write standard output: no space left on device"),
        ("in.pcap -w - > /dev/full", 2, "cannot write standard output: no space left on device"),
        ("in.pcap -w /dev/full", 2, "cannot write /dev/full: no space left on device"),
        ("- <&-", 3, "standard input: cannot be read"),
        ("in.pcap | head -c 1 > /dev/null", 0, ""),
    ],
)
def test_what_the_shell_may_hand_over(rest: str, status: int, words: str, capture: Path) -> None:
    command = f"set -o pipefail; exec '{sys.executable}' -m ebpfc match ip {rest}"
    if "|" in rest:
        command = command.replace("exec ", "")
    done = subprocess.run(
        ["bash", "-c", command],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(ROOT / "src"), "PATH": "/usr/bin:/bin"},
    )
    assert done.returncode == status, done.stderr
    assert words in done.stderr and "PF0999" not in done.stderr


# ---------------------------------------------------------------------------------------------------------- the line


@pytest.mark.parametrize(
    ("frame", "line"),
    [
        (packets.ether(packets.ip6(packets.udp(dport=53))), "2001:db8::1.40000 > 2001:db8::2.53: udp"),
        (packets.ether(packets.ip4(packets.icmp())), "10.0.0.1 > 10.0.0.2: icmp"),
        (packets.ether(packets.ip4(packets.udp(dport=9), offset=5)), "10.0.0.1 > 10.0.0.2: udp fragment"),
        (
            packets.ether(packets.ip4(packets.vxlan(SSH, 7))),
            "10.0.0.1.40000 > 10.0.0.2.4789: udp, vxlan 7, 10.0.0.1.40000 > 10.0.0.2.22: tcp",
        ),
        (
            packets.ether(packets.tag(encapsulated.mpls(packets.ip4(encapsulated.gre(PING)), 16, 17), 5)),
            "vlan 5, mpls 16, 10.0.0.1 > 10.0.0.2: proto 47, gre, 2001:db8::1 > 2001:db8::2: icmp6",
        ),
        (packets.ether(packets.ip6(encapsulated.gre(PING, 9))), f"{IP6_PAIR}: proto 47, gre 9, {IP6_PAIR}: icmp6"),
        (packets.ether(encapsulated.pppoes(PING, 3))[:21], "pppoes 3, cut short"),
        (packets.ether(packets.raw(0x88CC)), "02:00:00:00:00:01 > 02:00:00:00:00:02: ethertype 0x88cc"),
        (SSH[:20], "? > ?: ip"),
        (SSH[:35], "10.0.0.1 > 10.0.0.2: tcp"),
        (SSH[:9], "? > 02:00:00:00:00:02: cut short"),
        (b"", "? > ?: cut short"),
    ],
)
def test_the_words_for_a_packet(frame: bytes, line: str) -> None:
    assert packet_line(JudgedFrame(frame)) == line


def test_any_frame_has_one_printable_line() -> None:
    rng = Random(11)
    for _ in range(2_000):
        assert packet_line(JudgedFrame(random_frame(rng, wide=True))).isprintable()


# ----------------------------------------------------------------------------------------------------------- tcpdump


@pytest.mark.skipif(shutil.which("tcpdump") is None, reason="needs tcpdump")
@pytest.mark.parametrize(
    "expression",
    [
        "ip and tcp dst port 22 and not vlan",
        "ether broadcast",
        "vlan 5 and vlan 6 and ip",
        "less 100",
        "arp and not vlan",
        "ip host 10.0.0.1 and udp and not vlan",
        "ether host 02:00:00:00:00:01 and greater 90",
        "ip[8] < 64 and not vlan",
        "ip and tcp dst port 22",
    ],
)
def test_tcpdump_shows_the_same_packets(expression: str, capture: Path) -> None:
    """Frames without extension headers and with no byte missing; `vlan` stands last, so that tcpdump moves nothing."""
    rng = Random(5)
    layers = (
        lambda: packets.ip4(packets.tcp(dport=rng.choice((22, 80))), ttl=rng.choice((1, 64))),
        lambda: packets.ip4(packets.udp(bytes(rng.choice((0, 60))), dport=53)),
        lambda: packets.ip6(packets.tcp(dport=22)),
        packets.arp,
    )
    frames = []
    for _ in range(200):
        layer = rng.choice(layers)()
        for _ in range(rng.choice((0, 0, 1, 2))):
            layer = packets.tag(layer, rng.choice((5, 6)))
        frames.append(packets.ether(layer, dst=rng.choice((packets.BROADCAST, "02:00:00:00:00:02"))))
    theirs = expression
    if expression == "ip and tcp dst port 22":  # through tags here, and to tcpdump in this spelling
        theirs = "(TEST) or (vlan and ((TEST) or (vlan and (TEST))))".replace("TEST", expression)
    capture.write_bytes(captured(tuple(frames)))
    assert main(["match", expression, "in.pcap", "-w", "ours.pcap"]) == 0
    done = subprocess.run(["tcpdump", "-r", "in.pcap", "-w", "theirs.pcap", theirs], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    with Path("ours.pcap").open("rb") as ours, Path("theirs.pcap").open("rb") as other:
        found, expected = ([(f.time_ns, f.data) for f in read_capture(stream)] for stream in (ours, other))
    assert found == expected and 0 < len(found) < len(frames)


def test_no_file_ends_in_a_traceback(capture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = Random(17)
    whole = captured(FRAMES)
    for _ in range(150):
        damaged = bytearray(whole[: rng.randint(0, len(whole))])
        for _ in range(rng.randint(0, 4)):
            if damaged:
                damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        capture.write_bytes(bytes(damaged))
        assert main(["match", "ip or malformed", "in.pcap"]) in (0, 3)
        assert "PF0999" not in capsys.readouterr().err


def test_ten_thousand_packets_take_less_than_a_second(capture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = Random(19)
    capture.write_bytes(captured(tuple(random_frame(rng) for _ in range(10_000))))
    began = process_time()  # of the CPU: seconds on the wall depend on what else the machine does
    assert main(["match", "tcp dst port 22 or host 10.0.0.1", "in.pcap", "--count"]) == 0
    assert process_time() - began < 1.0
    assert int(capsys.readouterr().out) > 100
