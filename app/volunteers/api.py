"""Submissions over JSON: what the volunteer's page does, for programs."""

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import astuple
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, Header, Path, Request, Response, UploadFile
from pydantic import BaseModel, Field

from app.core import jobs
from app.core.db import reading
from app.core.errors import FieldError, InvalidSubmission
from app.core.tables import JobKind
from app.core.web import openapi, problems
from app.core.web.dependencies import LanguageDep, ReadSession
from app.core.web.i18n import Language
from app.core.web.uploads import SubmissionRoute, chosen, done
from app.predictions.dependencies import ClassifiersDep
from app.predictions.squares import parse_square
from app.predictions.views import LooksLikeView, ScoredTaxon
from app.review import questions
from app.review.pages.shared import SquaresDep
from app.review.questions import MAX_ANSWER, Questions
from app.review.tables import ReviewQuestion
from app.submissions.forms import parse_submission
from app.submissions.new_submission import MAX_NAME, MAX_PLACE, MAX_TEXT
from app.submissions.views import SubmissionView, Views
from app.taxa import names as taxa
from app.taxa.views import TaxonView, taxon_view
from app.volunteers import api_fields
from app.volunteers.api_schemas import (
    AnimalOut,
    PhotoOut,
    QuestionOut,
    ReviewOut,
    ScoredTaxonOut,
    SubmissionOut,
    TaxonOut,
    VerdictOut,
)
from app.volunteers.dependencies import SubmissionsDep, VolunteerKey
from app.volunteers.submissions import Receipt

router = APIRouter(prefix="/api/v1", tags=["submissions"], route_class=SubmissionRoute)


class AnswerIn(BaseModel):
    answer: Annotated[str, Field(min_length=1, max_length=MAX_ANSWER, pattern=api_fields.SOMETHING)]


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
    openapi_extra=openapi.form(anyOf=api_fields.BOTH_OR_NEITHER),
)
async def create(
    request: Request,
    response: Response,
    submissions: SubmissionsDep,
    language: LanguageDep,
    key: VolunteerKey,
    file: Annotated[list[UploadFile], openapi.PHOTOS, File(description="One photo or several.")],
    claim: Annotated[
        str,
        api_fields.CLAIM,
        Form(description="A scientific name as in `/api/v1/taxa`, `other` or `unknown`.", examples=["Maniola jurtina"]),
    ],
    square: Annotated[
        list[Annotated[str, openapi.SQUARE]],
        Form(
            default_factory=list,
            description="Per photo: `x,y,width,height` as fractions of the upright photo, or empty.",
        ),
    ],
    claim_text: Annotated[str, api_fields.text(MAX_NAME), Form(description="Name of the other species.")] = "",
    individual_count: Annotated[str, api_fields.COUNT, Form(description="1 where left out.")] = "",
    event_date: Annotated[
        str, api_fields.DATE, Form(description="After 1900 and not in the future; from EXIF where empty.")
    ] = "",
    event_date_source: Annotated[str, api_fields.DATE_SOURCE, Form()] = "typed",
    place: Annotated[str, api_fields.text(MAX_PLACE), Form()] = "",
    latitude: Annotated[str, api_fields.LATITUDE, Form(description="WGS 84 degrees; from EXIF where empty.")] = "",
    longitude: Annotated[str, api_fields.LONGITUDE, Form(description="Together with the latitude, or neither.")] = "",
    coordinate_source: Annotated[str, api_fields.COORDINATE_SOURCE, Form()] = "typed",
    note: Annotated[str, api_fields.text(MAX_TEXT), Form()] = "",
    email: Annotated[str, api_fields.EMAIL, Form(description="For questions and the outcome.")] = "",
    idempotency_key: Annotated[
        str | None,
        api_fields.IDEMPOTENCY_KEY,
        Header(
            alias="Idempotency-Key",
            description="The same key and content again is the same submission. A UUID will do; what could be guessed won't.",
        ),
    ] = None,
) -> SubmissionOut:
    """Kept when this answers; the verdict follows within seconds, see `waiting`. A repeat answers 200."""
    fields = {
        "claim": claim,
        "claim_text": claim_text,
        "individual_count": individual_count,
        "event_date": event_date,
        "event_date_source": event_date_source,
        "place": place,
        "latitude": latitude,
        "longitude": longitude,
        "coordinate_source": coordinate_source,
        "note": note,
        "email": email,
    }
    new = parse_submission(fields, chosen(file), square, language.code)
    if idempotency_key is not None and not api_fields.SHORTEST_KEY <= len(idempotency_key) <= api_fields.LONGEST_KEY:
        raise InvalidSubmission(
            [
                FieldError(
                    "Idempotency-Key", "key_length", (("min", api_fields.SHORTEST_KEY), ("max", api_fields.LONGEST_KEY))
                )
            ]
        )
    if key is None and idempotency_key is not None:
        # A program without cookies: its key tells whose repeat this is.
        key = "key-" + hashlib.sha256(idempotency_key.encode()).hexdigest()[:32]

    def take() -> tuple[Receipt, SubmissionOut]:
        receipt = submissions.submit(new, key, idempotency_key or secrets.token_urlsafe(18))
        with reading(request.app.state.sessions) as session:
            return receipt, _out(session, submissions, receipt.token, language)

    receipt, made = await done(request.app.state.submission_line, take)
    if receipt.duplicate:
        response.status_code = 200
    response.headers["Location"] = f"/api/v1/submissions/{receipt.token}"
    return made


