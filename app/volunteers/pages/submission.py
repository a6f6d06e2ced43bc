"""The page of one submission: its verdict, second look, questions, squares and withdrawal; and its photos.

Whoever has the link may do all of it: the link is the volunteer's.
"""

from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, Field
from sqlalchemy import select

from app.core.errors import Conflict, InvalidInput, NotFound
from app.core.texts import OneForm
from app.core.web.dependencies import ReadSession, StorageDep
from app.core.web.errors import wants_json
from app.core.web.security import PICTURE_POLICY
from app.core.web.uploads import SubmissionRoute, done
from app.predictions.inference import Square
from app.predictions.rules import ClaimKind
from app.predictions.squares import parse_square
from app.review.pages.shared import SquaresDep
from app.submissions import photos
from app.submissions.form import MAX_NAME, parse_claim, sent_photos
from app.submissions.tables import Photo, Submission
from app.volunteers import news
from app.volunteers.dependencies import SHOWS_NEWS, AddressesDep, LookDep, SubmissionsDep
from app.volunteers.withdrawal import what_goes, what_stays

router = APIRouter(include_in_schema=False, route_class=SubmissionRoute)


class AnswerForm(BaseModel):
    """An answer, as browsers send it: what nobody chose is not there, or an empty part."""

    body: str = ""
    file: list[Any] = Field(default_factory=list)


_ = str  # marks messages for extraction

# What the page says once, after what its volunteer did.
_DONE = {
    "again": _("You already sent this. Here it is."),
    "answered": _("Thank you. Your answer has been sent to the expert."),
    "corrected": _("Thank you. Your record has been corrected."),
    "mailed": _("The address of this page is on its way to you by mail."),
    "looked": _("Thank you for looking again."),
    "told": _("Thank you. The expert will see your answer."),
}


def _note_seen(request: Request, token: str) -> None:
    """Whoever has the link is the volunteer: what experts decided is looked at now."""
    news.mark_seen(request.app.state.sessions, Submission.token == token)


@router.get("/s/{token}", dependencies=[Depends(_note_seen), SHOWS_NEWS])
def show(request: Request, token: str, look: LookDep) -> Response:
    """One submission with its verdict."""
    done = next((text for name, text in _DONE.items() if request.query_params.get(name)), None)
    return look.page(token, flash=look.language.gettext(done) if done else None)


@router.get("/s/{token}/verdict")
def verdict(token: str, look: LookDep) -> Response:
    """The part of the page that changes while the computer looks."""
    return look.page(token, "volunteers/_polled.html")


@router.post("/s/{token}/claim")
def reconsider(
    token: str,
    submissions: SubmissionsDep,
    claim: Annotated[str, Form()],
    claim_text: Annotated[str, Form(max_length=MAX_NAME), OneForm] = "",
) -> Response:
    """The answer to the second look."""
    kind, name = parse_claim(claim)
    submissions.reconsider(token, kind, name, claim_text.strip() if kind is ClaimKind.OTHER else "")
    return RedirectResponse(f"/s/{token}?looked=1", 303)


@router.post("/s/{token}/butterflies")
def butterflies(token: str, submissions: SubmissionsDep, two: Annotated[bool, Form()]) -> Response:
    """The answer to whether the photos show two butterflies."""
    submissions.say_how_many(token, two=two)
    return RedirectResponse(f"/s/{token}?told=1", 303)


@router.post("/s/{token}/answer")
async def answer(
    request: Request, token: str, look: LookDep, submissions: SubmissionsDep, form: Annotated[AnswerForm, Form()]
) -> Response:
    """Keep the answer to an expert's question, with words or photos; it goes back to whoever asked. Idempotent."""
    photos = sent_photos(form.file, (), [])
    try:
        await done(request.app.state.submission_line, partial(submissions.answer, token, form.body, photos))
    except Conflict:  # it was answered a moment ago, or nobody waits for it any more: the page says how it stands
        return RedirectResponse(f"/s/{token}", 303)
    except InvalidInput as error:
        again = [photo.filename for photo in photos]
        return look.page(
            token, status=422, answer_error=look.in_words(error), answer_body=form.body, choose_again=again
        )
    return RedirectResponse(f"/s/{token}?answered=1", 303)


@router.post("/s/{token}/photos/{number}/square")
def move_square(
    request: Request,
    token: str,
    number: int,
    squares: SquaresDep,
    look: LookDep,
    square: Annotated[str, Form()] = "",
) -> Response:
    """Draw a square, move it or, empty, take it away; the model looks again. Scripts get no content, others the page."""
    try:
        squares.of_volunteer(token, number, parse_square(square))
    except InvalidInput as error:
        if wants_json(request):
            raise
        return look.page(token, status=422, flash=look.in_words(error))
    return Response(status_code=204) if wants_json(request) else RedirectResponse(f"/s/{token}", 303)


@router.post("/s/{token}/receipt")
def receipt(
    token: str, look: LookDep, submissions: SubmissionsDep, addresses: AddressesDep, session: ReadSession
) -> Response:
    """Mail the link of this page to its volunteer."""
    addresses.send_receipt(submissions.get(session, token))
    return RedirectResponse(f"/s/{token}?mailed=1", 303)


@router.get("/s/{token}/withdraw", dependencies=[SHOWS_NEWS])
def ask_withdraw(token: str, look: LookDep) -> Response:
    """Withdrawing deletes photos: ask first."""
    return look.page(token, "volunteers/withdraw.html", goes=what_goes(), stays=what_stays())


@router.post("/s/{token}/withdraw")
def withdraw(token: str, submissions: SubmissionsDep) -> Response:
    """Withdraw and come back to what is left."""
    submissions.withdraw(token)
    return RedirectResponse(f"/s/{token}", 303)


@router.get("/photos/{token}/{variant}.jpg")
def photo(request: Request, token: str, variant: str, session: ReadSession, storage: StorageDep) -> Response:
    """A copy of a photo, which the browser keeps, for it never changes. ``cut`` shows the animal alone, from the square that
    was drawn or found, and the whole photo where there is none; a square may move, so the browser asks whether it did.
    """
    row = session.scalar(select(Photo).where(Photo.token == token, Photo.removed_at.is_(None)))
    if row is None or variant not in {*photos.VARIANTS, "cut"}:
        raise NotFound("There is no photo at this link.")
    square = row.animal if variant == "cut" else None
    etag = f'"{row.sha256[:16]}-{variant}{"".join(f"-{edge:.4f}" for edge in square or ())}"'
    cache = "private, no-cache" if variant == "cut" else "private, max-age=3600"
    headers = {"ETag": etag, "Cache-Control": cache, "Content-Disposition": "inline"}
    headers["Content-Security-Policy"] = PICTURE_POLICY
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers=headers)
    stored = variant if variant != "cut" else "display" if square else "thumb"
    try:
        data = storage.get(photos.key_of(row.sha256, stored))
    except FileNotFoundError as error:
        raise NotFound("The file of this photo is missing.") from error
    return Response(photos.cut(data, Square(*square)) if square else data, media_type="image/jpeg", headers=headers)
