"""A report is written whole or not at all: the old one survives whatever happens."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from aitia.report import CannotWrite, write_text


def test_writes_and_replaces(tmp_path: Path):
    path = tmp_path / "report.html"
    assert write_text(path, "first") == path
    write_text(path, "second ✓")
    assert path.read_text(encoding="utf-8") == "second ✓"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX")
def test_the_file_is_as_readable_as_any_other(tmp_path: Path):
    write_text(tmp_path / "report.html", "x")
    (tmp_path / "plain").write_text("x")
    mode = stat.S_IMODE((tmp_path / "report.html").stat().st_mode)
    assert mode == stat.S_IMODE((tmp_path / "plain").stat().st_mode)


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_full_disk_keeps_the_old_file(step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "report.html"
    write_text(path, "old")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, step, full)
    with pytest.raises(
        CannotWrite, match=r"no space left on device\. The file that was there before is unchanged"
    ):
        write_text(path, "new")
    monkeypatch.undo()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path], "the half-written file was left behind"


def test_a_disk_that_is_really_full(tmp_path: Path):
    """On a small disk of its own (tmpfs): as root the mount works, elsewhere it is skipped."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)]
    if sys.platform != "linux" or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a small disk needs Linux and the right to mount one")
    try:
        path = disk / "report.html"
        write_text(path, "old")
        with pytest.raises(CannotWrite) as caught:
            write_text(path, "n" * 200_000)
        assert path.read_text() == "old"
        assert [each.name for each in disk.iterdir()] == ["report.html"]
        assert caught.value.exit_code == 5
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_folder_that_is_not_there(tmp_path: Path):
    with pytest.raises(CannotWrite, match="no such file or directory"):
        write_text(tmp_path / "nowhere" / "report.html", "x")