@router.get(
    "/submissions/{token}",
    summary="Look at a submission",
    response_model=SubmissionOut,
    responses=problems.described({404: "There is no submission at this link."}),
)
def show(
    token: Annotated[str, Path(max_length=100)],
    session: ReadSession,
    submissions: SubmissionsDep,
    language: LanguageDep,
) -> SubmissionOut:
    """Whoever knows the token may look."""
    return _out(session, submissions, token, language)


@router.post(
    "/submissions/{token}/answer",
    summary="Answer an expert's question",
    response_model=SubmissionOut,
    responses=openapi.WRITING
    | problems.described({404: "There is no submission at this link.", 409: "No question waits for an answer."}),
)
def answer(
    request: Request,
    token: Annotated[str, Path(max_length=100)],
    submissions: SubmissionsDep,
    language: LanguageDep,
    given: AnswerIn,
) -> SubmissionOut:
    """It goes back to whoever asked."""
    Questions(request.app.state.sessions).answer(token, given.answer)
    with reading(request.app.state.sessions) as session:
        return _out(session, submissions, token, language)


class SquareIn(BaseModel):
    square: Annotated[
        str,
        openapi.SQUARE,
        Field(max_length=200, description="`x,y,width,height` as fractions of the upright photo; empty takes it away."),
    ]


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
    request: Request,
    token: Annotated[str, Path(max_length=100)],
    number: Annotated[int, Path(ge=1, le=1000, description="Of the photo, from 1.")],
    submissions: SubmissionsDep,
    squares: SquaresDep,
    language: LanguageDep,
    given: SquareIn,
) -> SubmissionOut:
    """The model looks again, see `waiting`. Its earlier predictions and verdicts are kept."""
    squares.of_volunteer(token, number, parse_square(given.square))
    with reading(request.app.state.sessions) as session:
        return _out(session, submissions, token, language)


@router.get("/taxa", summary="Species that can be claimed", response_model=list[TaxonOut])
def list_taxa(classifiers: ClassifiersDep, language: LanguageDep) -> list[TaxonOut]:
    """Those that the active model version knows, with the marks that tell them apart."""
    return [_taxon(taxon_view(taxon, language)) for taxon in classifiers.current().taxa]


def _taxon(view: TaxonView) -> TaxonOut:
    return TaxonOut(scientific_name=view.scientific_name, vernacular_name=view.vernacular_name, marks=view.marks)


def _out(session: ReadSession, submissions: SubmissionsDep, token: str, language: Language) -> SubmissionOut:
    row = submissions.get(session, token)
    failed = jobs.failed_for(session, JobKind.SCREENING, row.id)
    views = Views(language, taxa.all_by_name(session))
    said = questions.report_for_volunteer(session, row)
    return _to_json(views.submission(row, failed=failed)).model_copy(
        update={
            "review": _review(said.told, views) if said.told else None,
            "question": _question(said.question) if said.question else None,
            "answered": [_question(asked) for asked in said.answered],
        }
    )


def _review(told: questions.ReviewDecision, views: Views) -> ReviewOut:
    named = [taxon for taxon in (told.taxon, told.claimed) if taxon is not None]
    shown = [views.taxon(taxon.scientific_name) for taxon in named]
    return ReviewOut(
        kind=told.kind.value,
        verification_status=told.code.value,
        scientific_name=shown[0].scientific_name if told.taxon else None,
        vernacular_name=shown[0].vernacular_name if told.taxon else None,
        decided_at=told.at,
        look_for=[_taxon(view) for view in shown] if told.differs else [],
    )


def _question(row: ReviewQuestion) -> QuestionOut:
    return QuestionOut.model_validate(row, from_attributes=True)


def _to_json(view: SubmissionView) -> SubmissionOut:
    verdict = view.verdict
    return SubmissionOut(
        **{name: getattr(view, name) for name in SubmissionOut.model_fields if hasattr(view, name)}
        | {
            "claim": view.claim_text,
            "claimed": view.claimed.scientific_name if view.claimed else None,
            "first_claim": view.first_claim_text,
            "photos": [
                PhotoOut(
                    url=photo.display_url,
                    filename=photo.filename,
                    width=photo.width,
                    height=photo.height,
                    square=astuple(photo.square) if photo.square else None,
                    looked_at=astuple(photo.looked_at) if photo.looked_at else None,
                    square_origin=photo.square_origin,
                    searched=photo.searched,
                    seen_before=photo.seen_before,
                    predictions=_scored(photo.predictions),
                    in_scope=photo.in_scope,
                    animals=[
                        AnimalOut(
                            square=astuple(animal.square),
                            predictions=_scored(animal.predictions),
                            in_scope=animal.in_scope,
                        )
                        for animal in photo.other_animals
                    ],
                )
                for photo in view.photos
            ],
            "verdict": None
            if verdict is None
            else VerdictOut(
                outcome=verdict.outcome,
                reason=verdict.reason,
                next_step=verdict.next_step,
                suggested=verdict.suggested.scientific_name if verdict.suggested else None,
                looks_like=_scored(verdict.looks_like),
                model_name=verdict.model_name,
                model_version=verdict.model_version,
                machine_accepted=verdict.machine_accepted,
            ),
        }
    )


def _scored(found: Iterable[ScoredTaxon | LooksLikeView]) -> list[ScoredTaxonOut]:
    return [
        ScoredTaxonOut(
            scientific_name=one.taxon.scientific_name,
            vernacular_name=one.taxon.vernacular_name,
            probability=one.probability,
        )
        for one in found
    ]
