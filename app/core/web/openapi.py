"""The OpenAPI document: which errors every operation may answer with, and what form fields really take.

Form fields are read as text, so that all mistakes of a form are told at once and in words; their types here say what that
text must hold. The formats ``photo``, ``claim``, ``square`` and ``idempotency-key`` are our own;
each is explained where it is used.
"""

from typing import Any

from fastapi import FastAPI
from pydantic import WithJsonSchema

from app.core.settings import Settings
from app.core.web import problems

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
WRITING = problems.described(
    {
        408: "The body did not arrive in time.",
        413: "The request is too large.",
    }
)


SQUARE = WithJsonSchema({"type": "string", "format": "square", "maxLength": 200})


PHOTOS = WithJsonSchema(
    {
        "type": "array",
        "minItems": 1,
        "items": {"type": "string", "format": "photo", "contentMediaType": "application/octet-stream"},
    }
)


def form(**more: Any) -> dict[str, Any]:
    """``openapi_extra`` of an operation that takes a form: rules between its fields, as JSON Schema has them."""
    return {"requestBody": {"content": {"multipart/form-data": {"schema": more}}}}


def install(app: FastAPI, settings: Settings) -> None:
    """Leave FastAPI's own form of validation errors out of the document: ours are problem details."""
    made = app.openapi
    most = {
        "Body_predict_predict_post": settings.max_photos_per_request,
        "SubmissionForm": settings.max_photos_per_submission,
    }

    def document() -> dict[str, Any]:
        found = made()
        for operations in found["paths"].values():
            for operation in operations.values():
                unfit = operation["responses"].get("422", {})
                if "HTTPValidationError" in str(unfit):
                    del operation["responses"]["422"]
        for name, photos in most.items():
            found["components"]["schemas"][name]["properties"]["file"]["maxItems"] = photos
        for name in ("HTTPValidationError", "ValidationError"):
            found["components"]["schemas"].pop(name, None)
        return found

    app.openapi = document  # type: ignore[method-assign]
