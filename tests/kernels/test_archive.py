"""The first file system, read back as the kernel reads it (init/initramfs.c)."""

from __future__ import annotations

import stat

import pytest

from ebpfc.testing.kernels.archive import initial_archive


def entries(archive: bytes) -> list[tuple[str, int, bytes, tuple[int, int]]]:
    """Path, mode, content and device of each entry, in order; the last must be the trailer."""
    found, at = [], 0
    while True:
        assert archive[at : at + 6] == b"070701" and at % 4 == 0
        numbers = [int(archive[at + 6 + 8 * n : at + 14 + 8 * n], 16) for n in range(13)]
        size, length = numbers[6], numbers[11]
        path = archive[at + 110 : at + 110 + length]
        assert path.endswith(b"\0")
        begin = (at + 110 + length + 3) & ~3
        if path == b"TRAILER!!!\0":
            assert begin == len(archive)
            return found
        found.append((path[:-1].decode(), numbers[1], archive[begin : begin + size], (numbers[9], numbers[10])))
        at = (begin + size + 3) & ~3


def test_files_are_there_with_their_folders_before_them() -> None:
    found = entries(initial_archive({"/usr/bin/a": b"12345", "/init": b"#!"}, ["/proc"]))
    assert {path: data for path, mode, data, _ in found if stat.S_ISREG(mode)} == {"usr/bin/a": b"12345", "init": b"#!"}
    assert {path for path, mode, _, _ in found if stat.S_ISDIR(mode)} == {"dev", "proc", "usr", "usr/bin"}
    order = [path for path, *_ in found]
    assert order.index("usr") < order.index("usr/bin") < order.index("usr/bin/a")


def test_the_first_process_may_be_executed_and_has_a_console() -> None:
    found = {path: (mode, device) for path, mode, _, device in entries(initial_archive({"/init": b"#!"}))}
    assert found["init"][0] & 0o111
    assert stat.S_ISCHR(found["dev/console"][0])
    assert found["dev/console"][1] == (5, 1)


@pytest.mark.parametrize("length", range(5))
def test_every_length_is_padded(length: int) -> None:
    found = entries(initial_archive({"/" + "n" * (length + 1): b"x" * length, "/z": b"last"}))
    assert [data for path, _, data, _ in found if path == "z"] == [b"last"]
    assert [data for path, _, data, _ in found if path.startswith("n")] == [b"x" * length]


def test_the_same_files_in_any_order_are_the_same_bytes() -> None:
    assert initial_archive({"/a": b"1", "/b/c": b"2"}) == initial_archive({"/b/c": b"2", "/a": b"1"})


def test_a_path_cannot_be_file_and_folder() -> None:
    with pytest.raises(ValueError, match="/a is a file and a folder"):
        initial_archive({"/a": b"", "/a/b": b""})
