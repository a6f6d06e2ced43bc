"""What is told of a photo, as nested values for JSON and as the columns of a table."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from app.predictions.inference import Answer, ModelVersionInfo, PhotoError, kept_names
from app.predictions.rules import Decision, Opinion, Policy, decide

Row = dict[str, Any]

_NESTED = ("predictions", "error", "square", "searched", "animals", "looks_like")
_SQUARE = ("square_x", "square_y", "square_width", "square_height")


def row_of(name: str, answer: Answer | PhotoError, info: ModelVersionInfo, policy: Policy) -> Row:
    """A photo's row. One that can't be answered has ``error`` in place of all else."""
    model = f"{info.name} {info.version}"
    if isinstance(answer, PhotoError):
        return {"filename": name, "error": {"kind": answer.kind, "detail": answer.detail}, "model": model}
    return {
        "filename": name,
        **_animal(answer.opinion, policy),
        "square": asdict(answer.square) if answer.square else None,
        "square_origin": answer.origin.value,
        "searched": answer.searched,
        "animals": [{"square": asdict(other.square), **_animal(other.opinion, policy)} for other in answer.others],
        "looks_like": kept_names(answer),
        "width": answer.photo.width,
        "height": answer.photo.height,
        "sha256": answer.sha256,
        "model": model,
    }


def _animal(opinion: Opinion, policy: Policy) -> Row:
    """What is told of one animal; no species where it is none that the version knows."""
    decision = decide(opinion, policy)
    named = decision is not Decision.OUT_OF_SCOPE
    return {
        "decision": decision.value,
        "species": opinion.top if named else None,
        "probability": opinion.top_probability if named else None,
        "in_scope": opinion.in_scope,
        "predictions": dict(opinion.probabilities),
    }


def columns(labels: Sequence[str]) -> dict[str, type]:
    """The columns of a table, and what they hold; one per label of the model with its probability.

    The last one is never empty and has no line break, so a line that was cut short can be told from a whole one.
    """
    return {
        "filename": str,
        "decision": str,
        "species": str,
        "probability": float,
        "in_scope": float,
        **dict.fromkeys(labels, float),
        "square_origin": str,
        **dict.fromkeys(_SQUARE, float),
        "further_animals": int,
        "looks_like": str,
        "looks_like_probability": float,
        "width": int,
        "height": int,
        "sha256": str,
        "error": str,
        "detail": str,
        "model": str,
    }


def flat(row: Row) -> Row:
    """The same for a table: what a photo has no value for is missing."""
    values = {name: value for name, value in row.items() if name not in _NESTED and value is not None}
    values |= row.get("predictions", {})
    values |= dict(zip(_SQUARE, (row.get("square") or {}).values(), strict=False))
    if "animals" in row:
        values["further_animals"] = len(row["animals"])
    for like in row.get("looks_like", [])[:1]:
        values |= {"looks_like": like["scientific_name"], "looks_like_probability": like["probability"]}
    if "error" in row:
        values |= {"error": row["error"]["kind"], "detail": row["error"]["detail"]}
    return values
