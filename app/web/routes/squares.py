"""Squares on the volunteer's pages: where the model sees an animal before anything is sent, and a square drawn afterwards."""

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Depends, File, Form, Request, Response, UploadFile
from fastapi.responses import JSONResponse, RedirectResponse

from app.db import reading
from app.domain.errors import InvalidInput
from app.services.inference import PhotoError
from app.web import problems
from app.web.dependencies import (
    ClassifiersDep,
    LanguageDep,
    SettingsDep,
    SquaresDep,
    SubmissionsDep,
    same_origin,
)
from app.web.errors import field_errors, photo_problem, wants_json
from app.web.forms import parse_square, reader
from app.web.routes.submission_page import Choices, page_of

router = APIRouter(include_in_schema=False)


@router.post("/find", dependencies=[Depends(same_origin)])
def find(classifiers: ClassifiersDep, settings: SettingsDep, file: Annotated[UploadFile, File()]) -> Response:
    """The animals that the version in service finds in a photo, the surest first; for scripts. Nothing is kept.

    ``searched`` is false for a version that can't search.
    """
    served = classifiers.current()
    if (file.size or 0) > settings.max_file_megabytes * 1_000_000:
        found: object = None
    else:
        found = classifiers.find(served, lambda: reader(file), file.size or 0)
    if found is None or isinstance(found, PhotoError):
        problem = photo_problem(found, settings.max_file_megabytes)
        return JSONResponse(problem.model_dump(), problem.status, media_type=problems.MEDIA_TYPE)
    squares = [asdict(animal.square) | {"score": animal.score} for animal in found]
    return JSONResponse({"searched": served.info.finder is not None, "squares": squares})


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
