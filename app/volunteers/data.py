"""What is known of one volunteer, to take away. The columns of the tables are walked, so that one added later is in it too."""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import inspect, select
from sqlalchemy.orm import Session

from app.core import zip_stream
from app.core.db import SessionFactory, reading, utcnow
from app.core.errors import Conflict, NotFound
from app.core.storage import Storage
from app.mail.tables import Mail
from app.predictions.tables import ModelVersion
from app.review import answers, questions
from app.submissions import photos
from app.submissions.tables import Photo, Submission, Volunteer
from app.versions.tables import CandidatePrediction, PhotoPart, SnapshotPhoto

SUMMARY = "my-data.json"
_TOKEN = re.compile(r"(?:.*/s/)?([\w-]{16,40})/?(?:\?.*)?")
# Numbers that only the database uses: species and model versions are named, and the rest is told by nesting.
_LEFT_OUT = {"id", "volunteer_id", "submission_id", "photo_id", "claim_id", "model_version_id", "taxon_id"}
# Who of the experts it was, and how the desk counts, is about them.
_LEFT_OUT |= {"user_id", "asked_by", "identification_id", "batch_id", "undoes_id", "revision", "seconds"}
_LEFT_OUT |= {"claimed_taxon_id", "predicted_taxon_id", "subject_id", "job_id"}
_SUFFIXES = {"JPEG": "jpg", "MPO": "jpg", "PNG": "png", "WEBP": "webp", "HEIC": "heic"}

Entry = tuple[str, Callable[[], bytes]]


def find(session: Session, who: str) -> list[Volunteer]:
    """The volunteers that a cookie key, a confirmed e-mail address, or a submission's link or token means. Raises NotFound.

    One address may be several volunteers: somebody who sends from a phone and from a desk.
    """
    who = who.strip()
    query = select(Volunteer).order_by(Volunteer.id)
    if "@" in who and "/" not in who:
        confirmed = Volunteer.email_confirmed_at.is_not(None)  # anybody may have typed it otherwise
        volunteers = list(session.scalars(query.where(Volunteer.email == who, confirmed)))
    else:
        match = _TOKEN.fullmatch(who)
        token = match[1] if match else who
        sent = select(Submission.volunteer_id).where(Submission.token == token)
        volunteers = list(session.scalars(query.where((Volunteer.key == who) | Volunteer.id.in_(sent))))
    if not volunteers:
        raise NotFound(f"no volunteer is known by {who!r}")
    return volunteers


