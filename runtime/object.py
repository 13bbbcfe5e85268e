"""A BPF object in the kernel: opened from bytes, loaded, its programs and maps by name.

In: the bytes of an ELF object. Out: `LoadedObject`, a context manager. The kernel frees what it loaded when the
last descriptor, pin or link is gone, so closing the object does not detach what was attached.
Raises ControlError (no BPF object) or KernelError (the kernel refuses it: the verifier's words translated).
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType

from ebpfc.runtime.errors import ControlError, failure_of
from ebpfc.runtime.libbpf import (
    MAP_TYPE_ARRAY,
    MapInfo,
    OpenOptions,
    ProgramInfo,
    captured_messages,
    check,
    libbpf,
    raise_memlock_limit,
)
from ebpfc.runtime.verifier_log import explain_load_failure

MAX_OBJECT = 256 << 20  # bytes; an object of more than this is no policy
LOG_STATISTICS = 4
"""BPF_LOG_STATS of linux/bpf_verifier.h: for each program, how many instructions the verifier stepped through."""


@dataclass(frozen=True, slots=True)
class LoadedProgram:
    name: str
    section: str
    fd: int


@dataclass(frozen=True, slots=True)
class LoadedMap:
    """`internal`: one that libbpf made for .rodata, .data or .bss."""

    name: str
    fd: int
    type: int
    key_size: int
    value_size: int
    max_entries: int
    internal: bool


class LoadedObject:
    """`programs` and `maps` by name; their descriptors end with `close`. `log`: what libbpf said while it loaded;
    `reused`: the names of those maps that were there before."""

    def __init__(
        self,
        handle: int,
        programs: dict[str, LoadedProgram],
        maps: dict[str, LoadedMap],
        log: str,
        reused: frozenset[str],
    ) -> None:
        self._handle = handle
        self.programs = programs
        self.maps = maps
        self.log = log
        self.reused = reused

    def close(self) -> None:
        handle, self._handle = self._handle, 0
        if handle:
            libbpf().bpf_object__close(handle)

    def __enter__(self) -> LoadedObject:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def load_object(
    data: bytes,
    *,
    wanted: Callable[[str], bool] = lambda _name: True,
    reuse: Mapping[str, int] | None = None,
    offload_ifindex: int = 0,
    log_level: int = 0,
) -> LoadedObject:
    """Loads the programs whose name is `wanted`; maps named in `reuse` are those descriptors instead of new ones,
    where type, sizes and flags are the same.
    `offload_ifindex`: the NIC that shall run the programs itself. `log_level`: what the verifier shall say of programs
    that it takes (LOG_STATISTICS), in the object's `log`; with 0 it speaks only of one that it refuses."""
    if not data.startswith(b"\x7fELF"):
        raise ControlError("this is not an ELF object", ("compile the rules first: ebpfc rules.pf -o out.o",))
    if len(data) > MAX_OBJECT:
        raise ControlError(f"an object of {len(data)} bytes is too large: at most {MAX_OBJECT}")
    library = libbpf()
    raise_memlock_limit()
    options = OpenOptions(object_name=b"pf", kernel_log_level=log_level)
    with captured_messages() as messages:
        handle = library.bpf_object__open_mem(data, len(data), ctypes.byref(options))
        if not handle:
            raise ControlError("libbpf cannot read this object", raw="".join(messages)) from failure_of(
                "open the object", ctypes.get_errno()
            )
        try:
            names = _prepare(handle, wanted, offload_ifindex)
            reused = _reuse(handle, reuse or {})
            answer = library.bpf_object__load(handle)
            if answer < 0:
                raise explain_load_failure("".join(messages), -answer, names)
        except BaseException:
            library.bpf_object__close(handle)
            raise
    return LoadedObject(handle, _programs(handle), _maps(handle), "".join(messages), reused)


def _each(step: str, handle: int) -> list[int]:
    function = getattr(libbpf(), step)
    found: list[int] = []
    item = function(handle, None)
    while item:
        found.append(item)
        item = function(handle, item)
    return found


