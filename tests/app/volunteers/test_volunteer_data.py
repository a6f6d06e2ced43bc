"""Everything known of a volunteer can be taken away, and all that is personal can be deleted."""

import hashlib
import io
import json
import subprocess
import sys
import zipfile

import pytest
from sqlalchemy import Enum, String, select, update

from app.core.db import Base, reading, transaction, utcnow
from app.core.errors import Conflict, NotFound
from app.core.storage import make_storage
from app.core.storage.deletions import make_journal
from app.core.tables import Job, JobKind, JobStatus
from app.predictions.rules import ClaimKind
from app.predictions.tables import ModelVersion
from app.submissions import status
from app.submissions.rules import Source, SubmissionStatus, VerificationStatus
from app.submissions.tables import Photo, Submission, Volunteer
from app.versions.rules import Part, VerifiedBy
from app.versions.tables import CandidatePrediction, PhotoPart, Snapshot, SnapshotPhoto
from app.volunteers.data import SUMMARY, VolunteerData, find, zipped
from app.volunteers.deleting import Deleting
from tests.app.sending import KEY, row, submissions, submit
from tests.factories import exif_photo, photo
from tests.running import environment

PERSONAL = (
    "anna@example.org",
    "My garden in Utrecht",
    "Left of the blue door",
    "a word that I typed",
    KEY,
    "holiday.jpg",
)


def data(service):
    return VolunteerData(service.sessions, make_storage(service.settings))


def deleting(service):
    return Deleting(service.sessions, make_storage(service.settings), make_journal(service.settings))


def ids(service, who):
    with reading(service.sessions) as session:
        return [volunteer.id for volunteer in find(session, who)]


def confirm(service):
    """Whoever gave an address has shown that it is theirs."""
    with transaction(service.sessions) as session:
        given = update(Volunteer).where(Volunteer.email.is_not(None))
        session.execute(given.values(email_confirmed_at=utcnow()))


@pytest.fixture
def anna(service):
    """A service to which Anna sent two submissions, and somebody else one with a photo of hers."""
    one = submit(
        service,
        exif_photo(1),
        place="My garden in Utrecht",
        note="Left of the blue door",
        email="anna@example.org",
        idempotency_key="one",
    )
    two = submit(
        service,
        photo(2),
        claim_kind=ClaimKind.OTHER,
        claim_verbatim="a word that I typed",
        idempotency_key="two",
    )
    other = submit(service, photo(2), key="another", idempotency_key="three")
    service.work()
    confirm(service)
    with transaction(service.sessions) as session:
        session.execute(
            update(Photo)
            .where(Photo.sha256 == hashlib.sha256(exif_photo(1)).hexdigest())
            .values(filename="holiday.jpg")
        )
    service.tokens = (one.token, two.token, other.token)
    return service


def everything(service):
    """All text in the database."""
    found = []
    with reading(service.sessions) as session:
        for table in Base.metadata.sorted_tables:
            found += [repr(line) for line in session.execute(select(table))]
    return "\n".join(found)


# --- who --------------------------------------------------------------------------------------------------------------


def test_a_volunteer_is_found_by_key_address_link_and_token(anna):
    token = anna.tokens[1]
    [number] = ids(anna, KEY)
    for who in ("anna@example.org", token, f"/s/{token}", f"https://count.example.org/s/{token}?again=1", f" {KEY} "):
        assert ids(anna, who) == [number]


def test_one_address_may_be_several_volunteers(anna):
    with transaction(anna.sessions) as session:
        session.execute(update(Volunteer).values(email="anna@example.org"))
    confirm(anna)
    assert len(ids(anna, "anna@example.org")) == 2


@pytest.mark.parametrize(
    "who", ["", "nobody", "nobody@example.org", "%", "https://count.example.org/s/unknown-token-unknown"]
)
def test_nobody_else_is_found(anna, who):
    with pytest.raises(NotFound):
        ids(anna, who)


# --- export -----------------------------------------------------------------------------------------------------------


def test_the_export_holds_every_word_and_the_photos_as_they_were_sent(anna, tmp_path):
    assert data(anna).export(ids(anna, KEY), tmp_path / "out") == 2
    text = (tmp_path / "out" / SUMMARY).read_text()
    for word in PERSONAL:
        assert word in text
    [told] = json.loads(text)["volunteers"]
    assert [s["token"] for s in told["submissions"]] == list(anna.tokens[:2])
    for sent, found in zip((exif_photo(1), photo(2)), told["submissions"], strict=True):
        assert (tmp_path / "out" / found["photos"][0]["file"]).read_bytes() == sent
        assert found["photos"][0]["predictions"]
        assert found["verdicts"][0]["model"]
        assert found["log"][0]["event"] == "received"
    assert told["submissions"][0]["latitude"] is None  # a place was typed, so the photo's was not taken
    assert "another" not in text


