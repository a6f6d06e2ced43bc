"""What can be done with an item on the desk. Scripts get JSON, with words in the reviewer's language; others are sent on."""

import time
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import JSONResponse

from app.core.db import SessionFactory, reading
from app.core.errors import Conflict, InvalidInput
from app.core.web import problems
from app.core.web.auth import Reviewer
from app.core.web.dependencies import Sessions
from app.core.web.errors import field_errors, wants_json
from app.predictions.squares import parse_square
from app.review import decisions, item, questions
from app.review.decisions import Decision, Decisions
from app.review.desk import Desk
from app.review.pages.forms import read_decision
from app.review.pages.item import item_page
from app.review.pages.item_views import ItemViews
from app.review.pages.shared import Carried, CarriedDep, SquaresDep, WordsDep, stale_page, to
from app.review.questions import Questions
from app.review.rules import Stale
from app.review.words import Words

router = APIRouter(include_in_schema=False)


@router.post("/review/{submission_id}/decide")
def decide(
    request: Request,
    submission_id: int,
    user: Reviewer,
    sessions: Sessions,
    words: WordsDep,
    carried: CarriedDep,
    revision: Annotated[int, Form()],
    decision: Annotated[str, Form()],
    taxon: Annotated[str, Form()] = "",
    status_code: Annotated[str, Form()] = "",
    remark: Annotated[str, Form()] = "",
    opened: Annotated[int, Form()] = 0,
    seconds: Annotated[float | None, Form(allow_inf_nan=False)] = None,
) -> Response:
    """Keep the answer and go on."""
    took = seconds if seconds is not None else (time.time() - opened if opened else None)
    try:
        with reading(sessions) as session:
            was_hidden = item.load(session, user.user_id, submission_id).hidden
        wanted = read_decision(words, decision, taxon, status_code, remark=remark, seconds=took)
        kept, is_settled = _keep(sessions, user.user_id, submission_id, revision, wanted)
    except (Conflict, InvalidInput) as error:
        return _refusal(request, sessions, words, user.user_id, submission_id, carried, error)
    if not wants_json(request):
        return to("/review/next", _after(carried.query, submission_id))
    more = [
        _revealed(sessions, words, user.user_id, submission_id) if was_hidden else "",
        "" if is_settled else words.t("Another expert is needed."),
    ]
    return JSONResponse({"identification_id": kept, "more": " ".join(part for part in more if part)})


def _keep(
    sessions: SessionFactory, user_id: int, submission_id: int, revision: int, wanted: Decision
) -> tuple[int, bool]:
    """The number of the answer in the record, and whether it settles it. Where the same came twice, that of the first."""
    try:
        outcome = Decisions(sessions).decide(user_id, submission_id, revision, wanted)
        return outcome.identification_id, outcome.settled is not None
    except Stale:
        with reading(sessions) as session:
            repeat = decisions.repeated_decision(session, user_id, submission_id, revision, wanted)
        if repeat is None:
            raise
        return repeat.id, True


def _revealed(sessions: Sessions, words: Words, user_id: int, submission_id: int) -> str:
    with reading(sessions) as session:
        return ItemViews(words, user_id).revealed(item.load(session, user_id, submission_id))


def _refusal(
    request: Request,
    sessions: Sessions,
    words: Words,
    user_id: int,
    submission_id: int,
    carried: Carried,
    error: Conflict | InvalidInput,
) -> Response:
    """Why an answer was not kept, in words: on a page, or as a problem for scripts."""
    if isinstance(error, InvalidInput):
        if wants_json(request):
            raise error
        told = " ".join(line["message"] for line in field_errors(error, words.language))
        return item_page(request, sessions, words, user_id, submission_id, carried.wanted, 422, told)
    happened = words.happened(error.happened) if isinstance(error, Stale) else words.t("This is no longer possible.")
    if wants_json(request):
        return problems.response("conflict", 409, happened)
    return stale_page(request, words, happened, submission_id, carried.query)


def _after(query: str, submission_id: int) -> str:
    return f"{query}&after={submission_id}".lstrip("&")


