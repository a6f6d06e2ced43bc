"""The model versions that are loaded, and their answers.

``Classifiers`` keeps the active version loaded, limits how many photos wait for it, and notices within a second when another
one was made active, in this process or elsewhere.
"""

import logging
import math
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.db import SessionFactory, reading
from app.core.errors import ModelUnavailable, NotFound
from app.core.line import Line
from app.core.settings import Settings
from app.predictions.inference import (
    Answer,
    Found,
    ModelVersionError,
    ModelVersionInfo,
    PhotoError,
    PhotoInfo,
    Recogniser,
    Square,
    ask,
    bundled_versions,
    find,
    holding,
    keep_large_blocks_apart,
    load_recogniser,
    look_at,
    output_of,
    pixel_limits,
    policy_of,
    read_version,
)
from app.predictions.registry import folder_of
from app.predictions.tables import ModelVersion
from app.taxa import names as taxa
from app.taxa.tables import Taxon

_RECHECK_SECONDS = 1.0
_RETRY_SECONDS = 30.0
log = logging.getLogger(__name__)

# Called when a thread is free, so that waiting photos take no memory.
PhotoSource = Callable[[], bytes]


@dataclass(frozen=True)
class PhotoQuery:
    """A photo to look at, with the ``square`` drawn on it, if any. ``size`` of the file in bytes, where it is known: large
    files are not read all at once. ``sha256`` of the file, where that is known.
    """

    read: PhotoSource
    square: Square | None = None
    size: int = 0
    sha256: str = ""


@dataclass(frozen=True)
class Served:
    """A loaded version, and the active taxa among its labels, in their order."""

    id: int
    info: ModelVersionInfo
    recogniser: Recogniser
    taxa: tuple[Taxon, ...]

    @property
    def accuracy(self) -> float | None:
        """Share of correct answers among photos that it was not trained on, where its figures have it."""
        value = self.info.metrics.get("species", {}).get("accuracy", {}).get("value")
        return float(value) if isinstance(value, int | float) else None


def _load(folder: Path, settings: Settings) -> Recogniser:
    """Only what comes with Wingcheck may run in TensorFlow, which does whatever a model asks for. Raises ModelVersionError."""
    return load_recogniser(folder, settings.runtime if folder in bundled_versions() else "litert")


def load(session: Session, version: ModelVersion, settings: Settings) -> Served:
    """A registered version, ready to answer. Raises ModelUnavailable when it can't be loaded."""
    try:
        recogniser = _load(folder_of(version, settings), settings)
    except ModelVersionError as error:
        raise ModelUnavailable(str(error)) from error
    return Served(version.id, recogniser.info, recogniser, tuple(taxa.by_names(session, version.labels)))


