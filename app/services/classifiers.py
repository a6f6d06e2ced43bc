"""The only door from the application to ``ml``: which model version answers, and its answers.

Model versions are rows that point at folders. ``Classifiers`` keeps the active one loaded, bounds how many photos wait for
it, and notices within a second when another version was made active, in this process or elsewhere.
"""

import hashlib
import logging
import math
import re
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.db import SessionFactory, reading, utcnow
from app.domain.errors import Conflict, ModelUnavailable, NotFound, Overloaded
from app.domain.verdict import ErrorThreshold, Opinion, Policy
from app.models import ActivationKind, ModelActivation, ModelVersion, Taxon, TaxonMark, VernacularName
from app.services import taxa
from app.settings import Settings
from ml.inference import (
    Classifier,
    ModelVersionError,
    ModelVersionInfo,
    Output,
    PhotoError,
    PhotoInfo,
    PixelLimits,
    Square,
    bundled_versions,
    holding,
    keep_large_blocks_apart,
    load_classifier,
    network_input,
    open_photo,
    read_version,
    seen_box,
    turn,
)

__all__ = [
    "Answer",
    "Classifiers",
    "ModelVersionError",
    "ModelVersionInfo",
    "Offline",
    "PhotoError",
    "PhotoInfo",
    "PhotoSource",
    "PixelLimits",
    "Served",
    "Square",
    "activate",
    "folder_of",
    "holding",
    "import_version",
    "load",
    "lock_task",
    "open_photo",
    "pixel_limits",
    "policy_of",
    "read_version",
    "register_bundled",
    "seen_box",
    "turn",
]

_BUNDLED = "bundled:"
_PLAIN_NAME = re.compile(r"\w[\w.+-]*")
_RECHECK_SECONDS = 1.0
_RETRY_SECONDS = 30.0
_DIRECTIONS = 6
log = logging.getLogger(__name__)


def pixel_limits(settings: Settings) -> PixelLimits:
    """The settings' megapixels as pixels, and megabytes as bytes."""
    million = 1_000_000
    return PixelLimits(
        jpeg=int(settings.max_jpeg_megapixels * million),
        progressive_jpeg=int(settings.max_progressive_jpeg_megapixels * million),
        png=int(settings.max_png_megapixels * million),
        webp=int(settings.max_webp_megapixels * million),
        heic=int(settings.max_heic_megapixels * million),
        alone_above=int(settings.decode_together_megabytes * million),
    )


def policy_of(info: ModelVersionInfo, wanted_error: float | None = None) -> Policy:
    """The version's thresholds for a wanted error rate (its own default where none is given)."""
    policy = info.policy
    thresholds = tuple(ErrorThreshold(t.error_rate, t.probability if t.supported else None) for t in policy.thresholds)
    return Policy(
        in_scope_threshold=policy.in_scope_threshold,
        disagree_below=policy.disagree_below,
        thresholds=thresholds,
        wanted_error=policy.default_error_rate if wanted_error is None else wanted_error,
    )


# --- which versions there are ----------------------------------------------------------------------------------------


def register_bundled(session: Session) -> None:
    """Know every bundled version, and put one into service where its task has none, or one that an upgrade replaced."""
    for folder in bundled_versions():
        row = _register(session, read_version(folder), _BUNDLED + folder.name)
        active = session.scalar(select(ModelVersion).where(ModelVersion.task == row.task, ModelVersion.active))
        if active is None or _is_replaced(active):
            activate(session, row)


def _is_replaced(version: ModelVersion) -> bool:
    """Whether a bundled version's folder is gone or holds another one, as after an upgrade of Wingcheck."""
    if not version.location.startswith(_BUNDLED):
        return False
    wanted = version.location.removeprefix(_BUNDLED)
    folder = next((folder for folder in bundled_versions() if folder.name == wanted), None)
    return folder is None or read_version(folder).digest != version.digest


