"""What a process makes is its user's alone, also in a folder that was open before."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from stagepass.settings import Settings


def modes(folder: Path) -> dict[str, int]:
    """By path, who besides the owner may do anything with it."""
    return {
        str(path.relative_to(folder)): stat.S_IMODE(path.lstat().st_mode) & 0o077
        for path in [folder, *folder.rglob("*")]
        if not path.is_symlink()
    }


def test_an_open_folder_is_closed_and_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = tmp_path / "data"
    (folder / "files").mkdir(parents=True)
    for name in ("stagepass.db", "secret"):
        (folder / name).write_text("x")
        (folder / name).chmod(0o644)
    folder.chmod(0o755)
    (folder / "files").chmod(0o755)
    Settings.load(_env_file=None, data_dir=folder).folder  # noqa: B018
    assert not any(modes(folder).values())
    assert "was open to other users" in caplog.text
    caplog.clear()
    Settings.load(_env_file=None, data_dir=folder).folder  # noqa: B018
    assert not caplog.text


def test_a_folder_that_is_used_for_more_stays_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "stagepass.db").write_text("x")
    tmp_path.chmod(0o755)
    (tmp_path / "stagepass.db").chmod(0o644)
    monkeypatch.chdir(tmp_path)
    Settings.load(_env_file=None, data_dir=Path()).folder  # noqa: B018
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755
    assert stat.S_IMODE((tmp_path / "stagepass.db").stat().st_mode) == 0o600


def test_a_command_makes_nothing_that_others_may_read(tmp_path: Path) -> None:
    """Under the mask that a shell has; a database, a secret and files."""
    folder = tmp_path / "data"
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "DATA_DIR": str(folder)}
    stagepass = [sys.executable, "-m", "stagepass.cli"]
    subprocess.run([*stagepass, "db", "upgrade"], env=env, cwd=tmp_path, umask=0o022, check=True, capture_output=True)
    assert (folder / "stagepass.db").exists()
    assert not any(modes(folder).values())
    subprocess.run([*stagepass, "new", "hello"], env=env, cwd=tmp_path, umask=0o022, check=True, capture_output=True)
    assert any(modes(tmp_path / "pipelines").values())  # a project of theirs
