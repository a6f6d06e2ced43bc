"""Submissions over JSON: what the volunteer's page does, for programs."""

import hashlib
import secrets
from dataclasses import astuple
from datetime import date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, Header, Path, Request, Response, UploadFile
from pydantic import BaseModel, Field

from app.db import reading
from app.domain.errors import FieldError, InvalidSubmission
from app.models import JobKind, ReviewQuestion
from app.services import jobs, taxa
from app.services.new_submission import MAX_NAME, MAX_PLACE, MAX_TEXT
from app.services.review import outcome
from app.services.review.questions import MAX_ANSWER, Questions
from app.services.submissions import Receipt
from app.web import openapi, problems
from app.web.dependencies import ClassifiersDep, LanguageDep, ReadSession, SubmissionsDep, VolunteerKey
from app.web.forms import parse_submission
from app.web.i18n import Language
from app.web.uploads import SubmissionRoute, chosen, done
from app.web.views import SubmissionView, TaxonView, Views, taxon_view

router = APIRouter(prefix="/api/v1", tags=["submissions"], route_class=SubmissionRoute)


class TaxonOut(BaseModel):
    """A species that can be claimed."""

    scientific_name: str = Field(examples=["Maniola jurtina"])
    vernacular_name: str = Field(examples=["meadow brown"])
    marks: list[str] = Field(default_factory=list, description="What to look for, in the language of the answer.")


class ScoredTaxonOut(BaseModel):
    scientific_name: str
    vernacular_name: str
    probability: float


class PhotoOut(BaseModel):
    url: str = Field(description="A re-encoded copy without EXIF.")
    filename: str
    width: int
    height: int
    square: tuple[float, float, float, float] | None = Field(description="x, y, width, height in 0…1.")
    seen_before: bool = Field(description="The same file was sent before, by anyone.")
    predictions: list[ScoredTaxonOut]
    in_scope: float | None


class VerdictOut(BaseModel):
    outcome: str = Field(examples=["agree", "disagree", "uncertain", "out_of_scope"])
    reason: str = Field(description="One plain sentence in the language of the answer.")
    next_step: str
    suggested: str | None = Field(description="Scientific name that the model would put in the claim's place.")
    model_name: str
    model_version: str
    machine_accepted: bool


class ReviewOut(BaseModel):
    """What experts settled. `look_for` is filled where they named another species than was claimed."""

    kind: str = Field(examples=["taxon", "unable", "no_butterfly"])
    verification_status: str = Field(examples=["V1"])
    scientific_name: str | None
    vernacular_name: str | None
    decided_at: datetime
    look_for: list[TaxonOut] = Field(description="Marks of the species named and of the one claimed, for next time.")


class QuestionOut(BaseModel):
    """What an expert asked. Answer at `/api/v1/submissions/{token}/answer`."""

    body: str
    language: str
    asked_at: datetime
    answer: str | None
    answered_at: datetime | None


class AnswerIn(BaseModel):
    answer: Annotated[str, Field(min_length=1, max_length=MAX_ANSWER, pattern=openapi.SOMETHING)]


class SubmissionOut(BaseModel):
    """A submission as its volunteer sees it."""

    token: str = Field(description="The unguessable part of its link.")
    url: str
    created_at: datetime
    status: str = Field(examples=["received", "screened", "flagged", "auto_accepted"])
    verification_status: str = Field(examples=["pending", "V1"])
    claim: str = Field(description="The claim that stands, in words.")
    claimed: str | None = Field(description="Its scientific name; null for another species or don't know.")
    first_claim: str | None = Field(description="Set where the claim was changed at the second look.")
    individual_count: int
    event_date: date | None
    event_date_source: str
    place: str
    latitude: float | None
    longitude: float | None
    coordinate_source: str
    note: str
    waiting: bool = Field(description="The verdict is not there yet; ask again.")
    photos: list[PhotoOut]
    verdict: VerdictOut | None
    review: ReviewOut | None = Field(None, description="null: no expert has settled it.")
    question: QuestionOut | None = Field(None, description="A question that waits for an answer.")
    answered: list[QuestionOut] = Field(default_factory=list)


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
    openapi_extra=openapi.form(anyOf=openapi.BOTH_OR_NEITHER),
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
        openapi.CLAIM,
        Form(description="A scientific name as in `/api/v1/taxa`, `other` or `unknown`.", examples=["Maniola jurtina"]),
    ],
    square: Annotated[
        list[Annotated[str, openapi.SQUARE]],
        Form(
            default_factory=list,
            description="Per photo: `x,y,width,height` as fractions of the upright photo, or empty.",
        ),
    ],
    claim_text: Annotated[str, openapi.text(MAX_NAME), Form(description="Name of the other species.")] = "",
    individual_count: Annotated[str, openapi.COUNT, Form(description="1 where left out.")] = "",
    event_date: Annotated[
        str, openapi.DATE, Form(description="After 1900 and not in the future; from EXIF where empty.")
    ] = "",
    event_date_source: Annotated[str, openapi.DATE_SOURCE, Form()] = "typed",
    place: Annotated[str, openapi.text(MAX_PLACE), Form()] = "",
    latitude: Annotated[str, openapi.LATITUDE, Form(description="WGS 84 degrees; from EXIF where empty.")] = "",
    longitude: Annotated[str, openapi.LONGITUDE, Form(description="Together with the latitude, or neither.")] = "",
    coordinate_source: Annotated[str, openapi.COORDINATE_SOURCE, Form()] = "typed",
    note: Annotated[str, openapi.text(MAX_TEXT), Form()] = "",
    email: Annotated[str, openapi.EMAIL, Form(description="For questions and the outcome.")] = "",
    idempotency_key: Annotated[
        str | None,
        openapi.IDEMPOTENCY_KEY,
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
    if idempotency_key is not None and not openapi.SHORTEST_KEY <= len(idempotency_key) <= openapi.LONGEST_KEY:
        raise InvalidSubmission(
            [FieldError("Idempotency-Key", "key_length", (("min", openapi.SHORTEST_KEY), ("max", openapi.LONGEST_KEY)))]
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
    said = outcome.of_submission(session, row)
    return _to_json(views.submission(row, failed=failed)).model_copy(
        update={
            "review": _review(said.told, views) if said.told else None,
            "question": _question(said.question) if said.question else None,
            "answered": [_question(asked) for asked in said.answered],
        }
    )


def _review(told: outcome.Told, views: Views) -> ReviewOut:
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
                    seen_before=photo.seen_before,
                    predictions=[_scored(p.taxon, p.probability) for p in photo.predictions],
                    in_scope=photo.in_scope,
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
                model_name=verdict.model_name,
                model_version=verdict.model_version,
                machine_accepted=verdict.machine_accepted,
            ),
        }
    )


def _scored(taxon: TaxonView, probability: float) -> ScoredTaxonOut:
    return ScoredTaxonOut(
        scientific_name=taxon.scientific_name, vernacular_name=taxon.vernacular_name, probability=probability
    )
