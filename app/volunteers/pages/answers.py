"""A volunteer's answer to a question from a reviewer. Whoever has the link may answer: it is the volunteer's."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse

from app.core.db import reading
from app.core.errors import Conflict, InvalidInput
from app.core.web.dependencies import LanguageDep, same_origin
from app.core.web.errors import field_errors
from app.review.questions import Questions
from app.volunteers.dependencies import SubmissionsDep
from app.volunteers.pages.submission_page import Choices, page_of

router = APIRouter(include_in_schema=False)


@router.post("/s/{token}/answer", dependencies=[Depends(same_origin)])
def answer(
    request: Request,
    token: str,
    submissions: SubmissionsDep,
    language: LanguageDep,
    choices: Choices,
    body: Annotated[str, Form()] = "",
) -> Response:
    """Keep the answer; it goes back to whoever asked. An answer sent twice is kept once."""
    sessions = request.app.state.sessions
    try:
        Questions(sessions).answer(token, body)
    except Conflict:  # it was answered a moment ago, or nobody waits for it any more: the page says how it stands
        return RedirectResponse(f"/s/{token}", 303)
    except InvalidInput as error:
        told = " ".join(line["message"] for line in field_errors(error, language))
        with reading(sessions) as session:
            row = submissions.get(session, token)
            return page_of(request, session, row, language, choices, status=422, answer_error=told)
    return RedirectResponse(f"/s/{token}?answered=1", 303)
