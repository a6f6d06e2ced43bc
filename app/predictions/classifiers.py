"""The classifiers that are loaded, and their answers.

``Classifiers`` keeps the active model version loaded, bounds how many photos wait for it, and notices within a second when
another one was made active, in this process or elsewhere.
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

# Read when its turn comes, so that waiting photos take no memory.
PhotoSource = Callable[[], bytes]


@dataclass(frozen=True)
class Asked:
    """A photo to look at, with the ``square`` drawn on it, if any. ``size`` in bytes, where it is known: large files are not
    read all at once. ``sha256`` of them, where that is known.
    """

    read: PhotoSource
    square: Square | None = None
    size: int = 0
    sha256: str = ""


@dataclass(frozen=True)
class Served:
    """The version that answers now, and the active taxa among its labels, in their order."""

    id: int
    info: ModelVersionInfo
    recogniser: Recogniser
    taxa: tuple[Taxon, ...]

    @property
    def accuracy(self) -> float | None:
        """Share right among photos it never learnt from, where its figures say so."""
        found = self.info.metrics.get("species", {}).get("accuracy", {}).get("value")
        return float(found) if isinstance(found, int | float) else None


def load(session: Session, version: ModelVersion, settings: Settings) -> Served:
    """A registered version, ready to answer. Raises ModelUnavailable when it can't be loaded."""
    try:
        recogniser = load_recogniser(folder_of(version, settings), settings.runtime)
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
        self._former: Served | None = None  # asked again by somebody who looks at what it once said
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
        """The active version as ``current`` gives it, where that takes no time: it was looked at within the last second."""
        return self._served if time.monotonic() - self._checked <= _RECHECK_SECONDS else None

    def current(self) -> Served:
        """The active version, loaded. Raises ModelUnavailable when there is none or it can't be loaded.

        Whoever asks first after a second looks whether another one was made active, and loads it. All others go on being
        answered by the present one meanwhile, and it stays when the new one can't be loaded. What is returned is whole: an
        answer is made with it from beginning to end.
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
        found = self._load_if_changed(self._served)
        self._served, self._checked = found, time.monotonic()
        return found

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
        """Whether loading it failed a moment ago."""
        if self._refused is None or self._refused[:2] != (row.id, row.digest):
            return False
        return time.monotonic() - self._refused[2] < _RETRY_SECONDS

    def answer(self, served: Served, photos: Sequence[tuple[PhotoSource, Square | None]]) -> list[Answer | PhotoError]:
        """Predictions in the order of ``photos``; a photo that can't be read gives its PhotoError instead.

        Raises Overloaded when too many photos are waiting already.
        """
        return [future.result() for future in self.begin(served, [Asked(*photo) for photo in photos])]

    def begin(self, served: Served, photos: Sequence[Asked]) -> list[Future[Answer | PhotoError]]:
        """As ``answer``, without waiting."""
        return self.line.begin([partial(self._answer_one, served, photo) for photo in photos])

    def begin_to_look(
        self, served: Served, picture: Image.Image, photo: PhotoInfo, square: Square | None, sha256: str
    ) -> Future[Answer]:
        """The prediction for a photo that is decoded already, without waiting. Raises Overloaded."""
        [future] = self.line.begin([partial(look_at, served.recogniser, picture, photo, square, sha256)])
        return future

    def version(self, version_id: int) -> Served:
        """A version to ask again, whether it serves or not; the one that serves where the other's folder is gone.

        Raises ModelUnavailable where neither can answer.
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
        """What spoke for a species in a square of a photo, or in its middle: float32 (h, w) in 0…1 over what the network saw.

        None where the version can't say, or does not know the species. Raises Overloaded.
        """
        names = [label.scientific_name for label in served.info.labels]
        if served.info.activation_weights is None or scientific_name not in names:
            return None
        [future] = self.line.begin([partial(output_of, served.recogniser, source(), square, self._limits)])
        found = future.result()
        if isinstance(found, PhotoError):
            return found
        return served.info.activation(found, names.index(scientific_name))

    def find(self, served: Served, source: PhotoSource, size: int = 0) -> list[Found] | PhotoError:
        """The animals of a photo, the surest first; none where the version can't search. ``size``: its bytes, where known.

        Raises Overloaded, as ``answer`` does: both wait in one queue.
        """
        return self.begin_to_find(served, source, size).result()

    def begin_to_find(self, served: Served, source: PhotoSource, size: int = 0) -> Future[list[Found] | PhotoError]:
        """As ``find``, without waiting."""
        [future] = self.line.begin([partial(self._find_one, served, source, size)])
        return future

    def _find_one(self, served: Served, source: PhotoSource, size: int) -> list[Found] | PhotoError:
        with holding(size):
            return find(served.recogniser, source(), self._limits)

    def _answer_one(self, served: Served, photo: Asked) -> Answer | PhotoError:
        with holding(photo.size):
            return ask(served.recogniser, photo.read(), photo.square, self._limits, photo.sha256)


def offline_version(folder: Path | None) -> ModelVersionInfo:
    """The version in a folder, or the first bundled one. Raises ModelVersionError, ModelUnavailable."""
    chosen = folder or next(iter(bundled_versions()), None)
    if chosen is None:
        raise ModelUnavailable("No model version is bundled; specify one with --model.")
    return read_version(chosen)


class Offline:
    """A model version asked without a server or a database."""

    def __init__(self, info: ModelVersionInfo, settings: Settings) -> None:
        self._recogniser = load_recogniser(info.folder, settings.runtime)
        self._limits = pixel_limits(settings)
        self.info = info
        self.policy = policy_of(info)

    def answer(self, data: bytes) -> Answer | PhotoError:
        """The prediction for a photo's bytes, or why there is none."""
        return ask(self._recogniser, data, None, self._limits)
