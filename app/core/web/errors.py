"""Errors become HTTP answers here and nowhere else: problem+json for programs, a page for people."""

import logging
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse, Response
from sqlalchemy.exc import DataError, DBAPIError, InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolExhausted
from starlette.exceptions import HTTPException
from starlette.routing import compile_path

from app.core.errors import InvalidInput, WingcheckError
from app.core.web import problems
from app.core.web.auth import NotAllowed, PasswordChangeNeeded, SignInNeeded
from app.core.web.i18n import Language
from app.core.web.navigation import sign_in_address
from app.core.web.pages import page_language, render
from app.core.web.words import field_message

log = logging.getLogger(__name__)

BEARER = {"WWW-Authenticate": "Bearer"}
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
    # PostgreSQL answers with InternalError while a server is read-only.
    for error in (OperationalError, InterfaceError, InternalError, PoolExhausted):
        app.add_exception_handler(error, database_away)
    app.add_exception_handler(DataError, _impossible_value)
    app.add_exception_handler(OSError, _storage_failed)
    app.add_exception_handler(Exception, unexpected)


def wants_json(request: Request) -> bool:
    """Whether a program asks: under /api, /predict and wherever JSON is preferred to HTML."""
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
    """A problem for programs, a page for people, whose words for ``name`` are in core/error.html."""
    if wants_json(request):
        return problems.response(name, status, detail, headers=headers)
    page = render(request, "core/error.html", status=status, name=name, detail=detail)
    page.headers.update(headers or {})
    return page


def _domain_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, WingcheckError)
    headers = {} if error.retry_after is None else {"Retry-After": str(error.retry_after)}
    return answer(request, error.name, error.status, error.detail, headers)


def _invalid_input(request: Request, error: Exception) -> Response:
    assert isinstance(error, InvalidInput)
    errors = field_errors(error, page_language(request))
    detail = " ".join(e["message"] for e in errors)
    if not wants_json(request):
        return answer(request, error.name, error.status, detail)
    return problems.response(error.name, error.status, detail, errors=errors)


def _sign_in_needed(request: Request, error: Exception) -> Response:
    """People are sent to sign in and come back; if a script asked for a part of a page, the whole page goes there."""
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
        headers["Allow"] = _methods_at(request.app, request.url.path)
    return answer(request, name, error.status_code, str(error.detail), headers)


def database_away(request: Request, error: Exception) -> Response:
    """503, or 507 if its disk is full."""
    reason = " ".join(str(error.orig if isinstance(error, DBAPIError) else error).split())
    log.error("the database can't be used: %s", reason)
    if "disk is full" in reason or "No space left" in reason:
        detail = "There is no room left for the database. Nothing was kept; please try again later."
        return answer(request, "storage-failed", 507, detail, {"Retry-After": "60"})
    detail = "The database can't be reached at present. Nothing was lost; please try again."
    return answer(request, "unavailable", 503, detail, {"Retry-After": "10"})


def _impossible_value(request: Request, error: Exception) -> Response:
    """A value that no column can hold, such as a zero byte in a link on PostgreSQL."""
    return answer(request, "bad-request", 400, "A value in the request can't be read.")


def _storage_failed(request: Request, error: Exception) -> Response:
    log.exception("storage failed", exc_info=error)
    detail = "Photos can't be stored at present. Nothing was kept; please try again later."
    return answer(request, "storage-failed", 507, detail, {"Retry-After": "60"})


def unexpected(request: Request, error: Exception) -> Response:
    """500, for an error that no other handler takes."""
    log.exception("unexpected error", exc_info=error)
    return answer(request, "internal-error", 500, "Something went wrong. The error has been logged.")


# --- the Allow header: several routes may share a path, and the router reports only the first ------------------------------


def _methods_at(app: Any, path: str) -> str:
    """The methods of every route with this path, as an Allow header lists them; empty if there is none."""
    methods = {method for pattern, methods in _patterns(app) if pattern.match(path) for method in methods}
    return ", ".join(sorted(methods - {"HEAD", "OPTIONS"}))


@lru_cache(maxsize=4)
def _patterns(app: Any) -> list[tuple[re.Pattern[str], frozenset[str]]]:
    return [(compile_path(path)[0], methods) for path, methods in routes_of(app)]


def routes_of(router: Any) -> Iterator[tuple[str, frozenset[str]]]:
    """Path and methods of every route, including those of nested routers, without static files."""
    for route in router.routes:
        inner = getattr(route, "original_router", None)
        if inner is not None:
            yield from routes_of(inner)
        elif getattr(route, "methods", None):
            yield route.path, frozenset(route.methods)
