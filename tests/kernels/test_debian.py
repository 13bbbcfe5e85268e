"""Which package holds a kernel, and the kernel in it; nothing is downloaded here."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from ebpfc.testing.kernels.debian import FetchError, image_in, kernel_image, kernel_package

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
    ("kernel", "package"),
    [("5.10", "linux-image-5.10.0-46-cloud-amd64"), ("7.2", "linux-binary-7.2.13+deb14-cloud-amd64")],
)
def test_the_package_that_holds_the_kernel(kernel: str, package: str) -> None:
    assert kernel_package(DEPENDS[kernel].__getitem__) == package


def test_a_suite_without_kernel_says_so() -> None:
    with pytest.raises(FetchError, match="linux-image-cloud-amd64"):
        kernel_package(lambda name: f"{name}\n")


@pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="dpkg-deb makes the package")
@pytest.mark.parametrize("place", ["boot/vmlinuz-6.1.0-9-cloud-amd64", "usr/lib/modules/7.2.13/vmlinuz"])
def test_the_kernel_in_a_package(tmp_path: Path, place: str) -> None:
    image = bytes(range(256)) * 5000
    assert image_in(package(tmp_path, place, image)) == image


@pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="dpkg-deb makes the package")
def test_a_package_without_kernel_says_so(tmp_path: Path) -> None:
    with pytest.raises(FetchError, match="no kernel in"):
        image_in(package(tmp_path, "boot/config-6.1.0", b"CONFIG_BPF=y\n"))


def test_a_kernel_that_is_kept_is_not_fetched_again(tmp_path: Path) -> None:
    kept = tmp_path / "bullseye" / "vmlinuz-5.10.0-46-cloud-amd64"
    kept.parent.mkdir()
    kept.write_bytes(b"kernel")
    assert kernel_image("bullseye", tmp_path, None) == kept


def package(folder: Path, place: str, content: bytes) -> Path:
    """A Debian package with one file at `place`."""
    tree = folder / "tree"
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "DEBIAN" / "control").write_text(
        "Package: linux-image\nVersion: 1\nArchitecture: all\nMaintainer: n <n@localhost>\nDescription: none\n"
    )
    (tree / place).parent.mkdir(parents=True)
    (tree / place).write_bytes(content)
    made = folder / "linux-image.deb"
    subprocess.run(["dpkg-deb", "--build", "-Zgzip", tree, made], check=True, capture_output=True)
    return made
