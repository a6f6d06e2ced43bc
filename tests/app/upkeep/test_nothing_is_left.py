"""A dozen values that a volunteer brings along are nowhere after "delete everything": a promise that must hold for good.

Not in the database (on SQLite every byte of its files, on PostgreSQL every row), nor the queue, the photos, the log of the
service, and a new backup; and not after an older backup was restored either.
"""

import io
import logging
import shutil
import tarfile
from pathlib import Path

import pytest
from PIL import Image
from sqlalchemy import select

from app.core import logs
from app.core.db import make_engine, reading, transaction
from app.core.settings import Settings
from app.core.storage import make_storage
from app.core.tables import Job, JobKind, JobStatus
from app.review.decisions import Decisions
from app.review.questions import Questions
from app.review.tables import ReviewTask
from app.submissions.tables import Photo, Submission
from app.upkeep import copying
from app.upkeep.backup import back_up
from app.upkeep.restore import restore
from app.versions import snapshots
from app.versions.rules import PhotoSelection
from tests.app.sending import TAXA, row
from tests.conftest import Service, empty, make_settings, running
from tests.factories import butterfly, encode
from tests.mailbox import AWAY
from tests.people import make_user
from tests.reviewing import decide, taxon

PLANTED = {
    "e-mail": "planted.mail@example.org",
    "note": "planted-note-7Q",
    "place": "planted-place-7Q",
    "typed species": "planted-species-7Q",
    "answer": "planted-answer-7Q",
    "question": "planted-question-7Q",
    "remark": "planted-remark-7Q",
    "comment": "planted-comment-7Q",
    "photographer in EXIF": "planted-artist-7Q",
    "message": "planted-message-7Q",
    "corrected place": "planted-correction-7Q",
    "file name": "planted-file-7Q.jpg",
    "key of the form": "planted-key-7Q",
}


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    """Of a service that asks for addresses."""
    return make_settings(tmp_path, database_url=database_url, **AWAY)


def pictures() -> list[bytes]:
    """Two photos, in whose EXIF somebody is named."""
    exif = Image.Exif()
    exif[0x013B] = PLANTED["photographer in EXIF"]
    exif.get_ifd(0x8769)[0x9003] = "2026:07:14 15:30:00"
    return [encode(butterfly(seed), exif=exif) for seed in (71, 72)]


def plant(service: Service) -> int:
    """A volunteer sends two submissions by the page, experts decide, ask and comment; the id of the first."""
    service.client.get("/")
    ids = []
    for number, picture in enumerate(pictures()):
        data = {
            "claim": "other" if number == 0 else TAXA[0],
            "claim_text": PLANTED["typed species"] if number == 0 else "",
            "note": PLANTED["note"],
            "place": PLANTED["place"],
            "email": PLANTED["e-mail"],
            "idempotency_key": f"{PLANTED['key of the form']}-{number}",
            "individual_count": "3",
        }
        files = [("file", (PLANTED["file name"], picture, "image/jpeg"))]
        answer = service.client.post("/submissions", data=data, files=files, follow_redirects=False)
        assert answer.status_code == 303, answer.text
        service.work()
        ids.append(row(service, answer.headers["location"].removeprefix("/s/")).id)
    expert = make_user(service.sessions)
    first, second = ids
    with reading(service.sessions) as session:
        revision, token = session.get_one(ReviewTask, first).revision, session.get_one(Submission, first).token
    corrected = {"individual_count": "4", "place": PLANTED["corrected place"], "note": PLANTED["note"]}
    answer = service.client.post(f"/s/{token}/correct", data=corrected, follow_redirects=False)
    assert answer.headers["location"] == f"/s/{token}?corrected=1"
    with transaction(service.sessions) as session:  # and back, so that both values stand in the log alone
        session.get_one(Submission, first).place = PLANTED["place"]
        revision = session.get_one(ReviewTask, first).revision
    Questions(service.sessions).ask(expert.id, first, revision, PLANTED["question"])
    assert service.client.post(f"/s/{token}/answer", data={"body": PLANTED["answer"]}).status_code == 200
    Decisions(service.sessions).comment(expert.id, first, PLANTED["comment"])
    decision = taxon(TAXA[0])
    decide(
        service,
        expert,
        second,
        type(decision)(decision.kind, decision.scientific_name, remark=PLANTED["remark"], message=PLANTED["message"]),
    )
    with transaction(service.sessions) as session:
        snapshots.freeze(session, snapshots.choose(session, "task", PhotoSelection(), [], 0.2))
        session.add(Job(kind=JobKind.SCREENING, subject_id=first, status=JobStatus.DONE, error=PLANTED["file name"]))
    return first


