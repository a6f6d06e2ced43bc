"""`wingcheck predict`: ask a model version about photos, without a server."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from app.commands.shared import err, out
from app.domain.verdict import decide
from app.services import classifiers, inference
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
        out.print_json(json.dumps([_as_json(photo, answer, asked) for photo, answer in found]))
    else:
        table = Table("photo", "species", "probability", "in scope", "decision")
        for photo, answer in found:
            if isinstance(answer, inference.PhotoError):
                err.print(f"{photo.name}: {answer.detail}", style="red", soft_wrap=True)
                continue
            opinion = answer.opinion
            table.add_row(
                photo.name,
                opinion.top,
                f"{opinion.top_probability:.3f}",
                f"{opinion.in_scope:.3f}",
                decide(opinion, asked.policy).value,
            )
        if table.rows:
            out.print(table)
    if any(isinstance(answer, inference.PhotoError) for _, answer in found):
        raise typer.Exit(1)


def _as_json(photo: Path, answer: object, asked: "classifiers.Offline") -> dict[str, object]:
    if isinstance(answer, inference.Answer):
        opinion = answer.opinion
        return {
            "filename": photo.name,
            "predictions": opinion.probabilities,
            "in_scope": opinion.in_scope,
            "decision": decide(opinion, asked.policy).value,
        }
    assert isinstance(answer, inference.PhotoError)
    return {"filename": photo.name, "error": {"kind": answer.kind, "detail": answer.detail}}
