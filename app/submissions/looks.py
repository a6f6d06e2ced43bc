"""What versions say of photos, between answers, rows and whatever is shown of them."""

from dataclasses import astuple
from typing import Any

from app.predictions.inference import Answer, Square, kept_names
from app.predictions.rules import Animal, Opinion, Outcome
from app.predictions.tables import Looked
from app.submissions.tables import Photo, VerdictRecord


def drawn(photo: Photo) -> Square | None:
    """The square that a person drew on a photo."""
    return Square(*photo.square) if photo.square else None


def values_of(answer: Answer, photo: Photo) -> dict[str, Any]:
    """The columns of app.predictions.tables.Looked, for an answer about the photo as it was read."""
    return {
        "probabilities": dict(answer.opinion.probabilities),
        "in_scope": answer.opinion.in_scope,
        "square": _numbers(answer.square) if answer.square else None,
        "square_origin": answer.origin,
        "searched": answer.searched,
        "others": [
            {
                "square": _numbers(other.square),
                "probabilities": dict(other.opinion.probabilities),
                "in_scope": other.opinion.in_scope,
            }
            for other in answer.others
        ],
        "looks_like": kept_names(answer),
        "square_changes": photo.square_changes,
    }


def _numbers(square: Square) -> list[float]:
    return [float(value) for value in astuple(square)]


def shares(opinion: Opinion, verdict: VerdictRecord) -> dict[str, float]:
    """Scientific name → probability, the highest first; empty where the verdict's policy says that it is none of these."""
    if verdict.leaves_out(opinion):
        return {}
    return dict(sorted(opinion.probabilities.items(), key=lambda share: -share[1]))


def animals(prediction: Looked, verdict: VerdictRecord) -> list[Animal]:
    """The further animals that a version saw in a photo."""
    return [
        Animal(animal["square"], shares(opinion, verdict), opinion.in_scope)
        for animal, opinion in zip(prediction.others, prediction.opinion.others, strict=True)
    ]


def looks_like(verdict: VerdictRecord) -> list[dict[str, Any]]:
    """Species that it may be instead, where the verdict says that it is none of the version's; the most probable first."""
    prediction = verdict.prediction
    return prediction.looks_like if prediction and verdict.outcome is Outcome.OUT_OF_SCOPE else []