class VolunteerData:
    """Reads it, and writes it into a folder."""

    def __init__(self, sessions: SessionFactory, storage: Storage) -> None:
        self._sessions = sessions
        self._storage = storage

    def entries(self, volunteer_ids: Iterable[int]) -> list[Entry]:
        """Names of files and how to read them: a summary in JSON, and every photo as it was sent."""
        files: list[Entry] = []
        with reading(self._sessions) as session:
            volunteers = [self._volunteer(session, number, files) for number in volunteer_ids]
        summary = {"exported_at": utcnow().isoformat(), "volunteers": volunteers}
        return [(SUMMARY, json.dumps(summary, ensure_ascii=False, indent=1).encode), *files]

    def _volunteer(self, session: Session, number: int, files: list[Entry]) -> dict[str, Any]:
        query = select(Submission).where(Submission.volunteer_id == number).order_by(Submission.id)
        submissions = [self._submission(session, row, files) for row in session.scalars(query)]
        sent = session.scalars(select(Mail).where(Mail.volunteer_id == number).order_by(Mail.id))
        mails = [_as_json(mail) for mail in sent]
        return _as_json(session.get_one(Volunteer, number)) | {"submissions": submissions, "mails": mails}

    def _submission(self, session: Session, row: Submission, files: list[Entry]) -> dict[str, Any]:
        return _as_json(row) | {
            "claims": [_as_json(claim) for claim in row.claims],
            "photos": [self._photo(session, row, photo, files) for photo in row.photos],
            "verdicts": [_as_json(verdict) for verdict in row.verdicts],
            "log": [_as_json(line) | {"actor": _nameless(line.actor)} for line in row.log],
            "identifications": [_as_json(answer) for answer in answers.identifications(session, row.id)],
            "questions": [_as_json(question) for question in questions.of_submission(session, row.id)],
        }

    def _photo(self, session: Session, row: Submission, photo: Photo, files: list[Entry]) -> dict[str, Any]:
        variant = "original" if photo.original_removed_at is None else "display"
        key, name = photos.key_of(photo.sha256, variant), None
        if photo.removed_at is None and self._storage.exists(key):
            suffix = _SUFFIXES.get(photo.format, "bin") if variant == "original" else "copy.jpg"
            name = f"photos/{row.created_at:%Y-%m-%d}-{row.token[:8]}-{photo.position + 1}.{suffix}"
            files.append((name, partial(self._storage.get, key)))
        predictions = [_as_json(prediction) for prediction in photo.predictions]
        return _as_json(photo) | {
            "file": name,
            "predictions": predictions + _tried(session, photo),
            "taught": _taught(session, photo),
            "part": _part(session, photo),
        }

    def export(self, volunteer_ids: Iterable[int], folder: Path) -> int:
        """Write everything into a new folder; returns how many photos. Raises Conflict where something is there already."""
        if folder.exists():
            raise Conflict(f"{folder} is there already; nothing was written over it")
        entries = self.entries(volunteer_ids)
        folder.mkdir(parents=True, mode=0o700)
        for name, read in entries:
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_bytes(read())
        return len(entries) - 1


# --- rows as JSON -----------------------------------------------------------------------------------------------------


def _as_json(row: Any) -> dict[str, Any]:
    """A row's columns, with the names of its species and its model version."""
    names = [column.key for column in inspect(type(row)).column_attrs if column.key not in _LEFT_OUT]
    values = {name: _plain(getattr(row, name)) for name in names}
    if hasattr(row, "taxon"):
        values["species"] = row.taxon.scientific_name if row.taxon else None
    if hasattr(row, "model_version"):
        values["model"] = _called(row.model_version)
    return values


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime | date) else value


def _called(version: ModelVersion) -> str:
    return f"{version.name} {version.version}"


def _nameless(actor: str) -> str:
    """Who of the experts it was is about them, not about the volunteer."""
    return "expert" if actor.startswith("user:") else actor


def _tried(session: Session, photo: Photo) -> list[dict[str, Any]]:
    """What versions said that were only tried out on the photo."""
    query = select(CandidatePrediction, ModelVersion).join(
        ModelVersion, ModelVersion.id == CandidatePrediction.model_version_id
    )
    rows = session.execute(query.where(CandidatePrediction.photo_id == photo.id))
    return [_as_json(prediction) | {"model": _called(version)} for prediction, version in rows]


def _taught(session: Session, photo: Photo) -> list[dict[str, Any]]:
    """When the photo was taken up to teach a model, or to measure one."""
    query = select(SnapshotPhoto).where(SnapshotPhoto.photo_id == photo.id).order_by(SnapshotPhoto.snapshot_id)
    return [{"at": _plain(row.snapshot.created_at), "part": row.part.value} for row in session.scalars(query)]


def _part(session: Session, photo: Photo) -> dict[str, Any] | None:
    """Whether the picture teaches models or measures them, and since when; None: it has not been drawn yet."""
    row = session.get(PhotoPart, photo.sha256)
    return None if row is None else {"part": row.part.value, "since": _plain(row.assigned_at)}


# --- zip --------------------------------------------------------------------------------------------------------------


def zipped(entries: Iterable[Entry]) -> Iterator[bytes]:
    """A zip file as it grows, with one file in memory at a time. A photo that was withdrawn meanwhile is left out."""
    return zip_stream.zipped((name, partial(_one_piece, read)) for name, read in entries)


def _one_piece(read: Callable[[], bytes]) -> Iterator[bytes]:
    yield read()