def import_version(session: Session, folder: Path, settings: Settings) -> ModelVersion:
    """Copy a version folder into the model folder and register it. Raises ModelVersionError or Conflict."""
    info = read_version(folder)
    if info.head == "sigmoids":
        raise ModelVersionError(
            f"{info.name} {info.version} says of each label by itself whether a photo shows it. A verdict weighs labels "
            "against each other, so such a version can be used by other programs, but not served here."
        )
    if not _PLAIN_NAME.fullmatch(f"{info.name}-{info.version}"):
        raise ModelVersionError(f"{info.name!r} {info.version!r} can't be the name of a folder.")
    target = settings.model_dir / f"{info.name}-{info.version}"
    if target.exists():
        if read_version(target).digest != info.digest:
            raise Conflict(f"Another model version {info.name} {info.version} is here already; versions never change.")
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(f".importing-{target.name}")
        shutil.rmtree(partial, ignore_errors=True)
        shutil.copytree(folder, partial)
        partial.rename(target)
    return _register(session, read_version(target), target.name)


def lock_task(session: Session, task: str) -> None:
    """Let nobody else change what serves a task until this transaction ends."""
    session.execute(
        select(ModelVersion.id).where(ModelVersion.task == task).order_by(ModelVersion.id).with_for_update()
    ).all()


def activate(
    session: Session,
    version: ModelVersion,
    kind: ActivationKind = ActivationKind.INSTALLED,
    *,
    user_id: int | None = None,
    reason: str = "",
    gate: dict[str, Any] | None = None,
) -> ModelActivation:
    """Make ``version`` the one that serves its task, and write it into the history. Asks no gate: see Promotion."""
    lock_task(session, version.task)
    replaced = session.scalar(
        update(ModelVersion)
        .where(ModelVersion.task == version.task, ModelVersion.active)
        .values(active=False)
        .returning(ModelVersion.id)
    )
    version.active = True
    version.activated_at = utcnow()
    activation = ModelActivation(
        task=version.task,
        model_version=version,
        replaced_id=replaced if replaced != version.id else None,
        kind=kind,
        user_id=user_id,
        reason=reason,
        gate=gate,
    )
    session.add(activation)
    session.flush()
    return activation


def folder_of(version: ModelVersion, settings: Settings) -> Path:
    """Where the version's folder lies. Raises ModelUnavailable when it is gone."""
    if version.location.startswith(_BUNDLED):
        wanted = version.location.removeprefix(_BUNDLED)
        folder = next((f for f in bundled_versions() if f.name == wanted), None)
    else:
        folder = settings.model_dir / version.location
    if folder is None or not folder.is_dir():
        raise ModelUnavailable(f"The folder of model version {version.name} {version.version} is missing.")
    return folder


def find_version(session: Session, name: str, version: str) -> ModelVersion:
    """The registered version of that name and number. Raises NotFound."""
    row = session.scalar(select(ModelVersion).where(ModelVersion.name == name, ModelVersion.version == version))
    if row is None:
        raise NotFound(f"No model version {name} {version} is registered.")
    return row


def _register(session: Session, info: ModelVersionInfo, location: str) -> ModelVersion:
    row = session.scalar(
        select(ModelVersion).where(ModelVersion.name == info.name, ModelVersion.version == info.version)
    )
    if row is None:
        row = ModelVersion(name=info.name, version=info.version, task=info.task, digest=info.digest, location=location)
        session.add(row)
    elif row.digest != info.digest and row.location != location:
        raise Conflict(f"Another model version {info.name} {info.version} is registered already.")
    row.digest = info.digest
    row.labels = [label.scientific_name for label in info.labels]
    row.metrics = dict(info.metrics)
    _fill_taxa(session, info)
    session.flush()
    return row


