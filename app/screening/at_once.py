"""Screening within the request: the model looks at photos while they are decoded for storage.

Without a model, with a long queue or too few pixels, the whole submission is left to a worker.
"""

import logging
import time
from concurrent.futures import TimeoutError as TooSlow
from dataclasses import replace

from sqlalchemy.orm import Session

from app.core.errors import ModelUnavailable, Overloaded
from app.predictions.classifiers import Classifiers, Served
from app.predictions.inference import Answer, Square, shows_enough
from app.review.rules import PhotoQuality
from app.screening import quality
from app.screening.screening import record
from app.submissions.photos import PreparedPhoto
from app.submissions.tables import Submission

log = logging.getLogger(__name__)


class ScreeningAtOnce:
    """Screens one submission: pass it each photo in turn to ``look``, then call ``record``."""

    def __init__(self, classifiers: Classifiers, seconds: float) -> None:
        """Waits for the model's answers for at most ``seconds`` from now; 0 leaves everything to a worker."""
        self._classifiers = classifiers
        self._deadline = time.monotonic() + seconds
        self._served = self._ready() if seconds else None
        self._answers: list[Answer] = []
        self._qualities: list[PhotoQuality] = []

    def _ready(self) -> Served | None:
        try:
            return self._classifiers.current()
        except ModelUnavailable:
            return None

    @property
    def wants_pictures(self) -> bool:
        """Whether photos should be prepared with the picture that they were decoded to."""
        return self._served is not None

    def look(self, photo: PreparedPhoto, square: Square | None) -> PreparedPhoto:
        """Ask about the next photo, with a square that lies on it upright; returns the photo without its picture."""
        if self._served is not None and photo.picture is not None:
            answer = self._ask(self._served, photo, square)
            if answer is None:
                self._served = None
            else:
                self._answers.append(answer)
                size = photo.info.width, photo.info.height
                self._qualities.append(quality.of_thumbnail(photo.thumb, *size, answer.square))
        return replace(photo, picture=None)

    def _ask(self, served: Served, photo: PreparedPhoto, square: Square | None) -> Answer | None:
        assert photo.picture is not None
        if not shows_enough(served.recogniser, photo.picture, photo.info, square):
            return None
        try:
            future = self._classifiers.begin_to_look(served, photo.picture, photo.info, square, photo.sha256)
        except Overloaded:
            return None
        try:
            return future.result(timeout=max(0.0, self._deadline - time.monotonic()))
        except TooSlow:
            future.cancel()
        except Exception:  # whatever is wrong with the model costs no photo; the worker's job reports it
            log.warning("a photo could not be looked at; the submission is left to a worker", exc_info=True)
        return None

    def record(self, session: Session, submission: Submission) -> bool:
        """Write predictions, verdict and status beside the new submission. False where a worker has to do that."""
        if self._served is None or len(self._answers) != len(submission.photos):
            return False
        answers = {photo.id: answer for photo, answer in zip(submission.photos, self._answers, strict=True)}
        try:
            with session.begin_nested():
                record(session, submission, self._served, answers, quality.best(self._qualities))
        except Exception:  # the same, for the verdict
            log.warning("submission %s is left to a worker", submission.id, exc_info=True)
            return False
        return True
