"""What can be done with an item on the desk. Scripts get JSON, with words in the reviewer's language; others are sent on."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Form, Response
from fastapi.responses import JSONResponse

from app.core.db import reading
from app.core.errors import Conflict, InvalidInput
from app.core.web import problems
from app.core.web.errors import wants_json
from app.predictions.squares import parse_square
from app.review import decisions, item, questions
from app.review.decisions import Decision, Decisions
from app.review.desk import Desk
from app.review.pages.item import item_page
from app.review.pages.shared import AnswerForm, DeskContext, DeskForm, ReviewerContext, SquaresDep, to
from app.review.questions import Questions
from app.review.rules import Stale

router = APIRouter(include_in_schema=False)


class _DecideForm(AnswerForm):
    revision: int


@router.post("/review/{submission_id}/decide")
def decide(context: ReviewerContext, submission_id: int, form: Annotated[_DecideForm, Form()]) -> Response:
    """Write the answer down and go on."""
    try:
        with reading(context.sessions) as session:
            was_hidden = item.load(session, context.user_id, submission_id).hidden
        decision = form.read(context.words)
        identification_id, is_settled = _decide_once(context, submission_id, form.revision, decision)
    except (Conflict, InvalidInput) as error:
        return _refusal(context, submission_id, form, error)
    more = [
        _revealed(context, submission_id) if was_hidden else "",
        "" if is_settled else context.words.t("Another expert is needed."),
    ]
    result = {"identification_id": identification_id, "more": " ".join(part for part in more if part)}
    return _answer(context, _next(submission_id, form), result)


def _answer(context: DeskContext, page: Response, for_scripts: Mapping[str, object] | None = None) -> Response:
    """The page that comes next; scripts get JSON, or 204 where there is nothing to say."""
    if not wants_json(context.request):
        return page
    return JSONResponse(for_scripts) if for_scripts else Response(status_code=204)


def _decide_once(context: DeskContext, submission_id: int, revision: int, decision: Decision) -> tuple[int, bool]:
    """The id of the identification, and whether it settles the record. If the same was sent before, that of the first."""
    try:
        outcome = Decisions(context.sessions).decide(context.user_id, submission_id, revision, decision)
        return outcome.identification_id, outcome.settled is not None
    except Stale:
        with reading(context.sessions) as session:
            repeat = decisions.repeated_decision(session, context.user_id, submission_id, revision, decision)
        if repeat is None:
            raise
        return repeat.id, True


def _revealed(context: DeskContext, submission_id: int) -> str:
    """What was hidden until the answer."""
    words = context.words
    with reading(context.sessions) as session:
        row = item.load(session, context.user_id, submission_id)
        sees = words.name(row.predicted.scientific_name) if row.predicted else words.t("no species")
        return words.t("The claim was %(claim)s; the computer sees %(sees)s.", claim=words.claim(row.claim), sees=sees)


def _refusal(context: DeskContext, submission_id: int, form: DeskForm, error: Conflict | InvalidInput) -> Response:
    """Why an answer was not kept, in words: on a page, or as a problem for scripts."""
    words = context.words
    if isinstance(error, InvalidInput):
        if wants_json(context.request):
            raise error
        mistakes = " ".join(context.errors_by_field(error).values())
        return item_page(context, submission_id, form.filter, 422, mistakes)
    reason = words.happened(error.happened) if isinstance(error, Stale) else words.t("This is no longer possible.")
    if wants_json(context.request):
        return problems.response("conflict", 409, reason)
    query = form.filter.to_query()
    return context.page("review/stale.html", 409, reason=reason, submission_id=submission_id, query=query)


def _next(submission_id: int, form: DeskForm) -> Response:
    return to("/review/next", f"{form.filter.to_query()}&after={submission_id}".lstrip("&"))


def _same(submission_id: int, form: DeskForm) -> Response:
    return to(f"/review/{submission_id}", form.filter.to_query())


class _AskForm(DeskForm):
    revision: int
    body: str = ""
    template: int | None = None


@router.post("/review/{submission_id}/ask")
def ask(context: ReviewerContext, submission_id: int, form: Annotated[_AskForm, Form()]) -> Response:
    """Send a question to the volunteer and go on: the reviewer's own words, else the template."""
    body = form.body
    if form.template is not None and not body.strip():
        with reading(context.sessions) as session:
            body = next((row.body for row in questions.templates(session) if row.id == form.template), "")
    try:
        identification_id = _ask_once(context, submission_id, form.revision, body)
    except (Conflict, InvalidInput) as error:
        return _refusal(context, submission_id, form, error)
    return _answer(context, _next(submission_id, form), {"identification_id": identification_id})


def _ask_once(context: DeskContext, submission_id: int, revision: int, body: str) -> int:
    try:
        return Questions(context.sessions).ask(context.user_id, submission_id, revision, body).identification_id
    except Stale:
        with reading(context.sessions) as session:
            repeat = decisions.repeated_question(session, context.user_id, submission_id, revision, body)
        if repeat is None:
            raise
        return repeat.id


class _SquareForm(DeskForm):
    revision: int
    square: str = ""


@router.post("/review/{submission_id}/photos/{number}/square")
def move_square(
    context: ReviewerContext,
    submission_id: int,
    number: int,
    squares: SquaresDep,
    form: Annotated[_SquareForm, Form()],
) -> Response:
    """Draw a square on a photo, move it or, empty, take it away; the model looks again, and the item is loaded anew."""
    try:
        square = parse_square(form.square)
        squares.of_reviewer(context.user_id, submission_id, form.revision, number, square)
    except (Conflict, InvalidInput) as error:
        return _refusal(context, submission_id, form, error)
    return _answer(context, _same(submission_id, form))


class _CommentForm(DeskForm):
    remark: str = ""


@router.post("/review/{submission_id}/comment")
def comment(context: ReviewerContext, submission_id: int, form: Annotated[_CommentForm, Form()]) -> Response:
    """Leave a note that decides nothing."""
    try:
        identification_id = Decisions(context.sessions).comment(context.user_id, submission_id, form.remark)
    except InvalidInput as error:
        return _refusal(context, submission_id, form, error)
    return _answer(context, _same(submission_id, form), {"identification_id": identification_id})


@router.post("/review/{submission_id}/skip")
def skip(context: ReviewerContext, submission_id: int, form: Annotated[DeskForm, Form()]) -> Response:
    """Put it off and go on."""
    Desk(context.sessions).skip(context.user_id, submission_id)
    return _answer(context, _next(submission_id, form))


class _UndoForm(DeskForm):
    identification: int


@router.post("/review/{submission_id}/undo")
def undo(context: ReviewerContext, submission_id: int, form: Annotated[_UndoForm, Form()]) -> Response:
    """Take an answer or a question back, and look at the item again."""
    try:
        outcome = Decisions(context.sessions).undo(context.user_id, form.identification)
    except Conflict as error:
        return _refusal(context, submission_id, form, error)
    return _answer(context, _same(submission_id, form), {"identification_id": outcome.identification_id})


@router.post("/review/{submission_id}/renew")
def renew(context: ReviewerContext, submission_id: int) -> Response:
    """Hold it for longer; for scripts."""
    return JSONResponse({"hold": Desk(context.sessions).renew(context.user_id, submission_id).hold.value})


@router.post("/review/{submission_id}/release")
def release(context: ReviewerContext, submission_id: int, form: Annotated[DeskForm, Form()]) -> Response:
    """Let others have it."""
    Desk(context.sessions).release(context.user_id, submission_id)
    return _answer(context, to("/review", form.filter.to_query()))
