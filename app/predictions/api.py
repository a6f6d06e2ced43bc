"""``POST /predict``: what the model sees in one or more photos. No account is needed, nothing is kept."""

import asyncio
from collections.abc import Iterable
from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, File, Form, Request, Response, UploadFile
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from app.core.db import SessionFactory, reading
from app.core.web import openapi, problems
from app.core.web.auth import PREDICTING
from app.core.web.dependencies import LanguageDep, SettingsDep
from app.core.web.uploads import PredictionRoute, chosen
from app.predictions.classifiers import PhotoQuery, Served
from app.predictions.dependencies import ClassifiersDep, served_now
from app.predictions.inference import Answer, PhotoError, Square, kept_names, policy_of
from app.predictions.rules import Opinion, Policy, decide
from app.predictions.squares import parse_squares
from app.predictions.views import LooksLikeView, PredictionViews, ScoredTaxon
from app.taxa import names as taxa
from app.taxa.tables import Taxon

router = APIRouter(tags=["predictions"], route_class=PredictionRoute)


class ModelName(BaseModel):
    """The model version that answered."""

    name: str = Field(examples=["browns-mobilenetv2"])
    version: str = Field(examples=["1.0.0"])


class ScoredName(BaseModel):
    """One species with its calibrated probability."""

    scientific_name: str = Field(examples=["Maniola jurtina"])
    vernacular_name: str = Field(examples=["meadow brown"], description="In the language of Accept-Language.")
    probability: float = Field(examples=[0.97], ge=0, le=1)


class SquareOut(BaseModel):
    """A part of a photo, in fractions of its width and height, upright."""

    x: float = Field(ge=0, le=1, examples=[0.41])
    y: float = Field(ge=0, le=1, examples=[0.37])
    width: float = Field(ge=0, le=1, examples=[0.15])
    height: float = Field(ge=0, le=1, examples=[0.2])


Decided = Literal["confident", "uncertain", "out_of_scope"]
InScope = Annotated[float, Field(ge=0, le=1, examples=[0.99])]


class AnimalResult(BaseModel):
    """A further animal of a photo, clearly apart from the first."""

    square: SquareOut
    predictions: list[ScoredName]
    decision: Decided
    in_scope: InScope


class PhotoResult(BaseModel):
    """The answer for one photo. ``predictions`` are sorted and sum to 1, also when out of scope."""

    filename: str
    width: int = Field(description="Pixels, upright.", examples=[4000])
    height: int = Field(description="Pixels, upright.", examples=[3000])
    sha256: str
    predictions: list[ScoredName]
    decision: Decided
    in_scope: InScope
    square: SquareOut | None = Field(description="What the model looked at; null: the middle of the photo.")
    square_origin: Literal["given", "found", "middle"] = Field(
        description="Whether the square was sent, or found by the model; `middle` where there is none."
    )
    searched: bool = Field(description="The model looked for an animal; with `square` null it found none.")
    animals: list[AnimalResult] = Field(description="Further animals in the photo.")
    looks_like: list[ScoredName] = Field(
        description="Up to three species outside the model's own that it may be, the likeliest first; empty where it shows"
        " one of the model's own, or where that is unclear."
    )


class PhotoFailure(BaseModel):
    """A photo that can't be answered, beside others that can."""

    filename: str
    error: problems.Problem


class PredictResponse(BaseModel):
    """Results in the order of the photos sent."""

    model: ModelName
    results: list[PhotoResult | PhotoFailure]


_PHOTO_STATUS = {"unsupported": 415, "undecodable": 422, "too_large": 413}
_ERRORS = openapi.WRITING | problems.described(
    {
        400: "No photo, too many, or a malformed request.",
        403: f"An API key was sent that lacks the scope `predict`. {openapi.OTHER_SITE}",
        413: "Too many bytes or pixels.",
        415: "Not a supported picture: JPEG, PNG, WebP, HEIC and MPO are.",
        422: "A supported picture that can't be decoded, or a square that is none.",
        503: "Too many photos are waiting; see Retry-After.",
    }
)


def photo_problem(error: PhotoError | None, max_megabytes: int) -> problems.Problem:
    """Why a photo has no answer; None: its file is too large to be read at all."""
    if error is None:
        return problems.problem("photo-too-large", 413, f"A photo may have at most {max_megabytes} MB.")
    return problems.problem(f"photo-{error.kind.replace('_', '-')}", _PHOTO_STATUS[error.kind], error.detail)


