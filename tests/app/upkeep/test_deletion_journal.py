"""No deletion is lost: not by a restore, an older database put in place, or a process that dies in the middle."""

import shutil
from datetime import timedelta

import pytest
from sqlalchemy import select

from app.accounts import erasure
from app.accounts.tables import User
from app.core import db
from app.core.db import make_engine, make_session_factory, reading, transaction, utcnow
from app.core.storage import LocalStorage, make_storage
from app.core.storage.deletions import Deletion, Journal, make_journal
from app.core.tables import Job, JobKind
from app.submissions.rules import SubmissionStatus
from app.submissions.tables import Submission, Volunteer
from app.upkeep import restore as restoring
from app.upkeep.backup import back_up
from app.upkeep.deletions import Undone
from app.upkeep.restore import restore
from tests.app.sending import row, submissions, submit
from tests.app.upkeep.examining import found, repaired
from tests.conftest import copy_of, make_settings
from tests.factories import photo
from tests.people import make_user
from tests.s3 import make_bucket, s3_server, s3_settings


def saved(service, target):
    back_up(service.settings, make_engine(service.settings.database_url), make_storage(service.settings), target)
    return target


def restored(source, place):
    return restore(place, make_engine(place.database_url), make_storage(place), source)


def journal_of(service):
    return make_journal(service.settings)


def undone(service):
    return Undone(service.sessions, make_storage(service.settings), journal_of(service))


def statuses(place):
    with reading(make_session_factory(make_engine(place.database_url))) as session:
        return list(session.scalars(select(Submission.status).order_by(Submission.id)))


# --- the journal ------------------------------------------------------------------------------------------------------


def test_an_entry_says_what_and_when_and_nothing_personal(lite):
    token = submit(lite, photo(1), place="My garden").token
    submissions(lite).withdraw(token)
    submissions(lite).withdraw(token)
    [entry] = journal_of(lite).entries()
    kept = row(lite, token)
    assert (entry.kind, entry.id, entry.made_at) == ("submission", kept.id, kept.created_at)
    assert kept.created_at <= entry.deleted_at <= kept.withdrawn_at
    [path] = (lite.settings.data_dir / "deletions").iterdir()
    assert (path.name, path.read_bytes(), path.stat().st_mode & 0o777) == (entry.name, b"", 0o600)
    (path.parent / "notes.txt").write_text("not ours")
    assert journal_of(lite).entries() == [entry]


def test_what_can_t_be_noted_is_not_withdrawn(lite, monkeypatch):
    """Otherwise an older backup would bring it back, and nobody would know."""
    token = submit(lite, photo(1)).token

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Journal, "add", full)
    assert lite.client.post(f"/s/{token}/withdraw").status_code == 507
    assert row(lite, token).status is not SubmissionStatus.WITHDRAWN


def test_where_photos_lie_in_a_bucket_the_journal_lies_there_too(tmp_path, sqlite_template):
    with s3_server() as url:
        make_bucket(url, "photos")
        settings = make_settings(tmp_path, **s3_settings(url, "photos"))
        entry = Deletion("submission", 7, utcnow(), utcnow())
        make_journal(settings).add(entry)
        assert make_journal(settings).entries() == [entry]
        assert list(make_storage(settings).keys()) == [f"deletions/{entry.name}"]
        source = make_settings(tmp_path / "source", database_url=copy_of(sqlite_template, tmp_path))
        back_up(source, make_engine(source.database_url), make_storage(source), tmp_path / "b.tar")
        assert restored(tmp_path / "b.tar", settings).newest_deletion == entry.deleted_at  # it is no photo in the way
        make_journal(settings).remove(entry)
        assert make_journal(settings).entries() == []


# --- a restore ----------------------------------------------------------------------------------------------------------


def test_a_restore_repeats_what_was_deleted_since(service, tmp_path, place):
    tokens = [submit(service, photo(n), idempotency_key=f"{n}", key=f"v{n}").token for n in range(4)]
    submissions(service).withdraw(tokens[0])
    reviewer = make_user(service.sessions, name="Kim Jansen")
    backup = saved(service, tmp_path / "b.tar")
    submissions(service).withdraw(tokens[1])
    with reading(service.sessions) as session:
        number = session.scalars(select(Volunteer.id).where(Volunteer.key == "v2")).one()
    service.client.app.state.deleting.erase([number])
    with transaction(service.sessions) as session:
        erasure.leave(session, reviewer.id, journal_of(service))
    entries = journal_of(service).entries()
    assert [entry.kind for entry in entries] == ["submission", "submission", "volunteer", "user"]

    shutil.copytree(service.settings.data_dir / "deletions", place.data_dir / "deletions")
    result = restored(backup, place)
    assert (result.repeated, result.newest_deletion) == (3, entries[-1].deleted_at)
    assert [status is SubmissionStatus.WITHDRAWN for status in statuses(place)] == [True, True, True, False]
    assert len(list(make_storage(place).keys())) == 3
    with reading(make_session_factory(make_engine(place.database_url))) as session:
        assert session.get_one(User, reviewer.id).name == f"former reviewer {reviewer.id}"
    assert make_journal(place).entries() == entries


