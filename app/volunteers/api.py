"""Submissions over JSON: what the volunteer's page does, for programs."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Header, Path, Request, Response
from pydantic import BaseModel, Field, WithJsonSchema

from app.core.errors import FieldError, InvalidSubmission
from app.core.texts import OneForm
from app.core.web import openapi, problems
from app.core.web.dependencies import LanguageDep
from app.core.web.uploads import SubmissionRoute, done
from app.predictions.dependencies import ClassifiersDep
from app.predictions.squares import parse_square
from app.review.pages.shared import SquaresDep
from app.review.questions import MAX_ANSWER
from app.submissions.form import BOTH_COORDINATES_OR_NEITHER, RecordFields, SubmissionForm
from app.submissions.new_submission import LONGEST_KEY, SHORTEST_KEY, Sender
from app.taxa.views import TaxonView, taxon_view
from app.volunteers.dependencies import CorrectionsDep, LookDep, SubmissionsDep, VolunteerKey
from app.volunteers.views import SubmissionOut, TaxonOut

router = APIRouter(prefix="/api/v1", tags=["submissions"], route_class=SubmissionRoute)

# Text in which something can be seen. Spelt out, because \w and \s mean ASCII to some readers of the document and all of
# Unicode to others, and to this server.
SOMETHING = r"[^\x00-\x20\x7f-\xa0\u1680\u2000-\u200f\u2028-\u202f\u205f\u3000\ufeff]"

Token = Annotated[str, Path(max_length=100)]


class AnswerIn(BaseModel):
    answer: Annotated[str, Field(min_length=1, max_length=MAX_ANSWER, pattern=SOMETHING), OneForm]


class SquareIn(BaseModel):
    square: Annotated[
        str,
        openapi.SQUARE,
        Field(max_length=200, description="`x,y,width,height` as fractions of the upright photo; empty takes it away."),
    ]


async def _sender(
    key: VolunteerKey,
    idempotency_key: Annotated[
        str | None,
        WithJsonSchema(
            {"type": "string", "format": "idempotency-key", "minLength": SHORTEST_KEY, "maxLength": LONGEST_KEY}
        ),
        Header(
            alias="Idempotency-Key",
            description="The same key and content again is the same submission. A UUID will do; what could be guessed won't.",
        ),
    ] = None,
) -> Sender:
    if idempotency_key is not None and not SHORTEST_KEY <= len(idempotency_key) <= LONGEST_KEY:
        limits = (("min", SHORTEST_KEY), ("max", LONGEST_KEY))
        raise InvalidSubmission([FieldError("Idempotency-Key", "key_length", limits)])
    return Sender.of(key, idempotency_key)


_CREATED: dict[int | str, dict[str, Any]] = {
    200: {"model": SubmissionOut, "description": "The same submission was sent before; here it is."},
    **problems.described(
        {
            422: "Mistakes, each in `errors` with its field; or a key that was used for another submission.",
            507: "The photos can't be stored at present.",
        }
    ),
    **openapi.WRITING,
}


@router.post(
    "/submissions",
    status_code=201,
    summary="Send a submission",
    response_model=SubmissionOut,
    responses=_CREATED,
    openapi_extra=openapi.between_fields(anyOf=BOTH_COORDINATES_OR_NEITHER),
)
async def create(
    request: Request,
    response: Response,
    form: Annotated[SubmissionForm, Form(media_type="multipart/form-data")],
    sender: Annotated[Sender, Depends(_sender)],
    submissions: SubmissionsDep,
    look: LookDep,
) -> SubmissionOut:
    """Kept when this answers; the verdict follows within seconds, see `waiting`. A repeat answers 200."""
    new = form.submission(look.language.code)

    def submit() -> SubmissionOut:
        receipt = submissions.submit(new, sender)
        if receipt.duplicate:
            response.status_code = 200
        response.headers["Location"] = f"/api/v1/submissions/{receipt.token}"
        return look.at(receipt.token)

    return await done(request.app.state.submission_line, submit)


@router.get(
    "/submissions/{token}",
    summary="Look at a submission",
    response_model=SubmissionOut,
    responses=problems.described({404: "There is no submission at this link."}),
)
def show(token: Token, look: LookDep) -> SubmissionOut:
    """Whoever knows the token may look."""
    return look.at(token)


@router.patch(
    "/submissions/{token}",
    summary="Correct a submission",
    response_model=SubmissionOut,
    responses=openapi.WRITING
    | problems.described(
        {
            404: "There is no submission at this link.",
            409: "An expert has decided on it, or it was withdrawn.",
            422: "Mistakes, each in `errors` with its field.",
        }
    ),
    openapi_extra=openapi.between_fields("application/json", anyOf=BOTH_COORDINATES_OR_NEITHER),
)
def correct(token: Token, fields: RecordFields, corrections: CorrectionsDep, look: LookDep) -> SubmissionOut:
    """Only what is given changes; an empty date, place or pair of coordinates is taken away. Another claim is judged anew."""
    corrections.correct(token, fields)
    return look.at(token)


@router.post(
    "/submissions/{token}/answer",
    summary="Answer an expert's question",
    response_model=SubmissionOut,
    responses=openapi.WRITING
    | problems.described({404: "There is no submission at this link.", 409: "No question waits for an answer."}),
)
def answer(token: Token, given: AnswerIn, submissions: SubmissionsDep, look: LookDep) -> SubmissionOut:
    """It goes back to whoever asked."""
    submissions.answer(token, given.answer)
    return look.at(token)


@router.put(
    "/submissions/{token}/photos/{number}/square",
    summary="Draw, move or take away the square of a photo",
    response_model=SubmissionOut,
    responses=openapi.WRITING
    | problems.described(
        {
            404: "There is no submission at this link, or no such photo.",
            409: "An expert has decided on it, or it was withdrawn.",
            422: "This is no square.",
        }
    ),
)
def move_square(
    token: Token,
    number: Annotated[int, Path(ge=1, le=1000, description="Of the photo, from 1.")],
    given: SquareIn,
    squares: SquaresDep,
    look: LookDep,
) -> SubmissionOut:
    """The model looks again, see `waiting`. Its earlier predictions and verdicts are kept."""
    squares.of_volunteer(token, number, parse_square(given.square))
    return look.at(token)


@router.get("/taxa", summary="Species that can be claimed", response_model=list[TaxonOut])
def list_taxa(classifiers: ClassifiersDep, language: LanguageDep) -> list[TaxonView]:
    """Those that the active model version knows, with the marks that tell them apart."""
    return [taxon_view(taxon, language) for taxon in classifiers.current().taxa]