def about_volunteers():
    """The names of tables whose rows lead to a volunteer."""
    about = {"volunteers"}
    for _ in range(5):
        about |= {
            table.name
            for table in Base.metadata.sorted_tables
            if any(key.column.table.name in about for key in table.foreign_keys)
        }
    return about


def test_every_table_that_is_about_a_volunteer_is_exported():
    """A new table that leads to volunteers or submissions has to be exported and deleted too."""
    about = about_volunteers()
    sent = {"volunteers", "submissions", "claims", "photos", "predictions", "verdicts", "status_log"}
    said = {"identifications", "review_questions"}
    # The first repeats what is exported, and forgets it when it is deleted; the other is what a reviewer put off.
    desk = {"review_tasks", "review_skips"}
    # What versions said that were tried out, and whether a photo teaches, is told with the photo; what is left repeats that.
    models = {"candidate_predictions", "snapshot_photos", "photo_parts", "replay_verdicts"}
    assert about == sent | said | desk | models


def test_it_tells_what_photos_were_used_for(anna, tmp_path):
    with transaction(anna.sessions) as session:
        [taught] = session.scalars(select(Photo).join(Submission).where(Submission.token == anna.tokens[0]))
        version = session.scalars(select(ModelVersion)).one()
        snapshot = Snapshot(fingerprint="f", bases=[], counts={})
        line = SnapshotPhoto(
            photo=taught,
            code=VerificationStatus.V1,
            part=Part.TRAIN,
            verified_by=VerifiedBy.FLAGGED,
            verified_at=utcnow(),
            volunteer="v",
            event="e",
            is_new=True,
        )
        snapshot.photos.append(line)
        tried = CandidatePrediction(
            model_version_id=version.id, photo_id=taught.id, probabilities={"A b": 1.0}, in_scope=1.0
        )
        session.add_all([snapshot, tried, PhotoPart(sha256=taught.sha256, part=Part.TRAIN)])
    data(anna).export(ids(anna, KEY), tmp_path / "out")
    [told] = json.loads((tmp_path / "out" / SUMMARY).read_text())["volunteers"]
    first, second = (found["photos"][0] for found in told["submissions"])
    assert [use["part"] for use in first["taught"]] == ["train"]
    assert [found["probabilities"] for found in first["predictions"]][1:] == [{"A b": 1.0}]
    assert (first["part"]["part"], bool(first["part"]["since"])) == ("train", True)
    assert (second["taught"], second["part"]) == ([], None)
    assert len(second["predictions"]) == 1


def test_experts_are_not_named(anna, tmp_path):
    with transaction(anna.sessions) as session:
        found = session.scalars(select(Submission).where(Submission.token == anna.tokens[0])).one()
        status.note_event(found, event="looked", actor="user:17")
    data(anna).export(ids(anna, KEY), tmp_path / "out")
    text = (tmp_path / "out" / SUMMARY).read_text()
    assert "user:17" not in text
    assert '"expert"' in text


def test_without_the_original_the_copy_is_exported(anna, tmp_path):
    with transaction(anna.sessions) as session:
        session.execute(update(Photo).values(original_removed_at=utcnow()))
    data(anna).export(ids(anna, KEY), tmp_path / "out")
    assert len(list((tmp_path / "out" / "photos").glob("*.copy.jpg"))) == 2


def test_a_photo_whose_file_is_missing_stops_nothing(anna, tmp_path):
    storage = make_storage(anna.settings)
    for key in list(storage.keys()):
        storage.delete(key)
    assert data(anna).export(ids(anna, KEY), tmp_path / "out") == 0


def test_nothing_is_written_over(anna, tmp_path):
    with pytest.raises(Conflict, match="there already"):
        data(anna).export(ids(anna, KEY), tmp_path)


