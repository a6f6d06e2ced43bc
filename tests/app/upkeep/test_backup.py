"""A backup holds everything, and a restore gives all of it back, whichever the database was and is."""

import json
import subprocess
import tarfile
import threading

import pytest
from sqlalchemy import select, text, update

from app.core import jobs, migrations
from app.core.db import make_engine, make_session_factory, reading, transaction, utcnow
from app.core.errors import Conflict
from app.core.storage import make_storage
from app.predictions.tables import ModelVersion
from app.submissions.tables import Photo, Submission
from app.upkeep import backup as backups
from app.upkeep import copying as tables
from app.upkeep.backup import back_up
from app.upkeep.doctor import examine
from app.upkeep.restore import restore, verify
from tests.app.sending import row, submit
from tests.conftest import copy_of, make_settings, running
from tests.factories import photo
from tests.s3 import make_bucket, s3_server, s3_settings
from tests.season import assert_same_rows, new_postgresql, write_season
from tests.versions import make_version, put_into_service


def saved(service, target, **options):
    settings = service.settings
    return back_up(settings, make_engine(settings.database_url), make_storage(settings), target, **options)


def restored(source, folder, **values):
    """The settings of the place that the backup was restored into."""
    settings = make_settings(folder, **values)
    restore(settings, make_engine(settings.database_url), make_storage(settings), source)
    return settings


def files_of(settings):
    storage = make_storage(settings)
    return {key: storage.get(key) for key in storage.keys()}


@pytest.fixture(params=["backup.tar", "folder"])
def target(request, tmp_path):
    return tmp_path / "backups" / request.param


@pytest.fixture
def season(service):
    write_season(service.sessions, make_storage(service.settings), 30)
    return service


def test_rows_and_photos_come_back_into_sqlite(season, target, tmp_path):
    about = saved(season, target)
    settings = restored(target, tmp_path / "new")
    count = assert_same_rows(make_engine(season.settings.database_url), make_engine(settings.database_url))
    assert about.rows == count
    assert files_of(settings) == files_of(season.settings)
    assert about.photo_files == 15


def test_rows_and_photos_come_back_into_postgresql(season, target, tmp_path):
    saved(season, target)
    with new_postgresql() as url:
        restored(target, tmp_path / "new", database_url=url)
        assert_same_rows(make_engine(season.settings.database_url), make_engine(url))
        with transaction(make_session_factory(make_engine(url))) as session:
            volunteer = session.get_one(Submission, 1).volunteer_id
            session.add(Submission(token="next", volunteer_id=volunteer, idempotency_key="k", content_digest="d"))
            session.flush()
            assert session.scalar(select(Submission.id).where(Submission.token == "next")) == 31


def test_a_restored_service_takes_up_where_the_other_stopped(lite, target, tmp_path):
    waiting = submit(lite).token
    saved(lite, target)
    settings = restored(target, tmp_path / "new")
    with running(settings) as service:
        assert service.client.get(f"/s/{waiting}").status_code == 200
        with transaction(service.sessions) as session:
            session.execute(text("UPDATE jobs SET sent_at = NULL"))
        jobs.sweep(service.sessions, service.worker.dispatcher.send)
        assert service.work() == 1
        with reading(service.sessions) as session:
            assert session.scalars(select(Submission)).one().verdict is not None


def test_no_value_and_the_value_null_stay_apart(lite, target, tmp_path):
    """In a JSON column both read as None, and yet they are not the same row."""
    write_season(lite.sessions, make_storage(lite.settings), 3)
    with transaction(lite.sessions) as session:
        session.execute(text("UPDATE photos SET square = NULL WHERE id = 1"))
        session.execute(text("UPDATE photos SET square = 'null' WHERE id = 2"))
    saved(lite, target)
    settings = restored(target, tmp_path / "new")
    with make_engine(settings.database_url).connect() as connection:
        found = connection.execute(text("SELECT square FROM photos ORDER BY id")).scalars().all()
    assert found[:2] == [None, "null"]


def test_imported_models_and_the_cookie_key_come_along(lite, target, tmp_path):
    put_into_service(lite.sessions, lite.settings, make_version(tmp_path))
    (lite.settings.data_dir / "secret-key").write_text("the key")
    about = saved(lite, target)
    assert about.models == [folder.name for folder in lite.settings.model_dir.iterdir()]
    settings = restored(target, tmp_path / "new")
    for name in about.models:
        for path in (lite.settings.model_dir / name).rglob("*"):
            copy = settings.model_dir / name / path.relative_to(lite.settings.model_dir / name)
            assert path.is_dir() or copy.read_bytes() == path.read_bytes()
    key = settings.data_dir / "secret-key"
    assert (key.read_text(), key.stat().st_mode & 0o777) == ("the key", 0o600)


def test_the_cookie_key_can_be_left_out(lite, target, tmp_path):
    lite.settings.data_dir.mkdir(exist_ok=True)
    (lite.settings.data_dir / "secret-key").write_text("the key")
    saved(lite, target, secrets=False)
    assert not (restored(target, tmp_path / "new").data_dir / "secret-key").exists()


def test_a_backup_is_for_its_owner_only(lite, target):
    saved(lite, target)
    assert target.stat().st_mode & 0o077 == 0


