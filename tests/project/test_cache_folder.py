"""The user's cache folder: what is kept comes back whole, and only from a folder that no one else can write to."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ebpfc.cache_folder import read_cached, write_cached
from ebpfc.compiler.codegen import emit, template_code
from ebpfc.compiler.pipeline import Options, compile_text

CONTENT = bytes(range(256)) * 40
TEXT = "hook xdp, tc ingress\ndrop malformed\npass vxlan 5 and tcp dst port {22, 80-90} or ip6\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    return tmp_path / "home" / "ebpfc"


def test_what_is_kept_comes_back_and_nothing_else_is_left(folder: Path) -> None:
    assert read_cached("a") is None
    write_cached("a", b"before")
    write_cached("a", CONTENT)
    assert read_cached("a") == CONTENT
    assert read_cached("b") is None
    assert [path.name for path in folder.iterdir()] == ["a"]
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "a").stat().st_mode & 0o777 == 0o600


def test_a_changed_or_shortened_file_is_none(folder: Path) -> None:
    write_cached("a", CONTENT)
    whole = (folder / "a").read_bytes()
    for broken in (b"", whole[:31], whole[:-1], whole + b"x", whole[:100] + b"!" + whole[101:], b"!" + whole[1:]):
        (folder / "a").write_bytes(broken)
        assert read_cached("a") is None


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o1777])
def test_a_folder_that_others_can_write_is_not_used(folder: Path, mode: int) -> None:
    write_cached("a", CONTENT)
    folder.chmod(mode)
    write_cached("b", CONTENT)
    assert read_cached("a") is None
    assert [path.name for path in folder.iterdir()] == ["a"]


def test_links_are_not_followed(folder: Path, tmp_path: Path) -> None:
    write_cached("a", CONTENT)
    (folder / "a").rename(tmp_path / "a")
    (folder / "a").symlink_to(tmp_path / "a")
    assert read_cached("a") is None, "the file is a link"
    (folder / "a").unlink()
    (tmp_path / "a").rename(folder / "a")
    folder.rename(tmp_path / "elsewhere")
    folder.symlink_to(tmp_path / "elsewhere")
    assert read_cached("a") is None, "the folder is a link"


def test_a_device_or_a_pipe_in_its_place_is_none(folder: Path) -> None:
    write_cached("a", CONTENT)
    os.mkfifo(folder / "pipe")
    (folder / "inner").mkdir()
    assert read_cached("pipe") is None
    assert read_cached("inner") is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_folder_of_someone_else_is_not_used(folder: Path) -> None:
    """As with sudo, which may leave HOME as it was."""
    write_cached("a", CONTENT)
    os.chown(folder, 65534, 65534)
    assert read_cached("a") is None


def test_no_place_for_a_folder_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    write_cached("a", CONTENT)
    assert read_cached("a") is None


# ------------------------------------------------------------------------------------------------ templates from there


def _emitted() -> str:
    emit._environment.cache_clear()
    return compile_text(TEXT, Options()).c_text


def test_templates_from_the_cache_say_the_same(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = _emitted()
    assert [path.name.partition("-")[0] for path in folder.iterdir() if "templates" in path.name] == ["templates"]
    with monkeypatch.context() as patch:
        patch.setattr("jinja2.Environment.compile", lambda *_: pytest.fail("the cache was not used"))
        assert _emitted() == first


def test_a_broken_cache_of_templates_is_compiled_anew(folder: Path) -> None:
    first = _emitted()
    (file,) = folder.glob("templates-*")
    for content in (b"", b"no code", file.read_bytes()[:500]):
        write_cached(file.name, content)
        assert _emitted() == first


def test_other_texts_are_other_code(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same folder serves two versions of the templates side by side."""
    for content in ("one", "two"):
        other = tmp_path / content
        other.mkdir()
        (other / "policy.c.j2").write_text(f"/* {content} */\n", "ascii")
        monkeypatch.setattr(template_code.templates, "__file__", str(other / "__init__.py"))
        assert _emitted().strip() == f"/* {content} */"
    assert len(list(folder.glob("templates-*"))) == 2


@pytest.fixture(autouse=True)
def _templates_as_they_are() -> object:
    """The environment that a test leaves is not the next one's."""
    yield
    emit._environment.cache_clear()
