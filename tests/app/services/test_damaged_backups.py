"""A backup that is not whole, a place that is not empty, a disk that is full, a process that is killed: never half a restore."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time

import pytest

from app import migrations
from app.db import make_engine, transaction
from app.domain.errors import Conflict, WingcheckError
from app.models import Volunteer
from app.services import restore as restoring
from app.services import tables
from app.services.backup import back_up
from app.services.bags import DamagedBag
from app.services.restore import restore, verify
from app.storage import LocalStorage, make_storage
from tests.conftest import copy_of, make_settings, running
from tests.running import environment
from tests.season import assert_same_rows, write_season
from tests.versions import make_version, put_into_service


@pytest.fixture(scope="module")
def source(tmp_path_factory, sqlite_template):
    """Settings of a service with a small season and an imported model version."""
    folder = tmp_path_factory.mktemp("source")
    settings = make_settings(folder, database_url=copy_of(sqlite_template, folder))
    with running(settings) as service:
        write_season(service.sessions, make_storage(settings), 20)
        put_into_service(service.sessions, settings, make_version(folder))
    return settings


@pytest.fixture(scope="module")
def backups(tmp_path_factory, source):
    """A backup as a folder and one as a tar file."""
    folder = tmp_path_factory.mktemp("backups")
    for name in ("bag", "b.tar"):
        back_up(source, make_engine(source.database_url), make_storage(source), folder / name)
    return folder


@pytest.fixture
def bag(backups, tmp_path):
    """A copy of the folder, to be damaged."""
    return shutil.copytree(backups / "bag", tmp_path / "bag")


@pytest.fixture
def place(tmp_path):
    return make_settings(tmp_path / "new")


def into(place, source):
    restore(place, make_engine(place.database_url), make_storage(place), source)


def assert_empty(place):
    """No row and no file; the folder and an empty database may be there."""
    engine = make_engine(place.database_url)
    with engine.connect() as connection:
        revision = migrations.current(connection)
        if revision is not None:
            tables.check_empty(connection, tables.tables_at(revision))
    left = [path for path in place.data_dir.rglob("*") if path.is_file() and not path.name.startswith("wingcheck.db")]
    assert left == []


# --- damage ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.0, 0.001, 0.2, 0.5, 0.9, 0.99, 0.9995])
def test_a_tar_file_that_was_cut_short_is_refused(backups, tmp_path, place, share):
    data = (backups / "b.tar").read_bytes()
    end = data.rstrip(b"\0")  # what follows is only padding
    (tmp_path / "cut.tar").write_bytes(data[: int(len(end) * share)])
    with pytest.raises(DamagedBag):
        into(place, tmp_path / "cut.tar")
    assert_empty(place)


@pytest.mark.parametrize("share", [0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.999])
def test_one_changed_byte_in_a_tar_file_is_noticed(backups, tmp_path, place, share):
    data = bytearray((backups / "b.tar").read_bytes())
    with tarfile.open(backups / "b.tar") as tar:  # somewhere in the content of a file, about there
        members = [m for m in tar if m.size]
        member = members[int(len(members) * share)]
    data[member.offset_data + member.size // 2] ^= 1
    (tmp_path / "changed.tar").write_bytes(data)
    with pytest.raises(DamagedBag, match="damaged"):
        into(place, tmp_path / "changed.tar")
    assert_empty(place)


@pytest.mark.parametrize(
    "name",
    ["data/tables/submissions.jsonl", "data/backup.json", "manifest-sha256.txt", "bagit.txt", "a photo", "a model"],
)
@pytest.mark.parametrize("damage", ["changed", "cut", "gone"])
def test_a_damaged_file_is_named(bag, place, name, damage):
    found = {"a photo": "data/photos/display/*/*.jpg", "a model": "data/models/*/model.json"}.get(name, name)
    path = next(bag.glob(found))
    data = path.read_bytes()
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(data[:-1] if damage == "cut" else bytes([data[0] ^ 1]) + data[1:])
    with pytest.raises(DamagedBag, match=path.name.replace(".", r"\.")):
        into(place, bag)
    assert_empty(place)


def test_a_backup_that_was_never_finished_is_refused(bag, place):
    (bag / "tagmanifest-sha256.txt").unlink()
    with pytest.raises(DamagedBag, match="never finished"):
        into(place, bag)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 something else", b"\0" * 4096, b"text\n" * 500])
def test_any_other_file_is_no_backup(tmp_path, place, content):
    (tmp_path / "other.tar").write_bytes(content)
    with pytest.raises(DamagedBag):
        into(place, tmp_path / "other.tar")


def test_a_place_without_a_backup_is_said(tmp_path, place):
    with pytest.raises(DamagedBag, match="no backup at"):
        into(place, tmp_path / "nowhere")


def seal(bag):
    """Make the manifests right again, as whoever made the changes on purpose would."""
    for manifest, pattern in (("manifest-sha256.txt", "data/**/*"), ("tagmanifest-sha256.txt", "*.txt")):
        files = [p for p in sorted(bag.glob(pattern)) if p.is_file() and not p.name.startswith("tagmanifest")]
        names = [str(path.relative_to(bag)) for path in files]
        found = subprocess.run(["sha256sum", "--", *names], cwd=bag, capture_output=True, check=True)
        (bag / manifest).write_bytes(found.stdout)


def test_names_that_lead_out_of_the_backup_are_refused(bag, place):
    manifest = bag / "manifest-sha256.txt"
    manifest.write_text(manifest.read_text() + f"{'0' * 64}  data/../../outside\n")
    found = subprocess.run(["sha256sum", manifest.name, "bagit.txt"], cwd=bag, capture_output=True, check=True)
    (bag / "tagmanifest-sha256.txt").write_bytes(found.stdout)
    with pytest.raises(DamagedBag, match="list of files"):
        into(place, bag)


@pytest.mark.parametrize(("field", "value"), [("format", 2), ("revision", "9999")])
def test_a_backup_of_a_newer_wingcheck_is_refused(bag, place, field, value):
    path = bag / "data" / "backup.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {field: value}))
    seal(bag)
    with pytest.raises(WingcheckError, match="newer"):
        into(place, bag)
    assert_empty(place)


def test_a_row_that_the_database_refuses_is_named_and_nothing_is_kept(bag, place):
    path = bag / "data" / "tables" / "submissions.jsonl"
    lines = path.read_text().splitlines()
    lines[6] = json.dumps(json.loads(lines[6]) | {"individual_count": -1})
    path.write_text("\n".join(lines) + "\n")
    seal(bag)
    with pytest.raises(WingcheckError, match=r"submissions with id 7.*count_positive"):
        into(place, bag)
    assert_empty(place)


# --- places that are not empty ----------------------------------------------------------------------------------------


def test_a_database_with_rows_is_refused(backups, place, tmp_path):
    with running(place) as service:
        migrations.upgrade(make_engine(place.database_url))
        with transaction(service.sessions) as session:
            session.add(Volunteer(key="somebody"))
    with pytest.raises(Conflict, match="rows in volunteers"):
        into(place, backups / "b.tar")
    assert list(make_storage(place).keys()) == []


def test_a_storage_with_other_photos_is_refused_and_left_alone(backups, place):
    make_storage(place).put("original/ab/abcdef", b"somebody's")
    with pytest.raises(Conflict, match="original/ab/abcdef"):
        into(place, backups / "b.tar")
    assert list(make_storage(place).keys()) == ["original/ab/abcdef"]


def test_another_model_version_of_that_name_is_refused_and_left_alone(backups, place, source):
    [name] = [folder.name for folder in source.model_dir.iterdir()]
    (place.model_dir / name).mkdir(parents=True)
    (place.model_dir / name / "model.json").write_text("{}")
    with pytest.raises(Conflict, match="another model version"):
        into(place, backups / "b.tar")
    assert (place.model_dir / name / "model.json").read_text() == "{}"


def test_another_schema_without_rows_is_refused(backups, place):
    migrations.upgrade(make_engine(place.database_url), "0001")
    with pytest.raises(Conflict, match="without tables"):
        into(place, backups / "b.tar")


def test_photos_that_are_there_already_stay_when_the_restore_fails(backups, place, source, monkeypatch):
    """The database alone was lost: its photos are not the restore's to remove."""
    shutil.copytree(source.photo_dir, place.photo_dir)
    monkeypatch.setattr(restoring, "fill", lambda *_: (_ for _ in ()).throw(OSError(errno.EIO, "broken")))
    with pytest.raises(OSError, match="broken"):
        into(place, backups / "b.tar")
    assert set(make_storage(place).keys()) == set(make_storage(source).keys())


# --- disks and deaths -------------------------------------------------------------------------------------------------


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
    with pytest.raises(WingcheckError, match="no room"):
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
    "import sys, time; from app.services import restore; real = restore._put_photos;"
    "real_fill = restore.fill;"
    "restore.fill = lambda *a: (print('now', flush=True), time.sleep(60)) if {0!r} == 'rows' else real_fill(*a);"
    "restore._put_model = lambda *a: (print('now', flush=True), time.sleep(60));"
    "from app.cli import main; sys.argv = ['wingcheck', 'restore', sys.argv[1]]; main()"
)


def killed_in(stage, source, place):
    """Restore in a process, and kill it half-way."""
    code = SLOW.format(stage)
    if stage == "rows":
        code = code.replace("restore._put_model", "_")
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
        "import sys, os, signal; from app.services import tables; real = tables._write;\n"
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