def database(settings) -> dict[str, bytes]:
    """Every byte of an SQLite database and its log; every row of a PostgreSQL database."""
    url = settings.database_url
    if url.startswith("sqlite"):
        path = Path(url.removeprefix("sqlite:///"))
        return {each.name: each.read_bytes() for each in path.parent.glob(f"{path.name}*")}
    engine = make_engine(url)
    with copying.snapshot(engine) as connection:
        tables = copying.tables_at(copying.revision_of(connection))
        rows = {table.name: b"".join(copying.lines(connection, table)) for table in tables}
    engine.dispose()
    return rows


def files(folder: Path) -> dict[str, bytes]:
    """Names and contents of all files of a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def where(contents: dict[str, bytes]) -> set[tuple[str, str]]:
    """Which planted value is found, and where; in small letters too, as the desk searches."""
    found = set()
    for what, value in PLANTED.items():
        for name, content in contents.items():
            if value.lower().encode() in (name.encode() + content).lower():
                found.add((what, name))
    return found


def archived(path: Path) -> dict[str, bytes]:
    """The files of a backup."""
    with tarfile.open(path) as bag:
        return {member.name: file.read() for member in bag if (file := bag.extractfile(member)) is not None}


def save(service: Service, target: Path) -> None:
    engine = make_engine(service.settings.database_url)
    back_up(service.settings, engine, make_storage(service.settings), target)
    engine.dispose()


@pytest.fixture
def log():
    """What the service logs, as the service writes it."""
    lines = io.StringIO()
    handler = logging.StreamHandler(lines)
    handler.setFormatter(logs.TextFormatter())
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    yield lines
    root.setLevel(level)
    root.removeHandler(handler)


def test_what_a_volunteer_deletes_is_nowhere_and_an_older_backup_does_not_bring_it_back(service, tmp_path, log):
    first = plant(service)
    planted = {what for what, _ in where(database(service.settings) | files(service.settings.data_dir))}
    assert planted == set(PLANTED)
    save(service, tmp_path / "older.tar")
    assert {what for what, _ in where(archived(tmp_path / "older.tar"))} == set(PLANTED)

    answer = service.client.post("/mine/delete", follow_redirects=False)
    assert answer.headers["location"] == "/mine?deleted=1"
    service.work()
    compact(service)
    with reading(service.sessions) as session:
        assert {job.status for job in session.scalars(select(Job))} == {JobStatus.DONE}
    save(service, tmp_path / "newer.tar")
    assert where(database(service.settings)) == set()
    assert where(files(service.settings.data_dir)) == set()  # queue, photos, the journal itself
    assert where(archived(tmp_path / "newer.tar")) == set()
    assert where({"log": log.getvalue().encode()}) == set()
    assert "POST /mine/delete" in log.getvalue()

    settings = lost(service, tmp_path)
    restored = restore(settings, make_engine(settings.database_url), make_storage(settings), tmp_path / "older.tar")
    assert restored.repeated == 1
    with running(settings) as again:
        again.work()
        compact(again)
        assert where(database(settings)) == set()
        assert where(files(settings.data_dir)) == set()
        assert row_of(again, first).removed_at is not None


def compact(service: Service) -> None:
    """As a worker does once a day."""
    job = Job(kind=JobKind.COMPACTION, subject_id=0, status=JobStatus.RUNNING)
    with transaction(service.sessions) as session:
        session.add(job)
    service.worker.handlers[JobKind.COMPACTION](job.id, 0)


def row_of(service: Service, submission_id: int) -> Photo:
    with reading(service.sessions) as session:
        return session.scalars(select(Photo).where(Photo.submission_id == submission_id)).one()


def lost(service: Service, tmp_path: Path):
    """Database and photos are lost, only the journal is still there: settings of an empty place with it."""
    place = make_settings(tmp_path / "new")
    shutil.copytree(service.settings.data_dir / "deletions", place.data_dir / "deletions")
    if not service.settings.database_url.startswith("sqlite"):
        empty(service.settings.database_url)
        with transaction(service.sessions) as session:
            for table in reversed(copying.tables_at(copying.revision_of(session.connection()))):
                session.execute(table.delete())
        place = place.model_copy(update={"database_url": service.settings.database_url})
    return place
