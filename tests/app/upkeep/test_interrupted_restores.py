"""A disk that is full, a process that is killed: never half a backup, never half a restore."""

import errno
import os
import signal
import subprocess
import sys
import time

import pytest

from app.core import migrations
from app.core.db import make_engine
from app.core.errors import WingcheckError
from app.core.storage import LocalStorage, make_storage
from app.upkeep import copying as tables
from app.upkeep import restore as restoring
from app.upkeep.backup import back_up
from app.upkeep.restore import verify
from tests.app.upkeep.restoring import assert_empty, into
from tests.running import environment
from tests.season import assert_same_rows


class SmallDisk:
    """Lets a number of photos through and is then full."""

    def __init__(self, room):
        self.room = room

    def __call__(self, storage, key, data, real=LocalStorage.put):
        self.room -= 1
        if self.room < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(storage, key, data)


@pytest.mark.parametrize("room", [0, 1, 7])
def test_a_disk_that_fills_up_leaves_an_empty_place(backups, place, monkeypatch, room):
    disk = SmallDisk(room)
    monkeypatch.setattr(LocalStorage, "put", lambda *given: disk(*given))
    with pytest.raises(OSError, match="No space left"):
        into(place, backups / "b.tar")
    assert_empty(place)
    disk.room = 1000
    into(place, backups / "b.tar")


def test_a_disk_without_room_is_noticed_before_anything_is_written(backups, place, monkeypatch):
    monkeypatch.setattr(restoring, "free_bytes", lambda _: 1000)
    with pytest.raises(WingcheckError, match="has no space for"):
        into(place, backups / "b.tar")
    assert_empty(place)


@pytest.mark.parametrize("name", ["full.tar", "full"])
def test_a_backup_onto_a_full_disk_leaves_nothing(source, tmp_path, name):
    """A process that may write files of 64 kB at most: the disk of a charity, in small."""
    code = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536));"
        "from app.cli import main; sys.argv = ['wingcheck', 'backup', sys.argv[1]]; main()"
    )
    target = tmp_path / "backups" / name
    found = subprocess.run(
        [sys.executable, "-c", code, str(target)],
        env=environment(source.data_dir, WINGCHECK_DATABASE_URL=source.database_url),
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 1
    assert "File too large" in found.stderr
    assert "Traceback" not in found.stderr
    assert list(target.parent.iterdir()) == []


SLOW = (
    "import sys, time; from app.upkeep import restore; real = restore._put_photos;"
    "real_fill = restore.fill;"
    "restore.fill = lambda *a: (print('now', flush=True), time.sleep(60)) if {0!r} == 'rows' else real_fill(*a);"
    "restore._put_folder = lambda *a: (print('now', flush=True), time.sleep(60));"
    "from app.cli import main; sys.argv = ['wingcheck', 'restore', sys.argv[1]]; main()"
)


def killed_in(stage, source, place):
    """Restore in a process, and kill it half-way."""
    code = SLOW.format(stage)
    if stage == "rows":
        code = code.replace("restore._put_folder", "_")
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(source)],
        env=environment(place.data_dir, WINGCHECK_DATABASE_URL=place.database_url),
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"now\n"
    process.send_signal(signal.SIGKILL)
    process.wait()


@pytest.mark.parametrize("stage", ["photos", "rows"])
def test_after_a_kill_the_same_command_starts_again(backups, place, source, stage):
    killed_in(stage, backups / "b.tar", place)
    into(place, backups / "b.tar")
    assert_same_rows(make_engine(source.database_url), make_engine(place.database_url))
    assert set(make_storage(place).keys()) == set(make_storage(source).keys())


def test_a_kill_in_the_middle_of_the_rows_leaves_none(backups, place, source):
    code = (
        "import sys, os, signal; from app.upkeep import copying as tables; real = tables._write;\n"
        "def write(connection, table, source):\n"
        "    real(connection, table, source)\n"
        "    if table.name == 'claims': os.kill(os.getpid(), signal.SIGKILL)\n"
        "tables._write = write\n"
        "from app.cli import main; sys.argv = ['wingcheck', 'restore', sys.argv[1]]; main()"
    )
    found = subprocess.run(
        [sys.executable, "-c", code, str(backups / "b.tar")],
        env=environment(place.data_dir, WINGCHECK_DATABASE_URL=place.database_url),
        check=False,
    )
    assert found.returncode == -signal.SIGKILL
    engine = make_engine(place.database_url)
    with engine.connect() as connection:
        tables.check_empty(connection, tables.tables_at(str(migrations.current(connection))))
    into(place, backups / "b.tar")
    assert_same_rows(make_engine(source.database_url), engine)


def test_a_backup_that_was_killed_is_replaced_by_the_next(source, tmp_path):
    part = tmp_path / ".b.tar.part"
    part.write_bytes(b"half")
    os.utime(part, (time.time() - 10,) * 2)
    back_up(source, make_engine(source.database_url), make_storage(source), tmp_path / "b.tar")
    verify(tmp_path / "b.tar")
    assert not part.exists()
