"""What the options of `ebpfc` promise, seen in the kernel: the object that the command wrote is loaded and judges."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ebpfc.cli.main import main
from ebpfc.compiler.ir.text import parse_program
from ebpfc.compiler.pipeline import dump_names
from ebpfc.compiler.toolchain.find import find_compiler
from ebpfc.testing.kernel import Hook, KernelPolicy
from ebpfc.testing.packets import arp, ether, extension, ip4, ip6, tag, tcp, udp

SSH = [
    ether(ip4(tcp(dport=22))),
    ether(ip6(tcp(dport=22))),
    ether(tag(ip4(tcp(dport=22), options=bytes(8)), 5)),
    ether(ip6(extension(60, tcp(dport=22)))),
]
OTHER = [ether(ip4(tcp(dport=23))), ether(ip6(udp(dport=22))), ether(arp()), ether(ip4(tcp(dport=22)))[:36]]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def compiled(*words: str) -> bytes:
    assert main([*words, "-o", "out.o", "--quiet"]) == 0
    return Path("out.o").read_bytes()


def verdicts(data: bytes, frames: list[bytes], hook: Hook = "xdp") -> list[str]:
    with KernelPolicy(data, traced=False) as loaded:
        return [loaded.judge(hook, frame)[0] for frame in frames]


def inspected(capsys: pytest.CaptureFixture[str]) -> Any:
    capsys.readouterr()
    assert main(["inspect", "out.o", "--json"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.kernel
@pytest.mark.parametrize("expression", ["tcp dst port 22", "tcp dst port {22}", "tcp.dport == 22", "tcp[2:2] = 22"])
def test_an_expression_passes_what_it_matches_and_drops_the_rest(expression: str) -> None:
    data = compiled("-e", expression)
    assert verdicts(data, SSH) == ["pass"] * len(SSH)
    assert verdicts(data, OTHER) == ["drop"] * len(OTHER)


@pytest.mark.kernel
def test_the_netmask_says_what_is_broadcast() -> None:
    frames = [ether(ip4(udp(), dst=to)) for to in ("10.0.0.255", "10.0.0.0", "10.0.255.255", "10.0.0.1")]
    bits24 = compiled("-e", "ip broadcast", "--netmask", "255.255.255.0")
    assert verdicts(bits24, frames) == ["pass", "pass", "pass", "drop"]
    assert compiled("-e", "ip broadcast", "--netmask", "/24") == bits24
    assert verdicts(compiled("-e", "ip broadcast", "--netmask", "/16"), frames) == ["drop", "pass", "pass", "drop"]


def test_without_a_netmask_nothing_is_broadcast(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["-e", "ip broadcast", "-o", "out.o"]) == 1
    printed = capsys.readouterr().err
    assert "error[PF0437]" in printed and "--netmask 255.255.255.0" in printed
    assert not Path("out.o").exists()


POLICY = """\
hook xdp, tc ingress, tc egress
default drop
let many = file "many.txt"
ssh: pass tcp dst port 22 then count "ssh"
pass src net many
if vxlan 7 {
    pass icmp
}
"""


@pytest.fixture
def rules(folder: Path) -> str:
    (folder / "many.txt").write_text("".join(f"10.{n}.{n * 7 % 256}.0/24\n" for n in range(1, 200)))
    (folder / "rules.pf").write_text(POLICY)
    return "rules.pf"


MANY = [ether(ip4(udp(), src="10.9.63.1")), ether(ip4(udp(), src="10.9.64.1"))]


@pytest.mark.kernel
def test_no_counters_leaves_the_verdicts_as_they_are(rules: str, capsys: pytest.CaptureFixture[str]) -> None:
    with_counters = compiled(rules)
    assert [one["name"] for one in inspected(capsys)["maps"]].count("pf_counters") == 1
    without = compiled(rules, "--no-counters")
    found = inspected(capsys)
    assert "pf_counters" not in [one["name"] for one in found["maps"]]
    assert found["manifest"]["counters"] == [] and found["manifest"]["options"]["counters"] is False
    for hook in ("xdp", "tc ingress", "tc egress"):
        frames = [frame for frame in SSH + OTHER + MANY if len(frame) >= 54 or frame[12:14] != b"\x86\xdd"]
        assert verdicts(without, frames, hook) == verdicts(with_counters, frames, hook)  # type: ignore[arg-type]
    assert verdicts(without, MANY) == ["pass", "drop"]


@pytest.mark.kernel
def test_the_emitted_c_alone_is_the_policy(rules: str, folder: Path) -> None:
    """Built by hand as its first lines say, in an empty folder, without an include path: sets and all."""
    assert main([rules, "--emit-c", "policy.c", "--quiet"]) == 0
    alone = folder / "alone"
    alone.mkdir()
    text = Path("policy.c").read_text()
    assert "#include" not in text
    assert "clang -target bpf -mcpu=v3 -O2 -g -c" in text.split("*/")[0]
    (alone / "policy.c").write_text(text)
    compiler = find_compiler(None)
    flags = ("-target", "bpfel", "-mcpu=v3", "-O2", "-g", "-nostdinc", "-Wall", "-Wextra", "-Werror")
    words = [*compiler.command, *flags, "-c", "policy.c", "-o", "policy.o"]
    done = subprocess.run(words, cwd=alone, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    data = (alone / "policy.o").read_bytes()
    assert verdicts(data, SSH + OTHER + MANY) == ["pass"] * 4 + ["drop"] * 4 + ["pass", "drop"]


def test_the_oldest_kernel_is_written_down(rules: str, capsys: pytest.CaptureFixture[str]) -> None:
    compiled(rules)
    assert inspected(capsys)["manifest"]["kernel"] == "5.10"
    compiled(rules, "--kernel", "6.1")
    assert inspected(capsys)["manifest"]["kernel"] == "6.1"
    for wrong in ("5.4", "6", "new", "6.1.2"):
        assert main([rules, "-o", "out.o", "--kernel", wrong]) == 2
        assert "kernel" in capsys.readouterr().err


@pytest.mark.parametrize("stage", dump_names())
def test_each_pass_can_be_looked_at(rules: str, capsys: pytest.CaptureFixture[str], stage: str) -> None:
    assert main([rules, "--dump-after", stage, "--quiet"]) == 0
    printed = capsys.readouterr().out
    parts = printed.split("program ")[1:]
    assert [part.split()[1] for part in parts] == ["xdp", "tc-ingress", "tc-egress"]
    for part in parts:
        parse_program("program " + part)
    assert not Path("out.o").exists()


def test_inspect_tells_programs_maps_rules_instructions_and_stack(
    rules: str, capsys: pytest.CaptureFixture[str]
) -> None:
    compiled(rules)
    found = inspected(capsys)
    assert [(one["name"], one["section"]) for one in found["programs"]] == [
        ("pf_xdp", "xdp"), ("pf_tc_ingress", "tc"), ("pf_tc_egress", "classifier"),
    ]  # fmt: skip
    for program in found["programs"]:
        assert 20 < program["instructions"] < 100_000 and 0 < program["stack"] <= 512
    assert {"pf_counters"} <= {one["name"] for one in found["maps"]}
    shown = [(rule["file"], rule["line"], rule["name"], rule["text"]) for rule in found["manifest"]["rules"]]
    assert shown == [
        ("rules.pf", 4, "ssh", 'ssh: pass tcp dst port 22 then count "ssh"'),
        ("rules.pf", 5, None, "pass src net many"),
        ("rules.pf", 7, None, "pass icmp"),
    ]
    assert (found["license"], found["has_btf"], found["has_line_info"]) == ("GPL", True, True)
    manifest = found["manifest"]
    assert manifest["compiler"]["name"] and manifest["compiler"]["version"]
    assert [one["hook"] for one in manifest["hooks"]] == ["xdp", "tc ingress", "tc egress"]
    assert main(["inspect", "out.o"]) == 0
    printed = capsys.readouterr().out
    for word in ("pf_xdp", "pf_tc_ingress", "pf_tc_egress", "classifier", "pf_counters", "rules.pf:4", "pass icmp"):
        assert word in printed


def test_check_takes_a_file_or_an_expression_and_writes_nothing(rules: str, folder: Path) -> None:
    before = sorted(folder.rglob("*"))
    assert main(["check", rules]) == 0
    assert main(["check", "-e", "tcp dst port 22"]) == 0
    assert main(["check", "-e", "tcp dst port 70000"]) == 1
    assert main(["check", "-e", "ip broadcast", "--netmask", "/24", "--kernel", "6.1", "--json"]) == 0
    assert sorted(folder.rglob("*")) == before