def test_without_a_journal_the_restore_says_so_and_the_journal_can_be_given_later(lite, tmp_path, wingcheck):
    token = submit(lite, photo(1)).token
    backup = saved(lite, tmp_path / "b.tar")
    submissions(lite).withdraw(token)
    code, _, said = wingcheck("restore", backup, "--into", tmp_path / "new")
    assert code == 0
    assert "No journal of deletions was here" in said
    place = make_settings(tmp_path / "new-place", data_dir=tmp_path / "new")
    assert statuses(place) == [SubmissionStatus.RECEIVED]
    shutil.copytree(lite.settings.data_dir / "deletions", place.data_dir / "deletions")
    sessions = make_session_factory(make_engine(place.database_url))
    assert Undone(sessions, make_storage(place), make_journal(place)).repeat_all() == 1
    assert statuses(place) == [SubmissionStatus.WITHDRAWN]
    assert list(make_storage(place).keys()) == []


def test_the_backup_brings_its_journal_and_takes_it_back_where_the_restore_fails(lite, tmp_path, place, monkeypatch):
    """An even older backup may be restored after it."""
    submissions(lite).withdraw(submit(lite, photo(1)).token)
    backup = saved(lite, tmp_path / "b.tar")
    with monkeypatch.context() as broken:

        def fail(*_):
            raise OSError("the disk is full")

        broken.setattr(restoring, "fill", fail)
        with pytest.raises(OSError, match="full"):
            restored(backup, place)
    assert make_journal(place).entries() == []
    assert (restored(backup, place).repeated, make_journal(place).entries()) == (0, journal_of(lite).entries())


# --- an older database by another way -----------------------------------------------------------------------------------


def test_the_doctor_finds_what_an_older_database_still_has_and_deletes_it_again(service):
    token = submit(service, photo(1)).token
    kept = row(service, token)
    entry = Deletion("submission", kept.id, kept.created_at, utcnow())
    journal_of(service).add(entry)
    journal_of(service).add(Deletion("newer", 1, utcnow(), utcnow()))  # of a Wingcheck that knows more kinds
    assert found(service) == {("deletions", f"submission {kept.id}")}
    assert repaired(service) == set()
    assert row(service, token).status is SubmissionStatus.WITHDRAWN
    assert [line.event for line in row(service, token).log] == ["received", "withdrawn"]


def test_a_number_that_was_given_again_is_another_submission(lite):
    """After a restore the numbers of what was sent since are given to others, who deleted nothing."""
    kept = row(lite, submit(lite, photo(1)).token)
    journal_of(lite).add(Deletion("submission", kept.id, kept.created_at - timedelta(microseconds=1), utcnow()))
    journal_of(lite).add(Deletion("volunteer", kept.volunteer_id, utcnow(), utcnow()))
    assert undone(lite).repeat_all() == 0
    assert row(lite, kept.token).status is SubmissionStatus.RECEIVED


# --- nothing stays in the files of SQLite ---------------------------------------------------------------------------------


def test_somebody_who_reads_delays_the_removal_until_the_worker_repeats_it(lite):
    token = submit(lite, photo(1), note="planted-note-7Q").token
    path = lite.settings.database_url.removeprefix("sqlite:///")

    def bytes_of(name):
        with open(name, "rb") as file:
            return file.read()

    with reading(lite.sessions) as session:
        session.scalars(select(Submission)).all()
        submissions(lite).withdraw(token)
        assert not db.empty_log(lite.sessions)
        assert b"planted-note-7Q" in bytes_of(path) + bytes_of(f"{path}-wal")
    lite.worker.dispatcher.send(removal_of(lite))
    lite.work()
    assert b"planted-note-7Q" not in bytes_of(path) + bytes_of(f"{path}-wal")
    assert list(LocalStorage(lite.settings.photo_dir).keys()) == []


def removal_of(service):
    with reading(service.sessions) as session:
        return session.scalars(select(Job.id).where(Job.kind == JobKind.REMOVAL)).one()


def test_compacting_leaves_no_copy_that_a_full_page_left_behind(tmp_path):
    """SQLite overwrites what is deleted, but not copies that it made when it divided a page."""
    sessions = make_session_factory(make_engine(f"sqlite:///{tmp_path / 'pages.db'}"))
    with sessions() as session, session.begin():
        session.connection().exec_driver_sql("CREATE TABLE notes (id INTEGER PRIMARY KEY, place TEXT)")
        session.connection().exec_driver_sql("CREATE INDEX by_place ON notes (place)")
        for number in range(3000):
            place = f"planted-{number * 7919 % 3000:05}"
            session.connection().exec_driver_sql("INSERT INTO notes (place) VALUES (?)", (place,))
    with sessions() as session, session.begin():
        session.connection().exec_driver_sql("UPDATE notes SET place = ''")
    assert db.empty_log(sessions)
    db.compact(sessions)
    assert db.empty_log(sessions)
    assert b"planted-" not in (tmp_path / "pages.db").read_bytes()