def test_a_folder_proves_itself_without_wingcheck(season, tmp_path):
    saved(season, tmp_path / "bag")
    for manifest in ("manifest-sha256.txt", "tagmanifest-sha256.txt"):
        command = ["sha256sum", "--check", "--strict", "--quiet", manifest]
        assert subprocess.run(command, cwd=tmp_path / "bag", check=False).returncode == 0


def test_a_tar_file_holds_one_folder_of_plain_files(season, tmp_path):
    saved(season, tmp_path / "b.tar")
    with tarfile.open(tmp_path / "b.tar") as tar:
        members = tar.getmembers()
    assert all(member.isfile() and member.name.startswith("b/") for member in members)
    assert members[-1].name == "b/tagmanifest-sha256.txt"


def test_what_is_written_meanwhile_is_not_in_the_backup(service, target, monkeypatch):
    """Rows that refer to each other stand in different tables: they must be of one moment."""
    write_season(service.sessions, make_storage(service.settings), 5)
    real, done = tables.lines, threading.Event()

    def interrupted(connection, table):
        yield from real(connection, table)
        if table.name == "volunteers" and not done.is_set():
            submit(service, photo(77))
            done.set()

    monkeypatch.setattr(backups, "lines", interrupted)
    about = saved(service, target)
    assert done.is_set()
    assert {about.tables[name].rows for name in ("submissions", "photos", "claims")} == {5}


def test_a_photo_that_is_missing_is_said_and_all_else_is_kept(season, target, tmp_path):
    storage = make_storage(season.settings)
    lost = next(iter(storage.keys("original/")))
    storage.delete(lost)
    about = saved(season, target)
    assert about.missing == [lost]
    assert verify(target).missing == [lost]
    assert files_of(restored(target, tmp_path / "new")) == files_of(season.settings)


def test_files_of_withdrawn_photos_are_not_missed(season, target):
    storage = make_storage(season.settings)
    with transaction(season.sessions) as session:
        session.execute(update(Photo).values(removed_at=utcnow()))
    for key in list(storage.keys()):
        storage.delete(key)
    about = saved(season, target)
    assert (about.photo_files, about.missing) == (0, [])


def test_an_older_schema_is_backed_up_and_restored_into_the_newest(tmp_path, target):
    """Before an upgrade is when people make backups; and an old one must still be good for something."""
    old = make_settings(tmp_path / "old")
    engine = make_engine(old.database_url)
    migrations.upgrade(engine, "0001")
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO volunteers (id, key, language, created_at) VALUES (7, 'k', 'en', '2026-07-01 10:00:00.000000')"
            )
        )
    about = back_up(old, engine, make_storage(old), target)
    assert about.revision == "0001"
    new = restored(target, tmp_path / "new")
    with make_engine(new.database_url).connect() as connection:
        assert migrations.is_current(connection)
        assert connection.execute(text("SELECT id, key FROM volunteers")).all() == [(7, "k")]


def test_a_database_without_tables_has_nothing_to_back_up(tmp_path, target):
    settings = make_settings(tmp_path / "empty")
    with pytest.raises(Exception, match="no tables"):
        back_up(settings, make_engine(settings.database_url), make_storage(settings), target)
    assert not target.exists()


def test_nothing_is_written_over(lite, target):
    saved(lite, target)
    with pytest.raises(Conflict, match="there already"):
        saved(lite, target)
    verify(target)


@pytest.mark.parametrize("name", ["b.tar.gz", "b.zip", "b.tgz"])
def test_packed_backups_are_refused(lite, tmp_path, name):
    with pytest.raises(Conflict, match=r"folder or a \.tar file"):
        saved(lite, tmp_path / name)


def test_it_says_what_it_holds(season, target):
    about = saved(season, target)
    assert about.tables["submissions"].rows == 30
    with reading(season.sessions) as session:
        assert about.tables["model_versions"].rows == len(list(session.scalars(select(ModelVersion))))
    assert verify(target) == about


def test_progress_is_told(season, target):
    told = []
    saved(season, target, tell=lambda what, done, total: told.append((what, done, total)))
    assert all(done <= total for _, done, total in told)
    assert told[-1] == ("copying photos", 15, 15)


def test_the_summary_is_readable(season, tmp_path):
    saved(season, tmp_path / "bag")
    found = json.loads((tmp_path / "bag" / "data" / "backup.json").read_text())
    assert found["tables"]["photos"]["rows"] == 30
    assert len((tmp_path / "bag" / "data" / "tables" / "photos.jsonl").read_text().splitlines()) == 30


def test_photos_come_from_a_bucket_and_go_into_one(tmp_path, sqlite_template, target):
    """A whole service on S3, its backup in a folder, and from there into another bucket."""
    with s3_server() as url:
        for bucket in ("first", "second"):
            make_bucket(url, bucket)
        folder = tmp_path / "first"
        folder.mkdir()
        first = make_settings(folder, database_url=copy_of(sqlite_template, folder), **s3_settings(url, "first"))
        with running(first) as service:
            token = submit(service, photo(1)).token
            assert service.work() == 1
            photo_token = row(service, token).photos[0].token
            assert service.client.get(f"/photos/{photo_token}/thumb.jpg").status_code == 200
            assert not first.photo_dir.exists()
            assert saved(service, target).photo_files == 3
            assert examine(first, make_engine(first.database_url), make_storage(first)).findings == []
        into_folder = restored(target, tmp_path / "folder")
        into_bucket = restored(target, tmp_path / "second", **s3_settings(url, "second"))
        assert files_of(into_folder) == files_of(into_bucket) == files_of(first)
