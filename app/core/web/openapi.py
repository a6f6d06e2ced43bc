"""The API for programs as OpenAPI describes it: the document, the page at /docs, common parameters and errors.

Form fields are read as text, so that all mistakes of a form are reported at once and in words; their types in the document
say what that text must hold. The formats ``photo``, ``claim``, ``square`` and ``idempotency-key`` are our own;
each is explained where it is used.
"""

import re
from datetime import UTC, date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, Path, Request, Response
from pydantic import AfterValidator, AwareDatetime, BeforeValidator, WithJsonSchema

from app.core.settings import Settings
from app.core.web import problems
from app.core.web.pages import render

# --- parameters -----------------------------------------------------------------------------------------------------------

LARGEST = 2**31 - 1
Id = Annotated[int, Path(ge=1, le=LARGEST)]
"""The primary key of a row."""
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


def _calendar_day(text: object) -> object:
    """Accept only 2026-07-14: pydantic would read a number as seconds since 1970."""
    if isinstance(text, str) and not _DAY.fullmatch(text):
        raise ValueError("a day is written as 2026-07-14")
    return text


Day = Annotated[date, BeforeValidator(_calendar_day)]


def _written_out(text: object) -> object:
    """Accept only 2026-07-14T12:00:00Z and the like: pydantic would read a number as seconds since 1970."""
    if not isinstance(text, str) or not _DAY.match(text):
        raise ValueError("a moment is written as 2026-07-14T12:00:00Z")
    return text


def _in_utc(moment: datetime) -> datetime:
    """Convert to UTC, which fails for the first and last hours of the calendar."""
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("no calendar has this moment") from None


Moment = Annotated[AwareDatetime, BeforeValidator(_written_out), AfterValidator(_in_utc)]
"""A time with its zone, in UTC."""

SQUARE = WithJsonSchema({"type": "string", "format": "square", "maxLength": 200})
PHOTOS = WithJsonSchema(
    {
        "type": "array",
        "minItems": 1,
        "items": {"type": "string", "format": "photo", "contentMediaType": "application/octet-stream"},
    }
)


def between_fields(kind: str = "multipart/form-data", **rules: Any) -> dict[str, Any]:
    """``openapi_extra`` of an operation: rules between the fields of its body, as JSON Schema."""
    return {"requestBody": {"content": {kind: {"schema": rules}}}}


# --- errors ---------------------------------------------------------------------------------------------------------------

EVERYWHERE = problems.described(
    {
        400: "The request can't be understood, or came under a name that is not this server's.",
        401: "An API key was sent that is not valid (any more).",
        414: "The address is too long.",
        429: "Too many requests of one client or API key; see Retry-After and the RateLimit headers.",
        431: "The headers are too large.",
        500: "Something went wrong here.",
        503: "Not available at present; see Retry-After.",
    }
)
OTHER_SITE = "It was sent by a page of another site."
WRITING = problems.described(
    {403: OTHER_SITE, 408: "The body did not arrive in time.", 413: "The request is too large."}
)


def refusals(scope: str, **texts: str) -> dict[int | str, dict[str, Any]]:
    """``responses`` of a route: who may use it, and further errors, as in ``_404="…"``."""
    access = {401: f"Send an API key with the scope `{scope}`, or sign in.", 403: "Not for this role or key."}
    return problems.described(access | {int(name.removeprefix("_")): text for name, text in texts.items()})


# --- the document and its page --------------------------------------------------------------------------------------------

router = APIRouter(include_in_schema=False)
# Swagger UI sets style attributes; everything else is as strict as on the other pages.
_DOCS_POLICY = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'"


@router.get("/docs")
def docs(request: Request) -> Response:
    """Every endpoint, to read and to try, drawn by Swagger UI from our own server."""
    page = render(request, "core/docs.html")
    page.headers["Content-Security-Policy"] = _DOCS_POLICY
    return page


def install(app: FastAPI, settings: Settings) -> None:
    """Remove FastAPI's own form of validation errors from the document: ours are problem details."""
    generate = app.openapi
    max_photos = {
        "Body_predict_predict_post": settings.max_photos_per_request,
        "SubmissionForm": settings.max_photos_per_submission,
    }

    def document() -> dict[str, Any]:
        content = generate()
        for operations in content["paths"].values():
            for operation in operations.values():
                if "HTTPValidationError" in str(operation["responses"].get("422", {})):
                    del operation["responses"]["422"]
        schemas = content["components"]["schemas"]
        for name, photos in max_photos.items():
            schemas[name]["properties"]["file"]["maxItems"] = photos
        if not settings.sends_mail:  # an address is neither asked for nor kept
            for name in ("email", "outcome_mails"):
                schemas["SubmissionForm"]["properties"].pop(name, None)
        for name in ("HTTPValidationError", "ValidationError"):
            schemas.pop(name, None)
        return content

    app.openapi = document  # type: ignore[method-assign]