def _prepare(handle: int, wanted: Callable[[str], bool], offload_ifindex: int) -> list[str]:
    """What must be said between opening and loading. Answers the names of the programs that will be loaded."""
    library = libbpf()
    names: list[str] = []
    for program in _each("bpf_object__next_program", handle):
        name = _text(library.bpf_program__name(program))
        if not wanted(name):
            library.bpf_program__set_autoload(program, False)
            continue
        names.append(name)
        if offload_ifindex:
            library.bpf_program__set_ifindex(program, offload_ifindex)
    for item in _each("bpf_object__next_map", handle):
        library.bpf_map__set_pin_path(item, None)  # an object may ask for pins by name: they are ours to make
        if offload_ifindex:
            library.bpf_map__set_ifindex(item, offload_ifindex)
    if not names:
        raise ControlError("this object holds no program to load")
    return names


def _reuse(handle: int, reuse: Mapping[str, int]) -> frozenset[str]:
    """Gives maps of the object descriptors to use; answers their names. libbpf itself would take any map for any."""
    library = libbpf()
    taken: list[str] = []
    for item in _each("bpf_object__next_map", handle):
        name = _text(library.bpf_map__name(item))
        if name not in reuse:
            continue
        info = map_info(reuse[name])
        there = (info.type, info.key_size, info.value_size, info.max_entries, info.map_flags)
        asked = ("type", "key_size", "value_size", "max_entries", "map_flags")
        if there == tuple(getattr(library, f"bpf_map__{what}")(item) for what in asked):
            check("reuse a pinned map", library.bpf_map__reuse_fd(item, reuse[name]))
            taken.append(name)
    return frozenset(taken)


def _programs(handle: int) -> dict[str, LoadedProgram]:
    library = libbpf()
    found = (
        LoadedProgram(
            _text(library.bpf_program__name(p)),
            _text(library.bpf_program__section_name(p)),
            library.bpf_program__fd(p),
        )
        for p in _each("bpf_object__next_program", handle)
    )
    return {p.name: p for p in found if p.fd >= 0}


def _maps(handle: int) -> dict[str, LoadedMap]:
    library = libbpf()
    found = (
        LoadedMap(
            _text(library.bpf_map__name(m)),
            library.bpf_map__fd(m),
            library.bpf_map__type(m),
            library.bpf_map__key_size(m),
            library.bpf_map__value_size(m),
            library.bpf_map__max_entries(m),
            library.bpf_map__is_internal(m),
        )
        for m in _each("bpf_object__next_map", handle)
    )
    return {m.name: m for m in found}


def _text(name: bytes | None) -> str:
    return (name or b"").decode("utf-8", "replace")


def require_privilege() -> None:
    """KernelError, with what to do, when this process may not use BPF: it tries to make a small map."""
    raise_memlock_limit()
    os.close(check("use BPF", libbpf().bpf_map_create(MAP_TYPE_ARRAY, b"pf_probe", 4, 4, 1, None)))


def program_info(fd: int) -> ProgramInfo:
    """`struct bpf_prog_info` of a program's descriptor."""
    info = ProgramInfo()
    size = ctypes.c_uint32(ctypes.sizeof(info))
    check("read a program's record", libbpf().bpf_obj_get_info_by_fd(fd, ctypes.byref(info), ctypes.byref(size)))
    return info


def map_info(fd: int) -> MapInfo:
    """`struct bpf_map_info` of a map's descriptor."""
    info = MapInfo()
    size = ctypes.c_uint32(ctypes.sizeof(info))
    check("read a map's record", libbpf().bpf_obj_get_info_by_fd(fd, ctypes.byref(info), ctypes.byref(size)))
    return info


def program_name_of_id(program_id: int) -> str:
    """The name of the program with this number, or "" when it is gone or may not be asked."""
    fd = libbpf().bpf_prog_get_fd_by_id(program_id)
    if fd < 0:
        return ""
    try:
        return bytes(program_info(fd).name).decode("utf-8", "replace")
    finally:
        os.close(fd)
