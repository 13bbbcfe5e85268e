"""The guest's own file system, tried without another kernel: unpacked, and its Python run with it as root folder."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from ebpfc.testing.kernels.boot import answers_in
from ebpfc.testing.kernels.guest import FOLDER, LIST, answer_all, verified_instructions
from ebpfc.testing.kernels.initramfs import LIBRARIES, guest_files, object_files
from ebpfc.testing.kernels.large import Shape, any_shape, five_tuple, large_policy
from ebpfc.testing.kernels.policies import BuildError, Policy, both_builds, policies
from ebpfc.testing.kernels.report import compare
from ebpfc.testing.random_policies import checked_policy

TEXT = "hook xdp, tc ingress\ndefault drop\npass arp\ndrop malformed\npass vlan 100 and tcp dst port 80\npass udp\n"


@pytest.mark.kernel
@pytest.mark.skipif(not Path("/lib64/ld-linux-x86-64.so.2").exists(), reason="the guests are x86-64")
def test_the_guest_finds_all_it_needs_and_answers_as_the_reference(tmp_path: Path) -> None:
    """Nothing of this machine but its kernel is left to it: a module or library that is not packed fails here."""
    subjects = both_builds(50, Policy("small", text=TEXT))
    files = guest_files(subjects)
    for path, content in files.items():
        place = tmp_path / path[1:]
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
        place.chmod(0o755)
    first_line, _, script = files["/init"].decode().partition("\n")
    interpreter = first_line.removeprefix("#!").split()[0]
    script = script.replace("import first_process", "import FOLDER, answer_all")
    script = script.replace("first_process()", "answer_all(FOLDER)")
    done = subprocess.run(
        [interpreter, "-IS", "-c", script],
        env={"LD_LIBRARY_PATH": LIBRARIES},
        capture_output=True,
        text=True,
        preexec_fn=lambda: os.chroot(tmp_path),
        cwd="/",
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    row = compare(subjects, answers_in(done.stdout), 0)
    assert row.problems == ()
    assert (row.loaded, row.objects) == (2, 2)
    assert row.compared > 200
    assert row.worst > 100


def test_the_list_names_every_object_and_its_frames() -> None:
    plain, traced = both_builds(3, Policy("small", text=TEXT))
    files = object_files([plain, traced])
    listed = json.loads(files[str(FOLDER / LIST)])
    assert [item["traced"] for item in listed] == [False, True]
    assert [bytes.fromhex(frame) for frame in listed[1]["frames"]] == list(traced.frames)
    assert [files[str(FOLDER / item["object"])] for item in listed] == [plain.data, traced.data]


def test_the_reference_answers_for_each_hook_and_for_merged_segments() -> None:
    plain, traced = both_builds(40, Policy("small", text=TEXT))
    assert traced.expected.keys() == plain.expected.keys() == {"xdp", "tc ingress", "tc ingress merged"}
    assert {rule for _, rule in traced.expected["xdp"]} > {None}
    assert {rule for _, rule in plain.expected["xdp"]} == {None}
    assert [v for v, _ in plain.expected["xdp"]] == [v for v, _ in traced.expected["xdp"]]


def test_a_policy_that_cannot_be_built_is_named() -> None:
    with pytest.raises(BuildError, match=r"^wrong: "):
        both_builds(1, Policy("wrong", text="accept all\n"))


@pytest.mark.parametrize("shape", [five_tuple, any_shape])
def test_a_large_policy_is_a_policy(shape: Shape) -> None:
    policy, _ = checked_policy(large_policy(40, shape))
    assert policy is not None
    assert len(policy.rules) == 40


def test_the_same_policies_every_time() -> None:
    assert list(policies(3)) == list(policies(3))
    names = [policy.name for policy in policies(3)]
    assert len(names) == len(set(names))
    assert {"examples-edge", "bench-source", "random-2", "mixed-300"} <= set(names)


def test_the_verifiers_statistics() -> None:
    log = "prog 'pf_xdp': -- BEGIN\nprocessed 120 insns (limit 1000000)\n-- END\nx\nprocessed 7 insns (limit 1000000)\n"
    assert verified_instructions(log) == [120, 7]


@pytest.mark.kernel
def test_an_object_that_the_kernel_refuses_is_answered_with_its_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "0.o").write_bytes(b"\x7fELF and no more")
    item = {"object": "0.o", "traced": True, "wire": False, "frames": []}
    (tmp_path / LIST).write_text(json.dumps([item]))
    answer_all(tmp_path)
    told = answers_in(capsys.readouterr().out)
    assert "libbpf cannot read this object" in told[1]["error"]
    assert "ELF" in told[1]["log"]
