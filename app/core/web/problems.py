"""Problem details (RFC 9457): one shape for every error of the API."""

from collections.abc import Mapping
from typing import Any

from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

MEDIA_TYPE = "application/problem+json"

TITLES: dict[str, str] = {
    "bad-request": "The request can't be understood",
    "no-file": "No photo was sent",
    "too-many-files": "Too many photos in one request",
    "photo-unsupported": "Not a supported picture",
    "photo-undecodable": "The picture can't be decoded",
    "photo-too-large": "The picture is too large",
    "request-too-large": "The request is too large",
    "invalid-submission": "The submission has mistakes",
    "invalid-input": "What was sent has mistakes",
    "not-found": "Not found",
    "not-signed-in": "Sign in first",
    "not-allowed": "Not for this account or API key",
    "password-change-needed": "A new password is needed first",
    "too-many-attempts": "Tried too often",
    "forbidden": "Not allowed",
    "method-not-allowed": "Method not allowed",
    "unknown-host": "Not a name of this server",
    "too-slow": "The request took too long",
    "too-many-requests": "Too many requests",
    "url-too-long": "The address is too long",
    "headers-too-large": "The headers are too large",
    "stale": "It has changed meanwhile",
    "conflict": "Not possible in the present state",
    "gate-closed": "The gate does not let this version pass",
    "idempotency-mismatch": "This key was used for another submission",
    "overloaded": "Too much to do at present",
    "unavailable": "Not available at present",
    "storage-failed": "The photo can't be stored at present",
    "internal-error": "Something went wrong here",
}


class Problem(BaseModel):
    """What went wrong, in the form of RFC 9457."""

    type: str = Field(examples=["urn:wingcheck:photo-undecodable"])
    title: str = Field(examples=["The picture can't be decoded"])
    status: int = Field(examples=[422])
    detail: str = Field(examples=["The file ends before the picture does."])


def described(texts: Mapping[int, str]) -> dict[int | str, dict[str, Any]]:
    """The errors of an operation for OpenAPI, by status."""
    content = {MEDIA_TYPE: {"schema": {"$ref": f"#/components/schemas/{Problem.__name__}"}}}
    return {status: {"description": text, "content": content} for status, text in texts.items()}


def problem(name: str, status: int, detail: str) -> Problem:
    """A problem of a known kind."""
    return Problem(type=f"urn:wingcheck:{name}", title=TITLES[name], status=status, detail=detail)


def response(
    name: str, status: int, detail: str, *, headers: Mapping[str, str] | None = None, **more: Any
) -> JSONResponse:
    """A problem as an HTTP answer; ``more`` are further members (``errors`` of a form)."""
    content = problem(name, status, detail).model_dump() | more
    return JSONResponse(content, status_code=status, headers=dict(headers or {}), media_type=MEDIA_TYPE)
