"""Bytes that cost time to make anew, by name: kept in a folder that belongs to the user alone, or not at all.

In: a name that tells the content apart from every other (a digest of what it is made of), and the content. Out: the
same bytes another day, or None. Nothing here fails: no folder, one that others can write or that is another's (root
by sudo in a user's home), a full disk, a file cut short or changed only mean that what is asked for is not there.

The folder is held by a descriptor from the check on, so no one can put another in its place.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

_DIGEST_BYTES = 32


def read_cached(name: str) -> bytes | None:
    """What was kept under the name, whole and unchanged, else None."""
    with contextlib.suppress(OSError, RuntimeError), _folder() as folder:
        handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
        with os.fdopen(handle, "rb") as stream:
            digest, content = stream.read(_DIGEST_BYTES), stream.read()
        if hashlib.sha256(content).digest() == digest:
            return content
    return None


def write_cached(name: str, content: bytes) -> None:
    """Keeps the content if that can be done; written aside and renamed, so no one reads half of it."""
    with contextlib.suppress(OSError, RuntimeError), _folder() as folder:
        aside = f"{name}.{os.urandom(8).hex()}"
        handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=folder)
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(hashlib.sha256(content).digest() + content)
            os.replace(aside, name, src_dir_fd=folder, dst_dir_fd=folder)
        except BaseException:
            os.unlink(aside, dir_fd=folder)
            raise


@contextlib.contextmanager
def _folder() -> Iterator[int]:
    """`$XDG_CACHE_HOME/ebpfc` (`~/.cache/ebpfc`), made if need be. OSError, RuntimeError: there is none to trust."""
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    path = (base if base.is_absolute() else Path.home() / ".cache") / "ebpfc"
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        status = os.fstat(folder)
        if status.st_uid != os.geteuid() or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise PermissionError(path)
        yield folder
    finally:
        os.close(folder)
