"""Python, the runtime, `ip` and objects, for a kernel to boot into. In: `Subject`s. Out: files by path.

Nothing is listed by hand: a Python like the guest's is started here, imports the guest, calls libbpf and asks rtnetlink
something, and says which modules and libraries that took. They come along under their own paths. (A codec is imported
only when it is asked for by name, so the probe names what the guest will.)
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

import pyroute2
from elftools.elf.dynamic import DynamicSection
from elftools.elf.elffile import ELFFile
from elftools.elf.segments import InterpSegment

import ebpfc
from ebpfc.testing.kernels.archive import initial_archive
from ebpfc.testing.kernels.debian import Kernel
from ebpfc.testing.kernels.guest import FOLDER, LIST, MODULES
from ebpfc.testing.kernels.subjects import Subject

LIBRARIES = "/libraries"
"""Where shared libraries lie, under the names that others ask for them by; LD_LIBRARY_PATH there."""
_EMPTY = ("/proc", "/sys", "/dev", "/tmp", "/run")  # noqa: S108
_SEARCH = f"import sys; sys.path += {[str(Path(module.__file__ or '').parents[1]) for module in (ebpfc, pyroute2)]}\n"
_PROBE = """
import encodings.ascii, json, pyroute2
import ebpfc.testing.kernels.guest
from ebpfc.runtime.libbpf import libbpf, raise_memlock_limit
libbpf(), raise_memlock_limit()
with pyroute2.IPRoute() as route:
    list(route.get_filters(index=1, parent=0xFFFFFFF3))
modules = [m.__file__ for m in list(sys.modules.values()) if getattr(m, "__file__", None)]
mapped = {line.split(maxsplit=5)[5].strip() for line in open("/proc/self/maps") if "/" in line}
print(json.dumps([sorted(modules), sorted(mapped)]))
"""
_INIT = """
from ebpfc.testing.kernels.guest import first_process
first_process()
"""


def initramfs(files: Mapping[str, bytes], kernel: Kernel) -> bytes:
    """The whole file system for one kernel; `files` as `guest_files` gives them for all."""
    modules = {str(MODULES / path.name): path.read_bytes() for path in kernel.modules}
    return initial_archive({**files, **modules}, _EMPTY)


def guest_files(subjects: Iterable[Subject]) -> dict[str, bytes]:
    """Every file of the guest's by path; /init is the first process. Raises CalledProcessError when this machine's own
    Python cannot use libbpf."""
    python = Path(sys._base_executable).resolve()  # type: ignore[attr-defined]  # of a virtual environment, its own
    files = _python_files(python) | _program_files("ip") | object_files(subjects)
    files["/init"] = f"#!{python} -IS\n{_SEARCH}{_INIT}".encode()
    return files


def object_files(subjects: Iterable[Subject]) -> dict[str, bytes]:
    """The guest's folder: every object, and the list with its frames."""
    files: dict[str, bytes] = {}
    items = []
    for number, subject in enumerate(subjects):
        name = f"{number}.o"
        files[str(FOLDER / name)] = subject.data
        frames = [frame.hex() for frame in subject.frames]
        items.append(
            {
                "object": name, "traced": subject.traced, "wire": subject.wire, "frames": frames,
                "times": subject.times, "kernel": subject.kernel,
            }
        )  # fmt: skip
    files[str(FOLDER / LIST)] = json.dumps(items).encode()
    return files


def _python_files(python: Path) -> dict[str, bytes]:
    """The interpreter, and all that it opens until libbpf has answered."""
    probe = subprocess.run([python, "-IS", "-c", _SEARCH + _PROBE], check=True, capture_output=True, text=True)
    modules, mapped = json.loads(probe.stdout)
    files = {path: Path(path).read_bytes() for path in modules}
    for path in map(Path, mapped):
        if path.is_file() and path.read_bytes()[:4] == b"\x7fELF":
            files.update(_library(path))
    files[str(python)] = python.read_bytes()
    files[_loader(python)] = Path(_loader(python)).read_bytes()
    return files


def _program_files(name: str) -> dict[str, bytes]:
    """A command, and the libraries that the dynamic loader says it takes (ld.so(8))."""
    path = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if path is None:
        raise FileNotFoundError(f"{name} is not on this machine")
    listed = subprocess.run([_loader(Path(path)), "--list", path], check=True, capture_output=True, text=True)
    files = {f"/usr/bin/{name}": Path(path).read_bytes()}
    for library in re.findall(r"=> (/\S+)", listed.stdout):
        files.update(_library(Path(library)))
    return files


def _library(path: Path) -> dict[str, bytes]:
    """A shared library under the name by which others ask for it (DT_SONAME); what has none is a module of Python."""
    with path.open("rb") as stream:
        dynamic = ELFFile(stream).get_section_by_name(".dynamic")
        assert isinstance(dynamic, DynamicSection)  # of every shared library
        names = [str(tag.soname) for tag in dynamic.iter_tags("DT_SONAME")]  # type: ignore[attr-defined]  # by its kind
    return {f"{LIBRARIES}/{name}": path.read_bytes() for name in names}


def _loader(program: Path) -> str:
    """The dynamic loader that a program names (PT_INTERP)."""
    with program.open("rb") as stream:
        return next(s.get_interp_name() for s in ELFFile(stream).iter_segments() if isinstance(s, InterpSegment))
