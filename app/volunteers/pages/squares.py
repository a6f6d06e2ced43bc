"""A square that a volunteer draws or moves after sending."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse

from app.core.db import reading
from app.core.errors import InvalidInput
from app.core.web.dependencies import LanguageDep, same_origin
from app.core.web.errors import field_errors, wants_json
from app.predictions.squares import parse_square
from app.review.pages.shared import SquaresDep
from app.volunteers.dependencies import SubmissionsDep
from app.volunteers.pages.submission_page import Choices, page_of

router = APIRouter(include_in_schema=False)


@router.post("/s/{token}/photos/{number}/square", dependencies=[Depends(same_origin)])
def move(
    request: Request,
    token: str,
    number: int,
    squares: SquaresDep,
    submissions: SubmissionsDep,
    language: LanguageDep,
    choices: Choices,
    square: Annotated[str, Form()] = "",
) -> Response:
    """Draw a square, move it or, empty, take it away; the model looks again. Scripts get no content, others the page."""
    try:
        squares.of_volunteer(token, number, parse_square(square))
    except InvalidInput as error:
        if wants_json(request):
            raise
        told = " ".join(line["message"] for line in field_errors(error, language))
        with reading(request.app.state.sessions) as session:
            return page_of(request, session, submissions.get(session, token), language, choices, status=422, flash=told)
    return Response(status_code=204) if wants_json(request) else RedirectResponse(f"/s/{token}", 303)
