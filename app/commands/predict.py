"""`wingcheck predict`: ask a model version about photos, without a server."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from app.commands.shared import err, out
from app.domain.verdict import Decision, Opinion, Policy, decide
from app.services import classifiers, looks
from app.services.inference import Answer, PhotoError, Square
from app.settings import get_settings


def predict(
    photos: Annotated[list[Path], typer.Argument(help="Photos to look at.")],
    model: Annotated[Path | None, typer.Option("--model", help="Folder of a model version; default: bundled.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Ask a model version about photos, without a server."""
    asked = classifiers.Offline(model, get_settings())
    found = [(photo, asked.answer(photo)) for photo in photos]
    if as_json:
        out.print_json(json.dumps([_as_json(photo, answer, asked.policy) for photo, answer in found]))
    else:
        table = Table("photo", "looked at", "species", "probability", "in scope", "decision", "looks like")
        for photo, answer in found:
            if isinstance(answer, PhotoError):
                err.print(f"{photo.name}: {answer.detail}", style="red", soft_wrap=True)
                continue
            like = ", ".join(f"{name.scientific_name} {name.probability:.2f}" for name in answer.looks_like)
            table.add_row(photo.name, _place(answer), *_seen(answer.opinion, asked.policy), like)
            for other in answer.others:
                table.add_row("", _percent(other.square), *_seen(other.opinion, asked.policy), "")
        if table.rows:
            out.print(table)
    if any(isinstance(answer, PhotoError) for _, answer in found):
        raise typer.Exit(1)


def _seen(opinion: Opinion, policy: Policy) -> tuple[str, str, str, str]:
    """Species, probability, in-scope score and decision of one animal; no species where it is none that the version knows."""
    decision = decide(opinion, policy)
    outside = decision is Decision.OUT_OF_SCOPE
    named = ("", "") if outside else (opinion.top, f"{opinion.top_probability:.3f}")
    return (*named, f"{opinion.in_scope:.3f}", decision.value)


def _place(answer: Answer) -> str:
    if answer.square is None:
        return "the middle: no animal found" if answer.searched else "the middle"
    return f"{answer.origin}: {_percent(answer.square)}"


def _percent(square: Square) -> str:
    """Left, top and size of a square, in percent of the photo's width and height."""
    return f"{square.x:.0%} {square.y:.0%}, {square.width:.0%} × {square.height:.0%}"


def _as_json(photo: Path, answer: Answer | PhotoError, policy: Policy) -> dict[str, object]:
    if isinstance(answer, PhotoError):
        return {"filename": photo.name, "error": {"kind": answer.kind, "detail": answer.detail}}
    return {
        "filename": photo.name,
        **_animal_as_json(answer.opinion, policy),
        "square": asdict(answer.square) if answer.square else None,
        "square_origin": answer.origin.value,
        "searched": answer.searched,
        "animals": [
            {"square": asdict(other.square), **_animal_as_json(other.opinion, policy)} for other in answer.others
        ],
        "looks_like": looks.kept_names(answer),
    }


def _animal_as_json(opinion: Opinion, policy: Policy) -> dict[str, object]:
    return {
        "predictions": opinion.probabilities,
        "in_scope": opinion.in_scope,
        "decision": decide(opinion, policy).value,
    }
