"""The guest's own file system, tried without another kernel: unpacked, and its Python run with it as root folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ebpfc.testing.kernels.boot import answers_in
from ebpfc.testing.kernels.guest import FOLDER, LIST, answer_all, verified_instructions, version
from ebpfc.testing.kernels.initramfs import LIBRARIES, guest_files, object_files
from ebpfc.testing.kernels.policies import Policy
from ebpfc.testing.kernels.report import compare
from ebpfc.testing.kernels.subjects import policy_subjects

KEPT = "hook xdp\ntrack\ntable seen key src timeout 1s\ndrop src in seen\npass tcp over 1/s then add src to seen, log\n"
TEXT = "hook xdp, tc ingress\ndefault drop\npass arp\ndrop malformed\npass vlan 100 and tcp dst port 80\npass udp\n"


@pytest.mark.kernel
@pytest.mark.skipif(not Path("/lib64/ld-linux-x86-64.so.2").exists(), reason="the guests are x86-64")
def test_the_guest_finds_all_it_needs_and_answers_as_the_reference(tmp_path: Path) -> None:
    """Nothing of this machine but its kernel is left to it: a module or library that is not packed fails here."""
    subjects = policy_subjects(50, Policy("small", text=TEXT)) + policy_subjects(50, Policy("keeping", text=KEPT))
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
    assert (row.loaded, row.objects) == (6, 6)
    assert row.compared - row.remembered > 200
    assert row.remembered == 2 * 250
    assert row.worst > 100


def test_the_list_names_every_object_and_its_frames() -> None:
    plain, traced = policy_subjects(3, Policy("small", text=TEXT))
    files = object_files([plain, traced])
    listed = json.loads(files[str(FOLDER / LIST)])
    assert [item["traced"] for item in listed] == [False, True]
    assert [bytes.fromhex(frame) for frame in listed[1]["frames"]] == list(traced.frames)
    assert [files[str(FOLDER / item["object"])] for item in listed] == [plain.data, traced.data]


def test_the_verifiers_statistics() -> None:
    log = "prog 'pf_xdp': -- BEGIN\nprocessed 120 insns (limit 1000000)\n-- END\nx\nprocessed 7 insns (limit 1000000)\n"
    assert verified_instructions(log) == [120, 7]


@pytest.mark.kernel
def test_an_object_that_the_kernel_refuses_is_answered_with_its_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "0.o").write_bytes(b"\x7fELF and no more")
    item = {"object": "0.o", "traced": True, "wire": False, "frames": [], "times": [], "kernel": [5, 10]}
    (tmp_path / LIST).write_text(json.dumps([item]))
    answer_all(tmp_path)
    told = answers_in(capsys.readouterr().out)
    assert "libbpf cannot read this object" in told[1]["error"]
    assert "ELF" in told[1]["log"]


def test_an_older_kernel_is_not_given_an_object(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    item = {"object": "absent.o", "traced": True, "wire": False, "frames": [], "times": [], "kernel": [9999, 0]}
    (tmp_path / LIST).write_text(json.dumps([item]))
    answer_all(tmp_path)
    assert answers_in(capsys.readouterr().out)[1] == {"object": "absent.o", "skipped": True}


def test_the_numbers_of_a_kernel() -> None:
    assert version("5.10.0-46-cloud-amd64") == (5, 10)
    assert version("7.2.13+deb14-cloud-amd64") == (7, 2)
    assert version("6.18.44-fc") > version("6.2.0")


def test_the_guest_takes_neither_compiler_nor_reference_along() -> None:
    modules = "{m for m in sys.modules if m.startswith(('ebpfc.compiler', 'ebpfc.grammar', 'ebpfc.testing.semantics'))}"
    code = f"import sys, ebpfc.testing.kernels.guest; print({modules} - {{'ebpfc.compiler'}})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
