"""API keys: created, shown once, revoked."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel

from app.accounts import api_keys, people
from app.accounts.api_keys import MOST_REQUESTS
from app.accounts.pages import by_field
from app.accounts.tables import ApiKey
from app.core.db import reading, transaction, utcnow
from app.core.errors import FieldError, InvalidInput
from app.core.roles import Scope
from app.core.web.auth import Admin
from app.core.web.dependencies import LanguageDep, Sessions
from app.core.web.pages import uncached_page

router = APIRouter(prefix="/admin/api-keys", include_in_schema=False)
_USUAL_DAYS, _USUAL_REQUESTS = 365, 120


class KeyForm(BaseModel):
    """As typed."""

    user_id: int
    scopes: list[Scope] = []
    name: str = ""
    requests_per_minute: str = ""
    expires_on: str = ""

    def key(self) -> ApiKey:
        """The key that the form describes. Raises InvalidInput for what is no date."""
        number = self.requests_per_minute
        return ApiKey(
            name=self.name,
            user_id=self.user_id,
            scopes=self.scopes,
            requests_per_minute=int(number) if number.isdecimal() and len(number) < 10 else 0,
            expires_at=_end_of(self.expires_on),
        )


def _end_of(text: str) -> datetime | None:
    """The end of that day (UTC); None for an empty text. Raises InvalidInput."""
    if not text:
        return None
    try:
        return datetime.combine(date.fromisoformat(text), time.max, UTC)
    except ValueError:
        raise InvalidInput([FieldError("expires_on", "date_invalid")]) from None


@router.get("")
def show(request: Request, user: Admin, done: str = "") -> Response:
    """All keys, and the form for another."""
    expires_on = (utcnow() + timedelta(days=_USUAL_DAYS)).date().isoformat()
    form = KeyForm(user_id=user.user_id, requests_per_minute=str(_USUAL_REQUESTS), expires_on=expires_on)
    return _page(request, form, done=done)


def _page(request: Request, form: KeyForm, *, done: str = "", errors: dict[str, str] | None = None) -> Response:
    with reading(request.app.state.sessions) as session:
        keys = api_keys.all_keys(session)
        owners = [person for person in people.everybody(session) if person.active]
    return uncached_page(
        request,
        "accounts/api_keys.html",
        422 if errors else 200,
        keys=keys,
        owners=owners,
        form=form,
        most_requests=MOST_REQUESTS,
        errors=errors or {},
        done=done,
    )


@router.post("")
def make(request: Request, user: Admin, language: LanguageDep, form: Annotated[KeyForm, Form()]) -> Response:
    """Create a key and show it, now and never again."""
    try:
        key = form.key()
        with transaction(request.app.state.sessions) as session:
            secret = api_keys.make(session, user.user_id, key)
    except InvalidInput as error:
        return _page(request, form, errors=by_field(error, language))
    return uncached_page(request, "accounts/new_key.html", key=key, secret=secret)


@router.post("/{key_id}/revoke")
def revoke(user: Admin, sessions: Sessions, key_id: int) -> Response:
    """Make a key invalid for good."""
    with transaction(sessions) as session:
        api_keys.revoke(session, user.user_id, key_id)
    return RedirectResponse("/admin/api-keys?done=revoked", 303)
