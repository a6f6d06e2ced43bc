"""Templates for questions: everybody at the desk shares and keeps them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request, Response

from app.core.db import reading
from app.core.errors import InvalidInput
from app.core.web.auth import Reviewer
from app.core.web.dependencies import Sessions
from app.core.web.errors import field_errors
from app.core.web.i18n import LANGUAGES
from app.review import questions
from app.review.pages.queue_views import QueueViews
from app.review.pages.shared import WordsDep, desk_page, to
from app.review.questions import Questions
from app.review.tables import QuestionTemplate
from app.review.words import Words

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True)
class _Row:
    """A template, or what was typed for one; ``id`` 0: a new one."""

    id: int
    body: str
    taxon: str
    language: str
    heading: str = ""
    changed_at: datetime | None = None


@router.get("/review/templates")
def show(request: Request, _user: Reviewer, sessions: Sessions, words: WordsDep) -> Response:
    """All of them, and the form for another."""
    return _page(request, sessions, words)


def _page(
    request: Request,
    sessions: Sessions,
    words: Words,
    form: _Row | None = None,
    errors: dict[str, str] | None = None,
) -> Response:
    blank = _Row(0, "", "", words.language.code)
    with reading(sessions) as session:
        rows = [_row(one, words) for one in questions.templates(session)]
    return desk_page(
        request,
        "review/templates.html",
        words.language,
        422 if errors else 200,
        templates=rows,
        taxa=QueueViews(words, {}, 0).taxa(),
        blank=blank,
        form=form or blank,
        errors=errors or {},
    )


def _row(template: QuestionTemplate, words: Words) -> _Row:
    name = template.taxon.scientific_name if template.taxon else ""
    heading = ", ".join(
        [words.name(name) or words.t("any species"), LANGUAGES.get(template.language, template.language)]
    )
    heading = heading[:1].upper() + heading[1:]
    return _Row(template.id, template.body, name, template.language, heading, template.updated_at)


def _save(request: Request, sessions: Sessions, words: Words, user_id: int, row: _Row) -> Response:
    language = row.language if row.language in LANGUAGES else words.language.code
    try:
        Questions(sessions).save_template(user_id, row.body, language, row.taxon, row.id or None)
    except InvalidInput as error:
        return _page(request, sessions, words, row, by_field(error, words))
    return to("/review/templates")


def by_field(error: InvalidInput, words: Words) -> dict[str, Any]:
    """What is wrong with each field, in words."""
    return {line["field"]: line["message"] for line in field_errors(error, words.language)}


@router.post("/review/templates")
def add(
    request: Request,
    user: Reviewer,
    sessions: Sessions,
    words: WordsDep,
    body: Annotated[str, Form()] = "",
    taxon: Annotated[str, Form()] = "",
    language: Annotated[str, Form()] = "",
) -> Response:
    """Keep a new one."""
    return _save(request, sessions, words, user.user_id, _Row(0, body, taxon, language))


@router.post("/review/templates/{template_id}")
def change(
    request: Request,
    template_id: int,
    user: Reviewer,
    sessions: Sessions,
    words: WordsDep,
    action: Annotated[str, Form()] = "save",
    body: Annotated[str, Form()] = "",
    taxon: Annotated[str, Form()] = "",
    language: Annotated[str, Form()] = "",
) -> Response:
    """Change one, or remove it."""
    if action == "delete":
        Questions(sessions).delete_template(user.user_id, template_id)
        return to("/review/templates")
    return _save(request, sessions, words, user.user_id, _Row(template_id, body, taxon, language))
