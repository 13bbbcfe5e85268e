"""The BPF file system: where pins are, how they are made, moved and taken away, and records kept in maps beside them.

In: descriptors and names. Out: pins under `/sys/fs/bpf/ebpfc/<netns inode>-<ifindex>/<policy>/`. Nothing is kept
outside of bpffs: a record is JSON in a frozen one-entry array map, so it lives and goes with the pins it is about.
bpffs allows no dot in a name (kernel/bpf/inode.c). Names here are ours or have passed the manifest's checks.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ebpfc.runtime.errors import ControlError, KernelError, failure_of
from ebpfc.runtime.libbpf import MAP_TYPE_ARRAY, check, libbpf
from ebpfc.runtime.namespaces import network_inode, require_shared_mounts
from ebpfc.runtime.object import map_info

MOUNT = Path("/sys/fs/bpf")
ROOT = MOUNT / "ebpfc"
_MAGIC = 0xCAFE4A11  # BPF_FS_MAGIC, linux/magic.h
_NAME = re.compile(r"[A-Za-z0-9_+-]{1,64}")
_MAX_RECORD = 80 << 20  # bytes; more than the largest manifest


def is_mounted() -> bool:
    """Whether a BPF file system stands at /sys/fs/bpf."""
    room = ctypes.create_string_buffer(256)  # struct statfs: f_type comes first, a long
    library = ctypes.CDLL(None, use_errno=True)
    if library.statfs(os.fsencode(MOUNT), room) != 0:
        return False
    return ctypes.c_ulong.from_buffer(room).value & 0xFFFFFFFF == _MAGIC


def require_mounted() -> None:
    """Mounts bpffs where it is missing."""
    if is_mounted():
        return
    require_shared_mounts()
    library = ctypes.CDLL(None, use_errno=True)
    if library.mount(b"bpf", os.fsencode(MOUNT), b"bpf", ctypes.c_ulong(0), b"mode=0755") != 0:
        raise failure_of(f"mount the BPF file system on {MOUNT}", ctypes.get_errno())


def has_pins() -> bool:
    """Whether anything of ours is pinned. KernelError when that cannot be seen from here."""
    if ROOT.is_dir():
        return True
    if not is_mounted():
        require_shared_mounts()
    return False


@contextmanager
def locked() -> Iterator[None]:
    """One ebpfctl at a time: every change of pins and attachments happens under this lock."""
    fd = _lock_root()
    try:
        yield
    finally:
        os.close(fd)


def _lock_root() -> int:
    """A descriptor of ROOT that holds its lock. Another ebpfctl may remove ROOT while this one waits: then again."""
    while True:
        make_folder(ROOT)
        try:
            fd = os.open(ROOT, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        except OSError as problem:
            raise failure_of(f"open {ROOT}", problem.errno or errno.EIO) from None
        fcntl.flock(fd, fcntl.LOCK_EX)
        status = os.fstat(fd)
        if status.st_uid != os.geteuid() or status.st_mode & 0o022:
            os.close(fd)
            raise ControlError(f"{ROOT} belongs to somebody else: whoever made it could undo what is pinned there")
        if status.st_nlink and _is_same(ROOT, status):
            return fd
        os.close(fd)


def _is_same(path: Path, status: os.stat_result) -> bool:
    try:
        return path.stat().st_ino == status.st_ino
    except FileNotFoundError:
        return False


def device_folder(ifindex: int) -> Path:
    """Where the policies of a device of this network namespace are pinned."""
    return ROOT / f"{network_inode()}-{ifindex}"


def child(folder: Path, name: str) -> Path:
    """A path inside of `folder`, and nowhere else."""
    if _NAME.fullmatch(name) is None:
        raise ControlError("a name for a pin may hold letters, digits, _ and - only")
    return folder / name


def make_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as problem:
        raise failure_of(f"make {folder}", problem.errno or errno.EIO) from None


def pin(fd: int, path: Path) -> None:
    check(f"pin {path.name}", libbpf().bpf_obj_pin(fd, os.fsencode(path)))


def unpin(path: Path) -> None:
    path.unlink(missing_ok=True)


def get(path: Path) -> int | None:
    """A new descriptor of what is pinned there, or None."""
    fd = int(libbpf().bpf_obj_get(os.fsencode(path)))
    if fd == -errno.ENOENT:
        return None
    return check(f"open the pin {path.name}", fd)


@contextmanager
def opened(path: Path) -> Iterator[int | None]:
    """As `get`, closed afterwards."""
    fd = get(path)
    try:
        yield fd
    finally:
        if fd is not None:
            os.close(fd)


def remove_folder(folder: Path) -> None:
    """Takes away all pins in a folder, and the folder: what only they kept alive ends."""
    if not folder.is_dir():
        return
    for entry in folder.iterdir():
        if entry.is_dir():
            remove_folder(entry)
        else:
            unpin(entry)
    folder.rmdir()


def remove_if_empty(folder: Path) -> None:
    try:
        folder.rmdir()
    except OSError as problem:
        if problem.errno not in (errno.ENOTEMPTY, errno.ENOENT):
            raise failure_of(f"remove {folder}", problem.errno or errno.EIO) from None


def write_bytes(path: Path, content: bytes) -> None:
    """Keeps bytes in a frozen map pinned at `path`, in place of what was there."""
    library = libbpf()
    fd = check(
        "make a map for a record", library.bpf_map_create(MAP_TYPE_ARRAY, b"pf_record", 4, len(content) or 1, 1, None)
    )
    try:
        key = ctypes.c_uint32(0)
        check("write a record", library.bpf_map_update_elem(fd, ctypes.byref(key), content or b"\0", 0))
        check("freeze a record", library.bpf_map_freeze(fd))
        fresh = path.with_name("+record")
        unpin(fresh)
        pin(fd, fresh)
        fresh.rename(path)
    finally:
        os.close(fd)


def read_bytes(path: Path) -> bytes | None:
    """What `write_bytes` kept there, or None."""
    with opened(path) as fd:
        if fd is None:
            return None
        info = map_info(fd)
        if info.type != MAP_TYPE_ARRAY or info.key_size != 4 or info.value_size > _MAX_RECORD:
            raise ControlError(f"the pin {path} is no record of ebpfctl")
        room = ctypes.create_string_buffer(info.value_size)
        key = ctypes.c_uint32(0)
        check("read a record", libbpf().bpf_map_lookup_elem(fd, ctypes.byref(key), room))
        return room.raw


def write_record(path: Path, record: dict[str, Any]) -> None:
    write_bytes(path, json.dumps(record, sort_keys=True).encode())


def read_record(path: Path) -> dict[str, Any] | None:
    content = read_bytes(path)
    if content is None:
        return None
    try:
        record = json.loads(content)
    except ValueError:
        record = None
    if not isinstance(record, dict):
        raise KernelError(f"the record pinned at {path} is damaged", ("take the policy off: ebpfctl detach DEV",))
    return record
