"""``POST /predict``: what the model sees in one or more photos. No account is needed, nothing is kept."""

import asyncio
from typing import Annotated, Literal

from fastapi import APIRouter, File, Request, Response, UploadFile
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from app.domain.verdict import decide
from app.services.classifiers import Asked, Served
from app.services.inference import Answer, PhotoError, policy_of
from app.web import openapi, problems
from app.web.auth import PREDICTING
from app.web.dependencies import ClassifiersDep, LanguageDep, SettingsDep, served_now
from app.web.errors import PHOTO_STATUS
from app.web.uploads import PredictionRoute, chosen
from app.web.views import Views

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


class PhotoResult(BaseModel):
    """The answer for one photo. ``predictions`` are sorted and sum to 1, also when out of scope."""

    filename: str
    width: int = Field(description="Pixels, upright.", examples=[4000])
    height: int = Field(description="Pixels, upright.", examples=[3000])
    sha256: str
    predictions: list[ScoredName]
    decision: Literal["confident", "uncertain", "out_of_scope"]
    in_scope: float = Field(ge=0, le=1, examples=[0.99])


class PhotoFailure(BaseModel):
    """A photo that can't be answered, beside others that can."""

    filename: str
    error: problems.Problem


class PredictResponse(BaseModel):
    """Results in the order of the photos sent."""

    model: ModelName
    results: list[PhotoResult | PhotoFailure]


_ERRORS = openapi.WRITING | problems.described(
    {
        400: "No photo, too many, or a malformed request.",
        403: "An API key was sent that lacks the scope `predict`.",
        413: "Too many bytes or pixels.",
        415: "Not a supported picture: JPEG, PNG, WebP, HEIC and MPO are.",
        422: "A supported picture that can't be decoded.",
        503: "Too many photos are waiting; see Retry-After.",
    }
)


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
) -> Response:
    """One photo that fails answers with its problem and status; among several, each result stands for itself."""
    uploads = chosen(file)
    if not uploads:
        return problems.response("no-file", 400, "Send photos as multipart/form-data in the field 'file'.")
    if len(uploads) > settings.max_photos_per_request:
        return problems.response("too-many-files", 400, f"At most {settings.max_photos_per_request} photos at once.")
    served = await served_now(classifiers)
    most = settings.max_file_megabytes * 1_000_000
    small = [upload for upload in uploads if upload.size <= most]
    asked = [Asked(upload.content, size=upload.size, sha256=upload.sha256) for upload in small]
    begun = [asyncio.wrap_future(future) for future in classifiers.begin(served, asked)]
    found = dict(zip(small, await asyncio.gather(*begun), strict=True))
    views = Views(language, {taxon.scientific_name: taxon for taxon in served.taxa})
    results: list[PhotoResult | PhotoFailure] = []
    for upload in uploads:
        name, answer = upload.filename or "", found.get(upload)
        if isinstance(answer, Answer):
            results.append(_result(name, answer, served, views))
            request.app.state.metrics.predictions.labels(results[-1].decision).inc()  # type: ignore[union-attr]
        else:
            results.append(PhotoFailure(filename=name, error=_problem(answer, settings.max_file_megabytes)))
            request.app.state.metrics.predictions.labels("error").inc()
    if len(results) == 1 and isinstance(results[0], PhotoFailure):
        failure = results[0].error
        return JSONResponse(failure.model_dump(), failure.status, media_type=problems.MEDIA_TYPE)
    body = PredictResponse(model=ModelName(name=served.info.name, version=served.info.version), results=results)
    return JSONResponse(body.model_dump(), headers={"Content-Language": language.code, "Vary": "Accept-Language"})


def _result(filename: str, answer: Answer, served: Served, views: Views) -> PhotoResult:
    ranked = sorted(answer.opinion.probabilities.items(), key=lambda item: -item[1])
    return PhotoResult(
        filename=filename,
        width=answer.photo.width,
        height=answer.photo.height,
        sha256=answer.sha256,
        predictions=[
            ScoredName(scientific_name=name, vernacular_name=views.taxon(name).vernacular_name, probability=probability)
            for name, probability in ranked
        ],
        decision=decide(answer.opinion, policy_of(served.info)).value,
        in_scope=answer.opinion.in_scope,
    )


def _problem(error: PhotoError | None, max_megabytes: int) -> problems.Problem:
    if error is None:
        return problems.problem("photo-too-large", 413, f"A photo may have {max_megabytes} MB.")
    return problems.problem(f"photo-{error.kind.replace('_', '-')}", PHOTO_STATUS[error.kind], error.detail)