def test_the_zip_holds_the_same(anna, tmp_path):
    archive = zipfile.ZipFile(io.BytesIO(b"".join(zipped(data(anna).entries(ids(anna, KEY))))))
    assert archive.testzip() is None
    data(anna).export(ids(anna, KEY), tmp_path / "out")
    names = {str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert set(archive.namelist()) == names
    for name in names - {SUMMARY}:
        assert archive.read(name) == (tmp_path / "out" / name).read_bytes()


def test_a_photo_that_is_withdrawn_while_the_zip_is_made_is_left_out(anna):
    entries = data(anna).entries(ids(anna, KEY))
    submissions(anna).withdraw(anna.tokens[0])
    archive = zipfile.ZipFile(io.BytesIO(b"".join(zipped(entries))))
    assert len(archive.namelist()) == 2


# --- delete -----------------------------------------------------------------------------------------------------------


def test_every_text_about_a_volunteer_is_marked_as_personal_or_says_why_it_stays():
    """A new column of text has to be marked too."""
    unmarked = [
        (table.name, column.name)
        for table in Base.metadata.sorted_tables
        for column in (table.columns if table.name in about_volunteers() else ())
        if isinstance(column.type, String) and not isinstance(column.type, Enum)
        if not {"personal", "stays"} & column.info.keys()
    ]
    assert unmarked == []


def test_every_column_that_is_marked_as_personal_is_emptied(anna):
    with transaction(anna.sessions) as session:
        session.execute(update(Photo).values(square=[0.0, 0.0, 1.0, 1.0], taken_at="2026-07-14T12:00:00"))
        session.execute(update(Submission).values(latitude=52.0, longitude=5.0, coordinate_source=Source.TYPED))
    deleting(anna).erase([*ids(anna, KEY), *ids(anna, "another")])
    left = []
    with reading(anna.sessions) as session:
        for table in Base.metadata.sorted_tables:
            for column in table.columns:
                values = set(map(str, session.scalars(select(column)))) if "personal" in column.info else set()
                left += [(table.name, column.name, value) for value in values if not value.startswith("deleted-")]
    assert {value for *_, value in left} <= {"", "None", "[]", "missing", "1", "en"}, left


def test_nothing_personal_is_left(anna):
    before = everything(anna)
    assert all(word in before for word in PERSONAL)
    deleting(anna).erase(ids(anna, KEY))
    after = everything(anna)
    assert [word for word in PERSONAL if word in after] == []


def test_submissions_are_withdrawn_and_the_log_says_so(anna):
    deleting(anna).erase(ids(anna, KEY))
    for token in anna.tokens[:2]:
        found = row(anna, token)
        assert found.status is SubmissionStatus.WITHDRAWN
        assert [(line.event, line.actor) for line in found.log][-1] == ("withdrawn", "volunteer")


def test_photos_go_but_not_those_that_others_sent_too(anna):
    deleting(anna).erase(ids(anna, KEY))
    left = {key.split("/")[-1].removesuffix(".jpg") for key in make_storage(anna.settings).keys()}
    assert left == {hashlib.sha256(photo(2)).hexdigest()}
    assert row(anna, anna.tokens[2]).status is not SubmissionStatus.WITHDRAWN


def test_the_key_leads_to_nobody_and_may_begin_anew(anna):
    deleting(anna).erase(ids(anna, KEY))
    with pytest.raises(NotFound):
        ids(anna, KEY)
    token = submit(anna, photo(2), idempotency_key="one").token
    assert row(anna, token).volunteer.key == KEY


def test_what_was_withdrawn_before_is_forgotten_too(anna):
    submissions(anna).withdraw(anna.tokens[1])
    assert deleting(anna).erase(ids(anna, KEY)).submissions == 2
    assert "a word that I typed" not in everything(anna)


def test_files_that_can_t_be_removed_now_are_removed_later(anna, monkeypatch):
    service = deleting(anna)

    def away(_key):
        raise OSError("away")

    monkeypatch.setattr(service._removal._storage, "delete", away)
    service.erase(ids(anna, KEY))
    monkeypatch.undo()
    assert "anna@example.org" not in everything(anna)
    with reading(anna.sessions) as session:
        waiting = list(session.scalars(select(Job).where(Job.kind == JobKind.REMOVAL)))
    first = row(anna, anna.tokens[0]).id  # the other photo stays, somebody else sent it too
    assert [job.status for job in waiting if job.subject_id == first] == [JobStatus.QUEUED]


# --- commands ---------------------------------------------------------------------------------------------------------


def command(service, *arguments, answer=""):
    return subprocess.run(
        [sys.executable, "-m", "app", "volunteer", *arguments],
        env=environment(service.settings.data_dir, WINGCHECK_DATABASE_URL=service.settings.database_url),
        input=answer,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_commands(lite, tmp_path):
    token = submit(lite, photo(1), email="anna@example.org").token
    assert command(lite, "delete", "anna@example.org", "--yes").returncode == 1  # anybody may have typed it
    confirm(lite)
    said = command(lite, "export", f"/s/{token}", "--out", str(tmp_path / "out"))
    assert said.returncode == 0, said.stderr
    assert (tmp_path / "out" / SUMMARY).exists()
    assert command(lite, "delete", "anna@example.org", answer="n\n").returncode == 1
    assert row(lite, token).status is not SubmissionStatus.WITHDRAWN
    said = command(lite, "delete", "anna@example.org", "--yes")
    assert said.returncode == 0, said.stderr
    assert row(lite, token).status is SubmissionStatus.WITHDRAWN
    said = command(lite, "delete", "anna@example.org", "--yes")
    assert (said.returncode, "no volunteer" in said.stderr) == (1, True)
