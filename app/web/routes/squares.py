"""A square that a volunteer draws or moves after sending."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse

from app.db import reading
from app.domain.errors import InvalidInput
from app.web.dependencies import (
    LanguageDep,
    SquaresDep,
    SubmissionsDep,
    same_origin,
)
from app.web.errors import field_errors, wants_json
from app.web.forms import parse_square
from app.web.routes.submission_page import Choices, page_of

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
