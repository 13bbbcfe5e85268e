"""A cpio archive such as a kernel takes for its first file system. In: files by path. Out: the archive's bytes.

The format is "newc": Documentation/driver-api/early-userspace/buffer-format.rst. The same files give the same bytes.
"""

from __future__ import annotations

import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

_FOLDER = stat.S_IFDIR | 0o755
_FILE = stat.S_IFREG | 0o755
_CONSOLE = PurePosixPath("/dev/console")
_CONSOLE_DEVICE = (5, 1)
"""Major and minor: Documentation/admin-guide/devices.txt. Without this node the first process has no output."""


@dataclass(frozen=True, slots=True)
class _Entry:
    path: PurePosixPath
    mode: int
    data: bytes = b""
    device: tuple[int, int] = (0, 0)


def initial_archive(files: dict[str, bytes], folders: Iterable[str] = ()) -> bytes:
    """Files by absolute path, all of them executable; the folders on the way, `folders` and /dev/console are made."""
    entries = {PurePosixPath(path): _Entry(PurePosixPath(path), _FILE, data) for path, data in files.items()}
    entries[_CONSOLE] = _Entry(_CONSOLE, stat.S_IFCHR | 0o600, device=_CONSOLE_DEVICE)
    wanted = {parent for path in entries for parent in path.parents} | {PurePosixPath(path) for path in folders}
    for path in wanted - {PurePosixPath("/")}:
        if entries.setdefault(path, _Entry(path, _FOLDER)).mode != _FOLDER:
            raise ValueError(f"{path} is a file and a folder")
    # A folder sorts before what it holds, as the kernel wants it.
    packed = [_pack(str(path)[1:], entries[path], number) for number, path in enumerate(sorted(entries), 1)]
    return b"".join(packed) + _pack("TRAILER!!!", _Entry(PurePosixPath("/"), 0), 0)


def _pack(name: str, entry: _Entry, inode: int) -> bytes:
    """Thirteen numbers of eight hex digits: inode, mode, uid, gid, links, mtime, size, device (major, minor), the
    node's own device (major, minor), length of the name with its NUL, checksum (0 in this format)."""
    path = name.encode() + b"\0"
    numbers = (inode, entry.mode, 0, 0, 1, 0, len(entry.data), 0, 0, *entry.device, len(path), 0)
    header = b"070701" + "".join(f"{number:08X}" for number in numbers).encode() + path
    return _padded(header) + _padded(entry.data)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
