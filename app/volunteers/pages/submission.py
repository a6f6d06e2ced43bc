"""The page of one submission: its verdict, second look, questions, squares and withdrawal; and its photos.

Whoever has the link may do all of it: the link is the volunteer's.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import select

from app.core.errors import Conflict, InvalidInput, NotFound
from app.core.web.dependencies import ReadSession, StorageDep, same_origin
from app.core.web.errors import wants_json
from app.core.web.security import PICTURE_POLICY
from app.predictions.inference import Square
from app.predictions.squares import parse_square
from app.review.pages.shared import SquaresDep
from app.review.questions import Questions
from app.submissions import photos
from app.submissions.form import parse_claim
from app.submissions.tables import Photo
from app.volunteers.dependencies import LookDep, SubmissionsDep
from app.volunteers.withdrawal import what_goes, what_stays

router = APIRouter(include_in_schema=False)


@router.get("/s/{token}")
def show(token: str, look: LookDep, again: str = "", answered: str = "") -> Response:
    """One submission with its verdict."""
    flash = look.language.gettext("You already sent this. Here it is.") if again else None
    if answered:
        flash = look.language.gettext("Thank you. Your answer has been sent to the expert.")
    return look.page(token, flash=flash)


@router.get("/s/{token}/verdict")
def verdict(token: str, look: LookDep) -> Response:
    """The part of the page that changes while the computer looks."""
    return look.page(token, "volunteers/_polled.html")


@router.post("/s/{token}/claim", dependencies=[Depends(same_origin)])
def reconsider(token: str, submissions: SubmissionsDep, claim: Annotated[str, Form()]) -> Response:
    """The answer to the second look."""
    kind, name = parse_claim(claim)
    submissions.reconsider(token, kind, name)
    return RedirectResponse(f"/s/{token}", 303)


@router.post("/s/{token}/answer", dependencies=[Depends(same_origin)])
def answer(request: Request, token: str, look: LookDep, body: Annotated[str, Form()] = "") -> Response:
    """Keep the answer to an expert's question; it goes back to whoever asked. Idempotent."""
    try:
        Questions(request.app.state.sessions).answer(token, body)
    except Conflict:  # it was answered a moment ago, or nobody waits for it any more: the page says how it stands
        return RedirectResponse(f"/s/{token}", 303)
    except InvalidInput as error:
        return look.page(token, status=422, answer_error=look.in_words(error))
    return RedirectResponse(f"/s/{token}?answered=1", 303)


@router.post("/s/{token}/photos/{number}/square", dependencies=[Depends(same_origin)])
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


@router.get("/s/{token}/withdraw")
def ask_withdraw(token: str, look: LookDep) -> Response:
    """Withdrawing deletes photos: ask first."""
    return look.page(token, "volunteers/withdraw.html", goes=what_goes(), stays=what_stays())


@router.post("/s/{token}/withdraw", dependencies=[Depends(same_origin)])
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
