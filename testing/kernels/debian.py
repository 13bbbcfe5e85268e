"""Debian's kernels, one a suite. In: a suite's name. Out: the path of its newest cloud kernel, kept in a cache folder.

apt fetches and verifies, with a state of its own, so that the machine's packages and lists are left alone. The mirror
is the one that this machine's apt has for Debian, unless another is named. Needs apt-get, dpkg-deb and Debian's keys.
"""

from __future__ import annotations

import os
import re
import subprocess
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

SUITES: Final = ("bullseye", "bookworm", "trixie", "sid")
"""Linux 5.10, 6.1, 6.12, and the newest."""
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


def kernel_image(suite: str, folder: Path, mirrors: Mirrors | None, refresh: bool = False) -> Path:
    """The suite's kernel, a file named vmlinuz-VERSION; fetched when `folder` has none yet, or to `refresh` it.
    `mirrors` None: the machine's own. FetchError."""
    home = folder / suite
    kept = sorted(home.glob("vmlinuz-*"))
    if kept and not refresh:
        return kept[0]
    if not _KEYS.exists():
        raise FetchError(f"{_KEYS} is missing: install debian-archive-keyring")
    config = _private_apt(home, suite, mirrors or machine_mirrors())
    environment = os.environ | {"APT_CONFIG": str(config)}
    _run("apt-get", "update", "--quiet", environment=environment)
    package = kernel_package(lambda name: _run("apt-cache", "depends", name, environment=environment))
    for old in (*kept, *home.glob("*.deb")):
        old.unlink()
    _run("apt-get", "download", package, environment=environment, cwd=home)
    archive = next(home.glob("*.deb"))
    aside = home / "image.part"
    aside.write_bytes(image_in(archive))
    archive.unlink()
    return aside.rename(home / f"vmlinuz-{package.partition('-')[2].partition('-')[2]}")


def kernel_package(depends: Callable[[str], str]) -> str:
    """The package that holds the kernel itself: linux-image-VERSION, or from 7.x on linux-binary-VERSION, on which that
    depends. `depends` is `apt-cache depends` of a package. FetchError."""
    found = re.search(r"Depends: (linux-image-\d\S+)", depends(_META))
    if not found:
        raise FetchError(f"no package {_META} there")
    binary = re.search(r"Depends: (linux-binary-\d\S+)", depends(found[1]))
    return binary[1] if binary else found[1]


def image_in(archive: Path) -> bytes:
    """The file vmlinuz* of a package: /boot/vmlinuz-VERSION, or /usr/lib/modules/VERSION/vmlinuz. FetchError."""
    command = ("dpkg-deb", "--fsys-tarfile", str(archive))
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE) as unpacking,
        tarfile.open(fileobj=unpacking.stdout, mode="r|") as files,
    ):
        for member in files:
            if member.isfile() and Path(member.name).name.startswith("vmlinuz"):
                content = files.extractfile(member)
                assert content is not None  # of a regular file
                image = content.read()
                unpacking.kill()
                return image
    raise FetchError(f"no kernel in {archive.name}")


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
