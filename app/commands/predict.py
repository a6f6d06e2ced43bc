"""`wingcheck predict`: ask a model version about photos, without a server."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Column, Table

from app.commands.shared import err, out
from app.domain.verdict import Decision, Opinion, Policy, decide
from app.services import classifiers, looks
from app.services.inference import Answer, LooksLike, ModelVersionInfo, PhotoError, Square
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
        table = _table(asked.info)
        for photo, answer in found:
            if isinstance(answer, PhotoError):
                err.print(f"{photo.name}: {answer.detail}", style="red", soft_wrap=True)
                continue
            _add(table, photo.name, _place(answer), answer.opinion, asked.policy, answer.looks_like)
            for other in answer.others:
                _add(table, "", _percent(other.square), other.opinion, asked.policy)
        if table.rows:
            out.print(table)
    if any(isinstance(answer, PhotoError) for _, answer in found):
        raise typer.Exit(1)


def _table(info: ModelVersionInfo) -> Table:
    known = ", ".join(label.scientific_name for label in info.labels)
    columns = (Column("photo", no_wrap=True), "looked at", "species", "probability", "in scope")
    caption = f"{info.name} {info.version} tells apart {known}."
    return Table(*columns, Column("decision", no_wrap=True), caption=caption, caption_justify="left")


def _add(
    table: Table, photo: str, place: str, opinion: Opinion, policy: Policy, looks_like: Sequence[LooksLike] = ()
) -> None:
    """A row for one animal. Of one that is none of the species that the version knows: what it looks like, a row each."""
    decision = decide(opinion, policy)
    named = [(opinion.top, opinion.top_probability)]
    if decision is Decision.OUT_OF_SCOPE:
        named = [(f"like {name.scientific_name}", name.probability) for name in looks_like]
    (species, share), *more = [(name, f"{share:.3f}") for name, share in named] or [("", "")]
    table.add_row(photo, place, species, share, f"{opinion.in_scope:.3f}", decision.value)
    for species, share in more:
        table.add_row("", "", species, share, "", "")


def _place(answer: Answer) -> str:
    if answer.square is None:
        return "the middle: no animal found" if answer.searched else "the middle"
    return f"{answer.origin}: {_percent(answer.square)}"


def _percent(square: Square) -> str:
    """Left, top and size of a square, in percent of the photo's width and height."""
    return f"{square.x:.0%} {square.y:.0%}, {square.width:.0%}×{square.height:.0%}"


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