@router.post("/review/{submission_id}/ask")
def ask(
    request: Request,
    submission_id: int,
    user: Reviewer,
    sessions: Sessions,
    words: WordsDep,
    carried: CarriedDep,
    revision: Annotated[int, Form()],
    body: Annotated[str, Form()] = "",
    template: Annotated[int | None, Form()] = None,
) -> Response:
    """Send a question to the volunteer and go on: one's own words, else the template."""
    if template is not None and not body.strip():
        with reading(sessions) as session:
            body = next((one.body for one in questions.templates(session) if one.id == template), "")
    try:
        kept = _ask_once(sessions, user.user_id, submission_id, revision, body)
    except (Conflict, InvalidInput) as error:
        return _refusal(request, sessions, words, user.user_id, submission_id, carried, error)
    if wants_json(request):
        return JSONResponse({"identification_id": kept})
    return to("/review/next", _after(carried.query, submission_id))


def _ask_once(sessions: SessionFactory, user_id: int, submission_id: int, revision: int, body: str) -> int:
    try:
        return Questions(sessions).ask(user_id, submission_id, revision, body).identification_id
    except Stale:
        with reading(sessions) as session:
            repeat = decisions.repeated_question(session, user_id, submission_id, revision, body)
        if repeat is None:
            raise
        return repeat.id


@router.post("/review/{submission_id}/photos/{number}/square")
def move_square(
    request: Request,
    submission_id: int,
    number: int,
    user: Reviewer,
    sessions: Sessions,
    squares: SquaresDep,
    words: WordsDep,
    carried: CarriedDep,
    revision: Annotated[int, Form()],
    square: Annotated[str, Form()] = "",
) -> Response:
    """Draw a square on a photo, move it or, empty, take it away; the model looks again, and the item is loaded anew."""
    try:
        squares.of_reviewer(user.user_id, submission_id, revision, number, parse_square(square))
    except (Conflict, InvalidInput) as error:
        return _refusal(request, sessions, words, user.user_id, submission_id, carried, error)
    return Response(status_code=204) if wants_json(request) else to(f"/review/{submission_id}", carried.query)


@router.post("/review/{submission_id}/comment")
def comment(
    request: Request,
    submission_id: int,
    user: Reviewer,
    sessions: Sessions,
    words: WordsDep,
    carried: CarriedDep,
    remark: Annotated[str, Form()] = "",
) -> Response:
    """Leave a note that decides nothing."""
    try:
        kept = Decisions(sessions).comment(user.user_id, submission_id, remark)
    except InvalidInput as error:
        return _refusal(request, sessions, words, user.user_id, submission_id, carried, error)
    if wants_json(request):
        return JSONResponse({"identification_id": kept})
    return to(f"/review/{submission_id}", carried.query)


@router.post("/review/{submission_id}/skip")
def skip(request: Request, submission_id: int, user: Reviewer, sessions: Sessions, carried: CarriedDep) -> Response:
    """Put it off and go on."""
    Desk(sessions).skip(user.user_id, submission_id)
    if wants_json(request):
        return Response(status_code=204)
    return to("/review/next", _after(carried.query, submission_id))


@router.post("/review/{submission_id}/undo")
def undo(
    request: Request,
    submission_id: int,
    user: Reviewer,
    sessions: Sessions,
    words: WordsDep,
    carried: CarriedDep,
    identification: Annotated[int, Form()],
) -> Response:
    """Take an answer or a question back, and look at the item again."""
    try:
        done = Decisions(sessions).undo(user.user_id, identification)
    except Conflict as error:
        return _refusal(request, sessions, words, user.user_id, submission_id, carried, error)
    if wants_json(request):
        return JSONResponse({"identification_id": done.identification_id})
    return to(f"/review/{submission_id}", carried.query)


@router.post("/review/{submission_id}/renew")
def renew(submission_id: int, user: Reviewer, sessions: Sessions) -> Response:
    """Hold it for longer; for scripts."""
    return JSONResponse({"hold": Desk(sessions).renew(user.user_id, submission_id).hold.value})


@router.post("/review/{submission_id}/release")
def release(request: Request, submission_id: int, user: Reviewer, sessions: Sessions, carried: CarriedDep) -> Response:
    """Let others have it."""
    Desk(sessions).release(user.user_id, submission_id)
    return Response(status_code=204) if wants_json(request) else to("/review", carried.query)
