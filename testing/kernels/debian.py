"""Debian's kernels, one a suite. In: a suite's name. Out: its newest cloud kernel and MODULES, kept in a cache folder.

apt fetches and verifies, with a state of its own, so that the machine's packages and lists are left alone. The mirror
is the one that this machine's apt has for Debian, unless another is named. Needs apt-get, dpkg-deb and Debian's keys.
"""

from __future__ import annotations

import lzma
import os
import re
import subprocess
import tarfile
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

SUITES: Final = ("bullseye", "bookworm", "trixie", "sid")
"""Linux 5.10, 6.1, 6.12, and the newest."""
MODULES: Final = ("veth", "sch_ingress", "cls_bpf")
"""What is no part of the kernel itself and is needed to attach a policy at a pair of devices."""
_KEYS: Final = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_META: Final = "linux-image-cloud-amd64"
_SITES: Final = ("apt-get", "indextargets", "--format", "$(SITE)", "Created-By: Packages", "Origin: Debian")
_APT_CONF: Final = """\
Dir::State "{root}/state";
Dir::State::status "{root}/state/status";
Dir::Cache "{root}/cache";
Dir::Etc::sourcelist "{root}/sources.list";
Dir::Etc::sourceparts "-";
APT::Architecture "amd64";
APT::Sandbox::User "";
Acquire::Languages "none";
"""


class FetchError(Exception):
    """No kernel of this suite; the text says why."""


@dataclass(frozen=True, slots=True)
class Mirrors:
    """Where packages come from; `security` "" where there is none beside `main`."""

    main: str
    security: str = ""


@dataclass(frozen=True, slots=True)
class Kernel:
    """`modules` in the order in which they are loaded, not compressed."""

    image: Path
    modules: tuple[Path, ...]


def cache_folder() -> Path:
    """`$XDG_CACHE_HOME/ebpfc/kernels` (`~/.cache/ebpfc/kernels`), made if need be."""
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    folder = (base if base.is_absolute() else Path.home() / ".cache") / "ebpfc" / "kernels"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def machine_mirrors() -> Mirrors:
    """Those of this machine's apt. FetchError when it has none for Debian."""
    security = set(_run(*_SITES, "Label: Debian-Security").split())
    main = [site for site in _run(*_SITES).split() if site not in security]
    if not main:
        raise FetchError("this machine's apt knows no Debian mirror: name one with --mirror")
    return Mirrors(main[0], min(security, default=""))


def fetch_kernel(suite: str, folder: Path, mirrors: Mirrors | None, refresh: bool = False) -> Kernel:
    """The suite's kernel; fetched when `folder` has none yet, or to `refresh` it. `mirrors` None: the machine's own.
    FetchError."""
    home = folder / suite
    kernel = Kernel(home / "vmlinuz", tuple(home / f"{name}.ko" for name in MODULES))
    wanted = (kernel.image, *kernel.modules)
    if refresh or not all(path.exists() for path in wanted):
        files = _fetched(suite, home, mirrors or machine_mirrors())
        for path in wanted:
            if path.name not in files:
                raise FetchError(f"no {path.name} in the packages of {suite}")
            aside = path.with_suffix(".part")
            aside.write_bytes(files[path.name])
            aside.rename(path)
    return kernel


def _fetched(suite: str, home: Path, mirrors: Mirrors) -> dict[str, bytes]:
    """The suite's newest kernel and modules, by name."""
    if not _KEYS.exists():
        raise FetchError(f"{_KEYS} is missing: install debian-archive-keyring")
    environment = os.environ | {"APT_CONFIG": str(_private_apt(home, suite, mirrors))}
    _run("apt-get", "update", "--quiet", environment=environment)
    packages = kernel_packages(lambda name: _run("apt-cache", "depends", name, environment=environment))
    files: dict[str, bytes] = {}
    with tempfile.TemporaryDirectory(dir=home) as scratch:
        _run("apt-get", "download", *packages, environment=environment, cwd=Path(scratch))
        for archive in Path(scratch).glob("*.deb"):
            files |= files_in(archive)
    return files


def kernel_packages(depends: Callable[[str], str]) -> tuple[str, ...]:
    """The packages that hold kernel and modules: linux-image-VERSION, or what that depends on from 7.x on,
    linux-binary-VERSION and linux-modules-VERSION. `depends` is `apt-cache depends` of a package. FetchError."""
    found = re.search(r"Depends: (linux-image-\d\S+)", depends(_META))
    if not found:
        raise FetchError(f"no package {_META} there")
    parts = re.findall(r"Depends: (linux-(?:binary|modules)-\d\S+)", depends(found[1]))
    return tuple(parts) or (found[1],)


def files_in(archive: Path) -> dict[str, bytes]:
    """A package's "vmlinuz" (/boot/vmlinuz-VERSION, or /usr/lib/modules/VERSION/vmlinuz) and MODULES, unpacked."""
    found: dict[str, bytes] = {}
    with (
        subprocess.Popen(("dpkg-deb", "--fsys-tarfile", str(archive)), stdout=subprocess.PIPE) as unpacking,
        tarfile.open(fileobj=unpacking.stdout, mode="r|") as files,
    ):
        for member in files:
            name = Path(member.name).name.removesuffix(".xz")
            name = "vmlinuz" if name.startswith("vmlinuz-") else name
            if member.isfile() and (name == "vmlinuz" or name.removesuffix(".ko") in MODULES):
                stream = files.extractfile(member)
                assert stream is not None  # of a regular file
                content = stream.read()
                found[name] = lzma.decompress(content) if member.name.endswith(".xz") else content
    return found


def _private_apt(home: Path, suite: str, mirrors: Mirrors) -> Path:
    """An apt of the suite's own below `home`; answers its configuration."""
    for name in ("state/lists/partial", "cache/archives/partial"):
        (home / name).mkdir(parents=True, exist_ok=True)
    (home / "state" / "status").touch()
    lines = [f"deb [signed-by={_KEYS}] {mirrors.main} {suite} main"]
    if mirrors.security and suite != "sid":
        lines.append(f"deb [signed-by={_KEYS}] {mirrors.security} {suite}-security main")
    (home / "sources.list").write_text("\n".join(lines) + "\n")
    config = home / "apt.conf"
    config.write_text(_APT_CONF.format(root=home))
    return config


def _run(*command: str, environment: dict[str, str] | None = None, cwd: Path | None = None) -> str:
    try:
        done = subprocess.run(command, env=environment, cwd=cwd, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise FetchError(f"{command[0]} is not on this machine: it needs Debian or one of its kind") from None
    if done.returncode:
        raise FetchError(f"{' '.join(command[:3])} failed: {done.stderr.strip()[-300:]}")
    return done.stdout
