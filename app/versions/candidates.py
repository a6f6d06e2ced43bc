"""Versions that do not serve are asked here. Their answers are kept apart from those that verdicts are made of."""

import threading
from collections.abc import Iterable, Sequence
from functools import partial

from sqlalchemy import ColumnElement, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.core.db import SessionFactory, reading, transaction
from app.core.settings import Settings
from app.core.storage import Storage
from app.predictions import classifiers
from app.predictions.classifiers import Classifiers, Served
from app.predictions.inference import Answer
from app.predictions.rules import Opinion
from app.predictions.tables import Looked, ModelVersion
from app.submissions import looks, photos
from app.submissions.tables import Photo, PredictionRecord
from app.versions.tables import CandidatePrediction

_MOST_LOADED = 2


class Candidates:
    """Keeps the versions asked last loaded, and stores what they answer. Thread-safe."""

    def __init__(
        self, sessions: SessionFactory, storage: Storage, classifiers_: Classifiers, settings: Settings
    ) -> None:
        self._sessions = sessions
        self._storage = storage
        self._classifiers = classifiers_
        self._settings = settings
        self._lock = threading.Lock()
        self._loaded: dict[tuple[int, str], Served] = {}

    def served(self, version_id: int) -> Served:
        """The version, ready to answer. Raises ModelUnavailable."""
        with self._lock, reading(self._sessions) as session:
            version = session.get_one(ModelVersion, version_id)
            key = (version.id, version.digest)
            served = self._loaded.pop(key, None) or classifiers.load(session, version, self._settings)
            self._loaded[key] = served
            while len(self._loaded) > _MOST_LOADED:
                del self._loaded[next(iter(self._loaded))]
            return served

    def ask(self, version_id: int, asked: Sequence[Photo]) -> None:
        """Let the version look at those of these photos that it has not seen. Unreadable ones are left out.

        Raises ModelUnavailable, Overloaded, or OSError when the storage is away.
        """
        with reading(self._sessions) as session:
            known = opinions(session, version_id, [photo.id for photo in asked])
        todo = [photo for photo in asked if photo.id not in known and photo.removed_at is None]
        if not todo:
            return
        sources = [(partial(self._storage.get, photos.largest(photo)), looks.drawn(photo)) for photo in todo]
        answers = self._classifiers.answer(self.served(version_id), sources)
        rows = [
            {"model_version_id": version_id, "photo_id": photo.id} | looks.values_of(answer, photo)
            for photo, answer in zip(todo, answers, strict=True)
            if isinstance(answer, Answer)
        ]
        try:
            with transaction(self._sessions) as session:
                session.add_all(CandidatePrediction(**row) for row in rows)
        except IntegrityError:  # another worker asked about some of them meanwhile
            for row in rows:
                with transaction(self._sessions) as session:
                    key = {name: row[name] for name in ("model_version_id", "photo_id", "square_changes")}
                    if session.get(CandidatePrediction, key) is None:
                        session.add(CandidatePrediction(**row))


def opinions(session: Session, version_id: int, photo_ids: Iterable[int]) -> dict[int, Opinion]:
    """The version's opinion of each of these photos that it has seen, whether it served then or not, by photo."""
    return {photo_id: row.opinion for photo_id, row in predictions(session, version_id, photo_ids).items()}


def predictions(session: Session, version_id: int, photo_ids: Iterable[int]) -> dict[int, Looked]:
    """The rows with these opinions, about the squares as they are now, by photo."""
    asked_for = list(photo_ids)

    def about(table: type[CandidatePrediction | PredictionRecord]) -> ColumnElement[bool]:
        current = (Photo.id == table.photo_id) & (Photo.square_changes == table.square_changes)
        return current & (table.model_version_id == version_id) & table.photo_id.in_(asked_for)

    asked = session.scalars(select(CandidatePrediction).join(Photo, about(CandidatePrediction)))
    screened = session.scalars(select(PredictionRecord).join(Photo, about(PredictionRecord)))
    rows: dict[int, Looked] = {row.photo_id: row for row in asked}
    return rows | {row.photo_id: row for row in screened}