def _fill_taxa(session: Session, info: ModelVersionInfo) -> None:
    """Add what the labels know to the taxon table; what people entered there is never overwritten."""
    for label in info.labels:
        taxon = session.scalar(select(Taxon).where(Taxon.scientific_name == label.scientific_name))
        if taxon is None:
            taxon = Taxon(scientific_name=label.scientific_name, taxon_rank=label.taxon_rank, gbif_key=label.gbif_key)
            session.add(taxon)
        for language, name in label.vernacular_names.items():
            if taxon.vernacular_name(language) is None:
                taxon.vernacular_names.append(VernacularName(language=language, name=name))
        known = {m.language for m in taxon.marks}
        for language, marks in label.marks.items():
            if language not in known:
                taxon.marks.extend(
                    TaxonMark(language=language, position=i, text=text) for i, text in enumerate(marks, start=1)
                )


# --- answers ---------------------------------------------------------------------------------------------------------


# Read when its turn comes, so that waiting photos take no memory.
PhotoSource = Callable[[], bytes]


@dataclass(frozen=True)
class Answer:
    """One photo's prediction: ``opinion`` in scientific names, what was decoded, the hash of its bytes, and its embedding
    seen from a few directions.
    """

    opinion: Opinion
    photo: PhotoInfo
    sha256: str
    sketch: tuple[float, ...] = ()


@dataclass(frozen=True)
class Served:
    """The version that answers now, and the active taxa among its labels, in their order."""

    id: int
    info: ModelVersionInfo
    classifier: Classifier
    taxa: tuple[Taxon, ...]

    @property
    def accuracy(self) -> float | None:
        """Share right among photos it never learnt from, where its figures say so."""
        found = self.info.metrics.get("species", {}).get("accuracy", {}).get("value")
        return float(found) if isinstance(found, int | float) else None


def load(session: Session, version: ModelVersion, settings: Settings) -> Served:
    """A registered version, ready to answer. Raises ModelUnavailable when it can't be loaded."""
    try:
        classifier = load_classifier(folder_of(version, settings), settings.runtime)
    except ModelVersionError as error:
        raise ModelUnavailable(str(error)) from error
    return Served(version.id, classifier.info, classifier, tuple(taxa.by_names(session, version.labels)))


class Classifiers:
    """Keeps the active version loaded and answers from a bounded queue of threads. Thread-safe."""

    def __init__(self, sessions: SessionFactory, settings: Settings) -> None:
        self._sessions = sessions
        self._settings = settings
        self._limits = pixel_limits(settings)
        self._lock = threading.Lock()
        self._refreshing = threading.Lock()
        self._served: Served | None = None
        self._former: Served | None = None  # asked again by somebody who looks at what it once said
        self._checked = 0.0
        self._refused: tuple[int, str, float] | None = None
        self._waiting = 0
        keep_large_blocks_apart()
        self._pool = ThreadPoolExecutor(settings.prediction_threads, thread_name_prefix="predict")

    @property
    def waiting(self) -> int:
        """Photos waiting or being computed now."""
        return self._waiting

    def close(self) -> None:
        """Finish what is running and stop the threads."""
        self._pool.shutdown(wait=True, cancel_futures=True)

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
                raise ModelUnavailable("No model version is active.")
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

    @contextmanager
    def _places(self, wanted: int) -> Iterator[None]:
        with self._lock:
            # One request larger than the whole queue must still be answered when nothing else waits.
            if self._waiting and self._waiting + wanted > self._settings.prediction_queue:
                raise Overloaded("Too many photos are waiting for an answer. Please try again in a moment.")
            self._waiting += wanted
        try:
            yield
        finally:
            with self._lock:
                self._waiting -= wanted

    def answer(
        self, served: Served, photos: Sequence[tuple[PhotoSource, Square | None]], sizes: Sequence[int] = ()
    ) -> list[Answer | PhotoError]:
        """Predictions in the order of ``photos``; a photo that can't be read gives its PhotoError instead.

        ``sizes`` are the photos' bytes, where they are known: large files are not read all at once.

        Raises Overloaded when too many photos are waiting already.
        """
        with self._places(len(photos)):
            futures = [
                # In the request's context, so that log lines carry its id.
                self._pool.submit(copy_context().run, self._answer_one, served, source, square, size)
                for (source, square), size in zip(photos, sizes or [0] * len(photos), strict=True)
            ]
            return [future.result() for future in futures]

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
        except (ModelUnavailable, ModelVersionError, NotFound):
            return served
        with self._lock:
            self._former = former
        return former

    def _load(self, version_id: int) -> Served:
        with reading(self._sessions) as session:
            row = session.get(ModelVersion, version_id)
            if row is None:
                raise NotFound("No such model version is registered.")
            known = tuple(taxa.by_names(session, row.labels))
            folder = folder_of(row, self._settings)
        classifier = load_classifier(folder, self._settings.runtime)
        return Served(version_id, classifier.info, classifier, known)

    def attention(
        self, served: Served, source: PhotoSource, square: Square | None, scientific_name: str
    ) -> np.ndarray | PhotoError | None:
        """Where the network looked for a species: float32 (h, w) in 0…1 over what it saw of the photo.

        None where the version can't say, or does not know the species. Raises Overloaded.
        """
        names = [label.scientific_name for label in served.info.labels]
        if served.info.activation_weights is None or scientific_name not in names:
            return None
        with self._places(1):
            found = self._pool.submit(_look, served.classifier, source(), square, self._limits).result()
        if isinstance(found, PhotoError):
            return found
        return served.info.activation(found[0], names.index(scientific_name))

    def _answer_one(self, served: Served, source: PhotoSource, square: Square | None, size: int) -> Answer | PhotoError:
        with holding(size):
            return _answer(served.classifier, source(), square, self._limits)