class Classifiers:
    """Keeps the active version loaded and answers from a bounded queue of threads. Thread-safe."""

    def __init__(
        self,
        sessions: SessionFactory,
        settings: Settings,
        *,
        patience: float = math.inf,
        watch: Callable[[int], object] = lambda waiting: None,
    ) -> None:
        """See ``Line`` for ``patience`` and ``watch``."""
        self._sessions = sessions
        self._settings = settings
        self._limits = pixel_limits(settings)
        self._lock = threading.Lock()
        self._refreshing = threading.Lock()
        self._served: Served | None = None
        self._former: Served | None = None  # to show again what an earlier version looked at
        self._checked = 0.0
        self._refused: tuple[int, str, float] | None = None
        keep_large_blocks_apart()
        self.line = Line(
            settings.prediction_threads,
            patience=patience,
            most=settings.prediction_queue,
            name="predict",
            watch=watch,
        )

    def close(self) -> None:
        """Finish what is running and stop the threads."""
        self.line.close()

    def fresh(self) -> Served | None:
        """The active version, if ``current`` would return it without checking the database."""
        return self._served if time.monotonic() - self._checked <= _RECHECK_SECONDS else None

    def current(self) -> Served:
        """The active version, loaded. Raises ModelUnavailable when there is none or it can't be loaded.

        Once a second, one caller checks whether another version was made active, and loads it. Meanwhile all others get the
        present one, which also stays if the new one can't be loaded. Use one returned version for all of an answer.
        """
        served = self._served
        if served is None:
            with self._refreshing:
                return self._served or self._refresh()
        if time.monotonic() - self._checked > _RECHECK_SECONDS and self._refreshing.acquire(blocking=False):
            try:
                return self._refresh()
            finally:
                self._refreshing.release()
        return served

    def _refresh(self) -> Served:
        served = self._load_if_changed(self._served)
        self._served, self._checked = served, time.monotonic()
        return served

    def _load_if_changed(self, served: Served | None) -> Served:
        with reading(self._sessions) as session:
            query = select(ModelVersion).where(ModelVersion.active).order_by(ModelVersion.activated_at.desc()).limit(1)
            if self._settings.task:
                query = query.where(ModelVersion.task == self._settings.task)
            row = session.scalar(query)
            if row is None:
                raise ModelUnavailable("No model version is active.", "no_version")
            if served is not None and served.id == row.id and served.info.digest == row.digest:
                return replace(served, taxa=tuple(taxa.by_names(session, row.labels)))
            if served is not None and self._was_refused(row):
                return served
            try:
                return load(session, row, self._settings)
            except ModelUnavailable as error:
                if served is None:
                    raise
                log.error("%s %s goes on answering: %s", served.info.name, served.info.version, error)
                self._refused = (row.id, row.digest, time.monotonic())
                return served

    def _was_refused(self, row: ModelVersion) -> bool:
        """Whether loading it failed within the last half minute."""
        if self._refused is None or self._refused[:2] != (row.id, row.digest):
            return False
        return time.monotonic() - self._refused[2] < _RETRY_SECONDS

    def answer(self, served: Served, photos: Sequence[tuple[PhotoSource, Square | None]]) -> list[Answer | PhotoError]:
        """Predictions in the order of ``photos``; a photo that can't be read gives its PhotoError instead.

        Raises Overloaded when too many photos are waiting already.
        """
        return [future.result() for future in self.begin(served, [PhotoQuery(*photo) for photo in photos])]

    def begin(self, served: Served, photos: Sequence[PhotoQuery]) -> list[Future[Answer | PhotoError]]:
        """As ``answer``, without waiting."""
        return self.line.begin([partial(self._answer_one, served, photo) for photo in photos])

    def begin_to_look(
        self, served: Served, picture: Image.Image, photo: PhotoInfo, square: Square | None, sha256: str
    ) -> Future[Answer]:
        """The prediction for a photo that is decoded already, without waiting. Raises Overloaded."""
        [future] = self.line.begin([partial(look_at, served.recogniser, picture, photo, square, sha256)])
        return future

    def version(self, version_id: int) -> Served:
        """A version, in service or not, loaded; the active one where that version's folder is gone.

        Raises ModelUnavailable where neither can be loaded.
        """
        served = self.current()
        if served.id == version_id:
            return served
        with self._lock:
            if self._former is not None and self._former.id == version_id:
                return self._former
        try:
            former = self._load(version_id)
        except (ModelUnavailable, NotFound):
            return served
        with self._lock:
            self._former = former
        return former

    def _load(self, version_id: int) -> Served:
        with reading(self._sessions) as session:
            row = session.get(ModelVersion, version_id)
            if row is None:
                raise NotFound("No such model version is registered.")
            return load(session, row, self._settings)

    def attention(
        self, served: Served, source: PhotoSource, square: Square | None, scientific_name: str
    ) -> np.ndarray | PhotoError | None:
        """The evidence for a species in a square of a photo, or in its middle: float32 (h, w) in 0…1 over the network's input.

        None where the version can't tell, or does not know the species. Raises Overloaded.
        """
        names = [label.scientific_name for label in served.info.labels]
        if served.info.activation_weights is None or scientific_name not in names:
            return None
        [future] = self.line.begin([partial(output_of, served.recogniser, source(), square, self._limits)])
        output = future.result()
        if isinstance(output, PhotoError):
            return output
        return served.info.activation(output, names.index(scientific_name))

    def begin_to_find(self, served: Served, source: PhotoSource, size: int = 0) -> Future[list[Found] | PhotoError]:
        """The animals of a photo, the most certain first; none where the version can't search. ``size``: in bytes, if known.

        Raises Overloaded: this waits in the same queue as ``begin``.
        """
        [future] = self.line.begin([partial(self._find_one, served, source, size)])
        return future

    def _find_one(self, served: Served, source: PhotoSource, size: int) -> list[Found] | PhotoError:
        with holding(size):
            return find(served.recogniser, source(), self._limits)

    def _answer_one(self, served: Served, photo: PhotoQuery) -> Answer | PhotoError:
        with holding(photo.size):
            return ask(served.recogniser, photo.read(), photo.square, self._limits, photo.sha256)


def offline_version(folder: Path | None) -> ModelVersionInfo:
    """The version in a folder, or the first bundled one. Raises ModelVersionError, ModelUnavailable."""
    folder = folder or next(iter(bundled_versions()), None)
    if folder is None:
        raise ModelUnavailable("No model version is bundled; specify one with --model.")
    return read_version(folder)


class Offline:
    """A model version that answers without a server or a database."""

    def __init__(self, info: ModelVersionInfo, settings: Settings) -> None:
        self._recogniser = _load(info.folder, settings)
        self._limits = pixel_limits(settings)
        self.info = info
        self.policy = policy_of(info)

    def answer(self, data: bytes) -> Answer | PhotoError:
        """The prediction for a photo's bytes, or why there is none."""
        return ask(self._recogniser, data, None, self._limits)
