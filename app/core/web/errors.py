"""Errors become HTTP answers here and nowhere else: problem+json for programs, a page for people."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse, Response
from sqlalchemy.exc import DataError, DBAPIError, InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolExhausted
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core.errors import (
    Clash,
    Conflict,
    IdempotencyMismatch,
    InvalidInput,
    InvalidSubmission,
    ModelUnavailable,
    NotFound,
    NotReady,
    Overloaded,
    TooManyAttempts,
    WingcheckError,
)
from app.core.web import problems
from app.core.web.addresses import sign_in_address
from app.core.web.allowed_methods import methods_at
from app.core.web.auth import NotAllowed, PasswordChangeNeeded, SignInNeeded
from app.core.web.i18n import Language, negotiate
from app.core.web.pages import render
from app.core.web.words import field_message

log = logging.getLogger(__name__)

BEARER = {"WWW-Authenticate": "Bearer"}


@dataclass(frozen=True)
class _Kind:
    name: str
    status: int


_KINDS: list[tuple[type[Exception], _Kind]] = [
    (NotFound, _Kind("not-found", 404)),
    (IdempotencyMismatch, _Kind("idempotency-mismatch", 422)),
    (Conflict, _Kind("conflict", 409)),
    (Overloaded, _Kind("overloaded", 503)),
    (NotReady, _Kind("unavailable", 503)),
    (ModelUnavailable, _Kind("unavailable", 503)),
    (TooManyAttempts, _Kind("too-many-attempts", 429)),
]
_INVALID: list[tuple[type[InvalidInput], tuple[str, int]]] = [
    (InvalidSubmission, ("invalid-submission", 422)),
    (Clash, ("conflict", 409)),
    (InvalidInput, ("invalid-input", 422)),
]
_BY_STATUS = {
    400: "bad-request",
    401: "not-signed-in",
    403: "forbidden",
    404: "not-found",
    405: "method-not-allowed",
    408: "too-slow",
    413: "request-too-large",
    503: "unavailable",
}


def install(app: FastAPI) -> None:
    """Register the handlers."""
    app.add_exception_handler(WingcheckError, _domain_error)
    app.add_exception_handler(InvalidInput, _invalid_input)
    app.add_exception_handler(SignInNeeded, _sign_in_needed)
    app.add_exception_handler(PasswordChangeNeeded, _password_change_needed)
    app.add_exception_handler(NotAllowed, _not_allowed)
    app.add_exception_handler(RequestValidationError, _invalid_request)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(OperationalError, database_away)
    app.add_exception_handler(InterfaceError, database_away)
    app.add_exception_handler(InternalError, database_away)  # as PostgreSQL says of a server that only reads
    app.add_exception_handler(PoolExhausted, database_away)
    app.add_exception_handler(DataError, _impossible_value)
    app.add_exception_handler(OSError, _storage_failed)
    app.add_exception_handler(Exception, _unexpected)


def wants_json(request: Request) -> bool:
    """Programs get problem+json: under /api, /predict and wherever JSON is preferred to HTML."""
    path = request.url.path
    if path.startswith(("/api/", "/predict", "/find", "/healthz", "/readyz", "/metrics")):
        return True
    accept = request.headers.get("accept", "")
    return "json" in accept and "text/html" not in accept


def field_errors(error: InvalidInput, language: Language) -> list[dict[str, str]]:
    """The mistakes of a form in words, for scripts and for the API."""
    return [
        {"field": e.field, "message": field_message(language, e), **({"filename": e.filename} if e.filename else {})}
        for e in error.errors
    ]


def answer(request: Request, name: str, status: int, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    if wants_json(request):
        return problems.response(name, status, detail, headers=headers)
    page = render(request, "core/error.html", status=status, **_for_people(request, name, status, detail))
    page.headers.update(headers or {})
    return page


def _for_people(request: Request, name: str, status: int, detail: str) -> dict[str, object]:
    t = Language(negotiate(request, request.app.state.settings.default_language)).gettext
    titles = {
        "not-found": (
            t("Page not found"),
            t("There is nothing at this address. Check that the link is complete."),
        ),
        "conflict": (
            t("This is no longer possible"),
            t("Something has changed in the meantime. Please go back and check."),
        ),
        "request-too-large": (t("Upload too large"), t("Please send fewer or smaller photos.")),
        "forbidden": (
            t("Not allowed"),
            t("This form was not sent from our website. Please reload the page and try again."),
        ),
        "not-allowed": (t("No access"), f"{t(detail)} " + t("An admin can give you access.")),
        "not-signed-in": (t("Please sign in"), t("You need an account for this page.")),
        "too-many-attempts": (
            t("Too many requests"),
            t("Too many attempts. Please wait a few minutes and try again."),
        ),
        "too-slow": (
            t("That took too long"),
            t("Your connection is slow at the moment. Please try again, perhaps with fewer photos at once."),
        ),
        "too-many-requests": (
            t("Too many requests"),
            t("We received many requests from your connection. Please wait a moment and try again."),
        ),
        "unknown-host": (
            t("Unknown address"),
            t("This server does not use the name in the address bar."),
        ),
        "url-too-long": (t("This link is too long"), t("Check that nothing was added when it was copied.")),
        "headers-too-large": (
            t("Your browser sent too much"),
            t("Clearing the cookies of this site usually helps."),
        ),
        "overloaded": (t("Very busy at the moment"), t("Please try again in a moment. Nothing was lost.")),
        "unavailable": (
            t("Not available at the moment"),
            t("Part of the system is unavailable. Please try again soon."),
        ),
        "storage-failed": (t("Photos can’t be stored right now"), t("Nothing was saved. Please try again later.")),
    }
    fallback = (t("Something went wrong"), t("This is our fault. The error has been logged. Please try again."))
    if status in {400, 422}:
        fallback = (t("We could not understand this request"), t("Please go back and try again."))
    title, text = titles.get(name, fallback)
    return {"title": title, "detail": text}


def _domain_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, WingcheckError)
    kind = next((kind for cls, kind in _KINDS if isinstance(error, cls)), _Kind("internal-error", 500))
    headers = {"Retry-After": str(error.retry_after)} if isinstance(error, Overloaded) else {}
    if isinstance(error, TooManyAttempts):
        headers["Retry-After"] = str(error.retry_after)
    if kind.status == 503:
        headers.setdefault("Retry-After", "10")
    return answer(request, kind.name, kind.status, error.detail, headers)


def _invalid_input(request: Request, error: Exception) -> Response:
    assert isinstance(error, InvalidInput)
    name, status = next(found for kind, found in _INVALID if isinstance(error, kind))
    language = Language(negotiate(request, request.app.state.settings.default_language))
    errors = field_errors(error, language)
    detail = " ".join(e["message"] for e in errors)
    if not wants_json(request):
        return answer(request, name, status, detail)
    return problems.response(name, status, detail, errors=errors)


def _sign_in_needed(request: Request, error: Exception) -> Response:
    """People are led to the door and back again; where a script asked for a part of a page, the page goes there."""
    if wants_json(request):
        return answer(request, "not-signed-in", 401, "Sign in, or send an API key.", BEARER)
    address = sign_in_address(request)
    if "hx-request" in request.headers:
        return answer(request, "not-signed-in", 401, "Sign in first.", {"HX-Redirect": address})
    return RedirectResponse(address, 303)


def _password_change_needed(request: Request, error: Exception) -> Response:
    if wants_json(request):
        return answer(request, "password-change-needed", 403, "Choose your own password first.")
    return RedirectResponse("/account/password", 303)


def _not_allowed(request: Request, error: Exception) -> Response:
    return answer(request, "not-allowed", 403, str(error))


def _invalid_request(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    if request.url.path == "/predict":
        return problems.response("no-file", 400, "Send photos as multipart/form-data in the field 'file'.")
    places = {".".join(str(part) for part in e["loc"][1:]) or "body" for e in error.errors()}
    return answer(request, "bad-request", 400, "These parts of the request can't be read: " + ", ".join(sorted(places)))


def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    name = _BY_STATUS.get(error.status_code, "bad-request" if error.status_code < 500 else "internal-error")
    headers = dict(error.headers or {})
    if error.status_code == 405:
        headers["Allow"] = methods_at(request.app, request.url.path)
    return answer(request, name, error.status_code, str(error.detail), headers)


def database_away(request: Request, error: Exception) -> Response:
    """503, or 507 where its disk is full."""
    reason = " ".join(str(error.orig if isinstance(error, DBAPIError) else error).split())
    log.error("the database can't be used: %s", reason)
    if "disk is full" in reason or "No space left" in reason:
        detail = "There is no room left for the database. Nothing was kept; please try again later."
        return answer(request, "storage-failed", 507, detail, {"Retry-After": "60"})
    detail = "The database can't be reached at present. Nothing was lost; please try again."
    return answer(request, "unavailable", 503, detail, {"Retry-After": "10"})


def _impossible_value(request: Request, error: Exception) -> Response:
    """What no database column can hold, as PostgreSQL says of a zero byte in a link."""
    return answer(request, "bad-request", 400, "A value in the request can't be read.")


def _storage_failed(request: Request, error: Exception) -> Response:
    log.exception("storage failed", exc_info=error)
    detail = "Photos can't be stored at present. Nothing was kept; please try again later."
    return answer(request, "storage-failed", 507, detail, {"Retry-After": "60"})


def _unexpected(request: Request, error: Exception) -> Response:
    log.exception("unexpected error", exc_info=error)
    return answer(request, "internal-error", 500, "Something went wrong. The error has been logged.")


class CatchErrors:
    """The innermost layer: an error that nobody foresaw is an answer like any other, with its headers, count and log line.

    Starlette's own handler for Exception stands outside all layers, and raises the error once more.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def watching(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, receive, watching)
        except Exception as error:
            if scope["type"] != "http" or started:
                raise
            await _unexpected(Request(scope), error)(scope, receive, send)