@router.post(
    "/predict",
    summary="Ask the model about photos",
    response_model=PredictResponse,
    responses=_ERRORS,
    dependencies=[PREDICTING],
)
async def predict(
    request: Request,
    classifiers: ClassifiersDep,
    settings: SettingsDep,
    language: LanguageDep,
    file: Annotated[
        list[UploadFile], openapi.PHOTOS, File(description="One photo, or the field repeated for up to 16.")
    ],
    square: Annotated[
        list[Annotated[str, openapi.SQUARE]],
        Form(
            description="Per photo, in their order: `x,y,width,height` as fractions of the upright photo, or empty: then the"
            " model finds the animal itself.",
        ),
    ] = [],  # noqa: B006  # a factory would be inspected anew at every request; nobody changes this list
) -> Response:
    """One photo that fails answers with its problem and status; among several, each result stands for itself."""
    uploads = chosen(file)
    if not uploads:
        return problems.response("no-file", 400, "Send photos as multipart/form-data in the field 'file'.")
    if len(uploads) > settings.max_photos_per_request:
        return problems.response("too-many-files", 400, f"At most {settings.max_photos_per_request} photos at once.")
    squares = parse_squares(square, uploads)
    served = await served_now(classifiers)
    most = settings.max_file_megabytes * 1_000_000
    queries = {
        upload: PhotoQuery(upload.content, drawn, upload.size, upload.sha256)
        for upload, drawn in zip(uploads, squares, strict=True)
        if upload.size <= most
    }
    futures = [asyncio.wrap_future(future) for future in classifiers.begin(served, list(queries.values()))]
    answers = dict(zip(queries, await asyncio.gather(*futures), strict=True))
    views = PredictionViews(language, await _taxa(request, served, answers.values()))
    counter = request.app.state.metrics.predictions
    results: list[PhotoResult | PhotoFailure] = []
    for upload in uploads:
        name, answer = upload.filename or "", answers.get(upload)
        if isinstance(answer, Answer):
            result = _result(name, answer, served, views)
            results.append(result)
            counter.labels(result.decision).inc()
        else:
            results.append(PhotoFailure(filename=name, error=photo_problem(answer, settings.max_file_megabytes)))
            counter.labels("error").inc()
    if len(results) == 1 and isinstance(results[0], PhotoFailure):
        failure = results[0].error
        return JSONResponse(failure.model_dump(), failure.status, media_type=problems.MEDIA_TYPE)
    body = PredictResponse(model=ModelName(name=served.info.name, version=served.info.version), results=results)
    return JSONResponse(body.model_dump(), headers={"Content-Language": language.code, "Vary": "Accept-Language"})


async def _taxa(request: Request, served: Served, answers: Iterable[Answer | PhotoError]) -> dict[str, Taxon]:
    """The taxa that these answers name, by scientific name. Only those that are no labels are looked up in the database."""
    known = {taxon.scientific_name: taxon for taxon in served.taxa}
    others = {name.scientific_name for answer in answers if isinstance(answer, Answer) for name in answer.looks_like}
    if others - known.keys():
        known |= await run_in_threadpool(_look_up, request.app.state.sessions, sorted(others))
    return known


def _look_up(sessions: SessionFactory, names: list[str]) -> dict[str, Taxon]:
    with reading(sessions) as session:
        return {taxon.scientific_name: taxon for taxon in taxa.by_names(session, names)}


def _result(filename: str, answer: Answer, served: Served, views: PredictionViews) -> PhotoResult:
    policy = policy_of(served.info)
    return PhotoResult(
        filename=filename,
        width=answer.photo.width,
        height=answer.photo.height,
        sha256=answer.sha256,
        **_seen(answer.opinion, policy, views),
        square=_square(answer.square) if answer.square else None,
        square_origin=answer.origin.value,
        searched=answer.searched,
        animals=[
            AnimalResult(square=_square(other.square), **_seen(other.opinion, policy, views)) for other in answer.others
        ],
        looks_like=_named(views.looks_like(kept_names(answer))),
    )


def _seen(opinion: Opinion, policy: Policy, views: PredictionViews) -> dict[str, Any]:
    ranked = dict(sorted(opinion.probabilities.items(), key=lambda item: -item[1]))
    return {
        "predictions": _named(views.scored(ranked)),
        "decision": decide(opinion, policy).value,
        "in_scope": opinion.in_scope,
    }


def _named(scores: Iterable[ScoredTaxon | LooksLikeView]) -> list[ScoredName]:
    return [
        ScoredName(
            scientific_name=score.taxon.scientific_name,
            vernacular_name=score.taxon.vernacular_name,
            probability=score.probability,
        )
        for score in scores
    ]


def _square(square: Square) -> SquareOut:
    return SquareOut(**asdict(square))
