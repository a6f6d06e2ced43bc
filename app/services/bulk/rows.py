"""What is told of a photo, as nested values for JSON and as the columns of a table."""

from collections.abc import Sequence
from typing import Any

from app.domain.verdict import Policy, decide
from app.services.inference import Answer, ModelVersionInfo, PhotoError

Row = dict[str, Any]


def row_of(name: str, answer: Answer | PhotoError, info: ModelVersionInfo, policy: Policy) -> Row:
    """A photo's row. One that can't be answered has ``error`` in place of all else."""
    model = f"{info.name} {info.version}"
    if isinstance(answer, PhotoError):
        return {"filename": name, "error": {"kind": answer.kind, "detail": answer.detail}, "model": model}
    opinion = answer.opinion
    return {
        "filename": name,
        "decision": decide(opinion, policy).value,
        "species": opinion.top,
        "probability": opinion.top_probability,
        "in_scope": opinion.in_scope,
        "predictions": dict(opinion.probabilities),
        "width": answer.photo.width,
        "height": answer.photo.height,
        "sha256": answer.sha256,
        "model": model,
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
        "width": int,
        "height": int,
        "sha256": str,
        "error": str,
        "detail": str,
        "model": str,
    }


def flat(row: Row) -> Row:
    """The same for a table: what a photo has no value for is missing."""
    values = {name: value for name, value in row.items() if name not in ("predictions", "error")}
    values |= row.get("predictions", {})
    if "error" in row:
        values |= {"error": row["error"]["kind"], "detail": row["error"]["detail"]}
    return values
