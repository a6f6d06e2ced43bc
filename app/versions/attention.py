"""Where the network looked: a transparent picture to lay over a photo."""

import io
import threading
from collections import OrderedDict
from functools import partial

import numpy as np
from PIL import Image
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.db import SessionFactory, reading
from app.core.errors import NotFound
from app.core.storage import Storage
from app.predictions.classifiers import Classifiers, Served
from app.predictions.inference import PhotoError, Square, seen_box
from app.predictions.tables import Looked
from app.review import answers, tasks
from app.review.tables import ReviewTask
from app.submissions import photos
from app.submissions.tables import Photo
from app.taxa.tables import Taxon
from app.versions import candidates

# Long side of the picture, in pixels: the map itself has a handful of places, more would be invented.
_SIDE = 480
_MOST_KEPT = 256
# From where it looked a little to where it looked most.
_COLD, _HOT = np.array([255.0, 214.0, 10.0]), np.array([214.0, 40.0, 20.0])
_MOST_OPAQUE = 0.7

_Key = tuple[str, int, str, tuple[float, ...]]


class Attention:
    """Draws the pictures and keeps the last few hundred. Thread-safe."""

    def __init__(self, sessions: SessionFactory, storage: Storage, classifiers: Classifiers) -> None:
        self._sessions = sessions
        self._storage = storage
        self._classifiers = classifiers
        self._pictures: OrderedDict[_Key, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def picture(self, user_id: int, photo_token: str, scientific_name: str = "") -> bytes:
        """A PNG of the photo's shape: what spoke for a species, or for the model's own answer where none is named.

        Raises NotFound where there is no such photo, where the model's opinion is hidden from this user, and where the
        version can't say; ModelUnavailable and Overloaded as for any prediction.
        """
        with reading(self._sessions) as session:
            photo = _visible(session, user_id, photo_token)
            prediction = photo.prediction()
            predicted = session.get_one(ReviewTask, photo.submission_id).predicted_taxon_id
            name = scientific_name or _answer(session, prediction, predicted)
        served = self._classifiers.version(prediction.model_version_id if prediction else 0)
        return self._picture(served, photo, prediction, name)

    def of_version(self, user_id: int, version_id: int, photo_token: str, scientific_name: str) -> bytes:
        """The same for any version, whether it serves or not, and the species that it is asked about.

        Raises as ``picture`` does; NotFound also where the version's folder is gone.
        """
        with reading(self._sessions) as session:
            photo = _visible(session, user_id, photo_token)
            prediction = candidates.predictions(session, version_id, [photo.id]).get(photo.id)
        served = self._classifiers.version(version_id)
        if served.id != version_id:
            raise NotFound("This model version is no longer available.")
        return self._picture(served, photo, prediction, scientific_name)

    def _picture(self, served: Served, photo: Photo, prediction: Looked | None, name: str) -> bytes:
        looked_at = prediction.square if prediction else photo.square
        key = (photo.token, served.id, name, tuple(looked_at or ()))
        with self._lock:
            if key in self._pictures:
                self._pictures.move_to_end(key)
                return self._pictures[key]
        picture = self._draw(served, photo, Square(*looked_at) if looked_at else None, name)
        with self._lock:
            self._pictures[key] = picture
            while len(self._pictures) > _MOST_KEPT:
                self._pictures.popitem(last=False)
        return picture

    def _draw(self, served: Served, photo: Photo, square: Square | None, name: str) -> bytes:
        # The copy for pages is several times finer than what the network sees of it, and quick to open.
        source = partial(self._storage.get, photos.key_of(photo.sha256, "display"))
        try:
            map_ = self._classifiers.attention(served, source, square, name)
        except FileNotFoundError as error:
            raise NotFound("The file of this photo is missing.") from error
        if map_ is None or isinstance(map_, PhotoError):
            raise NotFound("This model version can't show where it looked.")
        size = (photo.width, photo.height)
        return overlay(map_, size, seen_box(size, square, served.info.resize))


def _visible(session: Session, user_id: int, photo_token: str) -> Photo:
    """The photo, of which this user may know what models say. Raises NotFound."""
    photo = session.scalar(select(Photo).where(Photo.token == photo_token, Photo.removed_at.is_(None)))
    task = tasks.of(session, photo.submission_id) if photo is not None else None
    if photo is None or task is None or answers.is_hidden(session, task, user_id):
        raise NotFound("There is no photo at this link.")
    return photo


def _answer(session: Session, prediction: Looked | None, predicted_taxon_id: int | None) -> str:
    if predicted_taxon_id is not None:
        return session.get_one(Taxon, predicted_taxon_id).scientific_name
    return prediction.opinion.top if prediction and prediction.probabilities else ""


def overlay(looked: np.ndarray, size: tuple[int, int], box: tuple[float, float, float, float]) -> bytes:
    """The map (h, w) in 0…1 as a PNG of the shape of a photo of ``size`` pixels, of which the network saw ``box``."""
    scale = min(1.0, _SIDE / max(size))
    width, height = (max(1, round(pixels * scale)) for pixels in size)
    left, top, right, bottom = (round(edge * scale) for edge in box)
    map_ = Image.fromarray((np.clip(looked, 0, 1) * 255).astype(np.uint8), "L")
    scaled = map_.resize((max(1, right - left), max(1, bottom - top)), Image.Resampling.BICUBIC)
    canvas = Image.new("L", (width, height), 0)
    canvas.paste(scaled, (left, top))
    heat = np.asarray(canvas, dtype=np.float64)[..., np.newaxis] / 255
    colours = _COLD + (_HOT - _COLD) * heat
    pixels = np.concatenate([colours, heat * 255 * _MOST_OPAQUE], axis=2).round().astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels, "RGBA").save(out, "PNG", compress_level=6)
    return out.getvalue()
