"""Which package holds a kernel, and the kernel in it; nothing is downloaded here."""

from __future__ import annotations

import lzma
import shutil
import subprocess
from pathlib import Path

import pytest

from ebpfc.testing.kernels.debian import MODULES, FetchError, fetch_kernel, files_in, kernel_packages

DEPENDS = {
    "5.10": {
        "linux-image-cloud-amd64": "linux-image-cloud-amd64\n  Depends: linux-image-5.10.0-46-cloud-amd64\n",
        "linux-image-5.10.0-46-cloud-amd64": "linux-image-5.10.0-46-cloud-amd64\n  Depends: kmod\n |Depends: dracut\n",
    },
    "7.2": {
        "linux-image-cloud-amd64": (
            "linux-image-cloud-amd64\n  Depends: linux-base-cloud-amd64\n"
            "  Depends: linux-image-7.2.13+deb14-cloud-amd64\n"
        ),
        "linux-image-7.2.13+deb14-cloud-amd64": (
            "linux-image-7.2.13+deb14-cloud-amd64\n  Depends: linux-base-7.2.13+deb14-cloud-amd64\n"
            "  Depends: linux-binary-7.2.13+deb14-cloud-amd64\n  Depends: linux-modules-7.2.13+deb14-cloud-amd64\n"
        ),
    },
}


@pytest.mark.parametrize(
    ("kernel", "packages"),
    [
        ("5.10", ("linux-image-5.10.0-46-cloud-amd64",)),
        ("7.2", ("linux-binary-7.2.13+deb14-cloud-amd64", "linux-modules-7.2.13+deb14-cloud-amd64")),
    ],
)
def test_the_packages_that_hold_the_kernel(kernel: str, packages: tuple[str, ...]) -> None:
    assert kernel_packages(DEPENDS[kernel].__getitem__) == packages


def test_a_suite_without_kernel_says_so() -> None:
    with pytest.raises(FetchError, match="linux-image-cloud-amd64"):
        kernel_packages(lambda name: f"{name}\n")


@pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="dpkg-deb makes the package")
@pytest.mark.parametrize("place", ["boot/vmlinuz-6.1.0-9-cloud-amd64", "usr/lib/modules/7.2.13/vmlinuz"])
def test_the_kernel_in_a_package(tmp_path: Path, place: str) -> None:
    image, code = bytes(range(256)) * 5000, b"\x7fELF module"
    held = {
        place: image,
        "lib/modules/6.1/kernel/net/sched/cls_bpf.ko": code,
        "lib/modules/6.1/kernel/drivers/net/veth.ko.xz": lzma.compress(code),
        "lib/modules/6.1/kernel/drivers/net/dummy.ko": b"",
        "boot/config-6.1.0": b"CONFIG_BPF=y\n",
    }
    assert files_in(package(tmp_path, held)) == {"vmlinuz": image, "cls_bpf.ko": code, "veth.ko": code}


def test_a_kernel_that_is_kept_is_not_fetched_again(tmp_path: Path) -> None:
    names = ("vmlinuz", *(f"{name}.ko" for name in MODULES))
    (tmp_path / "bullseye").mkdir()
    for name in names:
        (tmp_path / "bullseye" / name).write_bytes(b"kept")
    kernel = fetch_kernel("bullseye", tmp_path, None)
    assert tuple(path.name for path in (kernel.image, *kernel.modules)) == names


def package(folder: Path, held: dict[str, bytes]) -> Path:
    """A Debian package with these files."""
    tree = folder / "tree"
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "DEBIAN" / "control").write_text(
        "Package: linux-image\nVersion: 1\nArchitecture: all\nMaintainer: n <n@localhost>\nDescription: none\n"
    )
    for place, content in held.items():
        (tree / place).parent.mkdir(parents=True, exist_ok=True)
        (tree / place).write_bytes(content)
    made = folder / "linux-image.deb"
    subprocess.run(["dpkg-deb", "--build", "-Zgzip", tree, made], check=True, capture_output=True)
    return made