def _answer(classifier: Classifier, data: bytes, square: Square | None, limits: PixelLimits) -> Answer | PhotoError:
    found = _look(classifier, data, square, limits)
    if isinstance(found, PhotoError):
        return found
    output, photo = found
    names = [label.scientific_name for label in classifier.info.labels]
    probabilities = dict(zip(names, (float(p) for p in output.probabilities), strict=True))
    opinion = Opinion(probabilities, float(output.in_scope))
    return Answer(opinion, photo, hashlib.sha256(data).hexdigest(), _sketch(output.embedding))


def _sketch(embedding: np.ndarray) -> tuple[float, ...]:
    """An embedding ``(d,)`` as seen from a few fixed directions: enough to tell whether photos are still like those of before."""
    length = float(np.linalg.norm(embedding)) or 1.0
    return tuple(round(float(value), 4) for value in _directions(len(embedding)) @ embedding / length)


@cache
def _directions(size: int) -> np.ndarray:
    return np.random.default_rng(1).standard_normal((_DIRECTIONS, size))


def _look(
    classifier: Classifier, data: bytes, square: Square | None, limits: PixelLimits
) -> tuple[Output, PhotoInfo] | PhotoError:
    info = classifier.info
    try:
        image, photo = open_photo(data, max_side=_decoding_side(info, square), limits=limits)
    except PhotoError as error:
        return error
    pixels = network_input(
        image,
        square=square,
        size=info.input_size,
        training_resolution=info.training_resolution,
        resize=info.resize,
    )
    return classifier.predict(pixels[np.newaxis])[0], photo


def _decoding_side(info: ModelVersionInfo, square: Square | None) -> int:
    """Long side to decode to, in pixels: a few times what the network sees of the photo, or of the square drawn on it."""
    wanted = 4 * max(info.training_resolution, info.input_size)
    return wanted if square is None else math.ceil(wanted / min(square.width, square.height))


class Offline:
    """A model version asked without a server or a database; the first bundled one where no folder is given."""

    def __init__(self, folder: Path | None, settings: Settings) -> None:
        chosen = folder or next(iter(bundled_versions()), None)
        if chosen is None:
            raise ModelUnavailable("No model version is bundled; name one with --model.")
        self._classifier = load_classifier(chosen, settings.runtime)
        self._limits = pixel_limits(settings)
        self.policy = policy_of(self._classifier.info)

    def answer(self, photo: Path) -> Answer | PhotoError:
        """The prediction for a file, or why there is none."""
        try:
            data = photo.read_bytes()
        except OSError as error:
            return PhotoError("undecodable", f"{error.strerror or error}.")
        return _answer(self._classifier, data, None, self._limits)
