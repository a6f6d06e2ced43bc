"""API keys: made, shown once, revoked."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from app.accounts import api_keys, people
from app.accounts.api_keys import MOST_REQUESTS, NewKey
from app.accounts.dependencies import by_field
from app.accounts.pages.views import SCOPES, key_state, scope_names
from app.core.db import reading, transaction, utcnow
from app.core.errors import FieldError, InvalidInput
from app.core.roles import Scope
from app.core.web.auth import Admin
from app.core.web.dependencies import LanguageDep, ReadSession
from app.core.web.i18n import Language
from app.core.web.pages import NO_STORE, render

router = APIRouter(prefix="/admin/api-keys", include_in_schema=False)
_USUAL_DAYS, _USUAL_REQUESTS = 365, 120


@router.get("")
def show(request: Request, user: Admin, session: ReadSession, language: LanguageDep, done: str = "") -> Response:
    """All keys, and the form for another."""
    flash = language.gettext("The key was revoked and no longer works.") if done == "revoked" else None
    return _page(request, user, session, language, flash=flash)


def _page(
    request: Request,
    user: Admin,
    session: ReadSession,
    language: Language,
    *,
    flash: str | None = None,
    form: dict[str, object] | None = None,
    errors: dict[str, str] | None = None,
) -> Response:
    usual = {
        "name": "",
        "user_id": user.user_id,
        "scopes": [],
        "requests_per_minute": _USUAL_REQUESTS,
        "expires_on": (utcnow() + timedelta(days=_USUAL_DAYS)).date().isoformat(),
    }
    keys = api_keys.all_keys(session)
    page = render(
        request,
        "accounts/api_keys.html",
        422 if errors else 200,
        keys=[
            {"row": key, "state": key_state(key, language), "scopes": scope_names(key.scopes, language)} for key in keys
        ],
        owners=[person for person in people.everybody(session) if person.active],
        scopes=[{"value": scope.value, "name": language.gettext(name)} for scope, name in SCOPES.items()],
        form=usual | (form or {}),
        most_requests=MOST_REQUESTS,
        errors=errors or {},
        flash=flash,
    )
    page.headers.update(NO_STORE)
    return page


@router.post("")
def make(
    request: Request,
    user: Admin,
    language: LanguageDep,
    user_id: Annotated[int, Form()],
    scopes: Annotated[list[Scope], Form(default_factory=list)],
    name: Annotated[str, Form()] = "",
    requests_per_minute: Annotated[str, Form()] = "",
    expires_on: Annotated[str, Form()] = "",
) -> Response:
    """Make a key and show it, now and never again."""
    sessions = request.app.state.sessions
    number = int(requests_per_minute) if requests_per_minute.isdecimal() and len(requests_per_minute) < 10 else 0
    try:
        new = NewKey(name, user_id, frozenset(scopes), number, _end_of(expires_on))
        with transaction(sessions) as session:
            key, secret = api_keys.make(session, user.user_id, new)
    except InvalidInput as error:
        typed = {"name": name, "user_id": user_id, "scopes": [scope.value for scope in scopes]}
        typed |= {"requests_per_minute": requests_per_minute, "expires_on": expires_on}
        with reading(sessions) as session:
            return _page(request, user, session, language, form=typed, errors=by_field(error, language))
    page = render(request, "accounts/new_key.html", key=key, secret=secret)
    page.headers.update(NO_STORE)
    return page


def _end_of(text: str) -> datetime | None:
    """The end of that day (UTC); None where none was given. Raises InvalidInput."""
    if not text:
        return None
    try:
        return datetime.combine(date.fromisoformat(text), time.max, UTC)
    except ValueError:
        raise InvalidInput([FieldError("expires_on", "date_invalid")]) from None


@router.post("/{key_id}/revoke")
def revoke(request: Request, user: Admin, key_id: int) -> Response:
    """Make a key worthless."""
    with transaction(request.app.state.sessions) as session:
        api_keys.revoke(session, user.user_id, key_id)
    return RedirectResponse("/admin/api-keys?done=revoked", 303)
