"""Python, the runtime and objects in one archive that a kernel boots into. In: `Subject`s. Out: the archive's bytes.

Nothing is listed by hand: a Python like the guest's is started here, imports the guest and calls libbpf, and says which
modules and libraries that took. They come along under their own paths.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from elftools.elf.dynamic import DynamicSection
from elftools.elf.elffile import ELFFile
from elftools.elf.segments import InterpSegment

import ebpfc
from ebpfc.testing.kernels.archive import initial_archive
from ebpfc.testing.kernels.guest import FOLDER, LIST
from ebpfc.testing.kernels.policies import Subject

LIBRARIES = "/libraries"
"""Where shared libraries lie, under the names that others ask for them by; LD_LIBRARY_PATH there."""
_EMPTY = ("/proc", "/sys", "/dev", "/tmp")  # noqa: S108
_SEARCH = f"import sys; sys.path.insert(0, {str(Path(ebpfc.__file__).parents[1])!r})\n"
_PROBE = """
import json
import ebpfc.testing.kernels.guest
from ebpfc.runtime.libbpf import libbpf, raise_memlock_limit
libbpf(), raise_memlock_limit()
modules = [m.__file__ for m in list(sys.modules.values()) if getattr(m, "__file__", None)]
mapped = {line.split(maxsplit=5)[5].strip() for line in open("/proc/self/maps") if "/" in line}
print(json.dumps([sorted(modules), sorted(mapped)]))
"""
_INIT = """
from ebpfc.testing.kernels.guest import first_process
first_process()
"""


def initramfs(subjects: Iterable[Subject]) -> bytes:
    """The whole file system. Raises CalledProcessError when this machine's own Python cannot use libbpf."""
    return initial_archive(guest_files(subjects), _EMPTY)


def guest_files(subjects: Iterable[Subject]) -> dict[str, bytes]:
    """Every file of it by path; /init is the first process."""
    python = Path(sys._base_executable).resolve()  # type: ignore[attr-defined]  # of a virtual environment, its own
    files = _python_files(python) | object_files(subjects)
    files["/init"] = f"#!{python} -IS\n{_SEARCH}{_INIT}".encode()
    return files


def object_files(subjects: Iterable[Subject]) -> dict[str, bytes]:
    """The guest's folder: every object, and the list with its frames."""
    files: dict[str, bytes] = {}
    items = []
    for number, subject in enumerate(subjects):
        name = f"{number}.o"
        files[str(FOLDER / name)] = subject.data
        items.append({"object": name, "traced": subject.traced, "frames": [frame.hex() for frame in subject.frames]})
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
