"""Access control. A route declares who may use it by the type of a parameter:

    def people(request: Request, user: Admin) -> Response: ...

People who are not signed in are sent to sign in, programs get 401; an insufficient role gets 403. Requests that change
something need the session's CSRF token, in the form field ``csrf_token`` or the header ``X-CSRF-Token``. An API key opens only
routes that name a scope. What other sites send was refused before (app/core/web/middleware.py).
"""

import hmac
from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, HTTPException, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from app.core.roles import Role, Scope
from app.core.web.visitors import SignedIn, visitor

_ = str  # marks messages for extraction
_ONLY_FOR = {
    Role.REVIEWER: _("This page is for reviewers."),
    Role.COORDINATOR: _("This page is for coordinators."),
    Role.ADMIN: _("This page is for admins."),
}
CSRF_FIELD, CSRF_HEADER = "csrf_token", "X-CSRF-Token"
_SAFE = {"GET", "HEAD", "OPTIONS"}
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
_BEARER = HTTPBearer(
    auto_error=False, scheme_name="API key", description="A key created under People → API keys; it starts with `wck_`."
)


class SignInNeeded(Exception):
    """Nobody is signed in."""


class PasswordChangeNeeded(Exception):
    """The user must replace a first password before anything else."""


class NotAllowed(Exception):
    """The user's role or the API key's scopes do not allow it; the text says which."""


Check = Callable[..., Awaitable[SignedIn]]


def needs(role: Role, scope: Scope | None = None, *, with_first_password: bool = False) -> Check:
    """A dependency that returns the user if access is allowed: at least ``role``, and ``scope`` for API keys.

    Without a scope, API keys are refused. ``with_first_password``: also for users who must replace their password.
    """

    async def check(
        request: Request, _shown: Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)] = None
    ) -> SignedIn:
        user = visitor(request.scope)
        if user is None:
            raise SignInNeeded
        if not user.may(role):
            raise NotAllowed(_ONLY_FOR[role])
        if user.via == "api_key":
            _check_scope(user, scope)
            return user
        if request.method not in _SAFE:
            await _check_csrf(request, user)
        if user.must_change_password and not with_first_password:
            raise PasswordChangeNeeded
        return user

    return check


def _check_scope(user: SignedIn, scope: Scope | None) -> None:
    if scope is None:
        raise NotAllowed("This can't be done with an API key.")
    if scope not in user.scopes:
        raise NotAllowed(f"This API key lacks the scope {scope.value!r}.")


async def _check_csrf(request: Request, user: SignedIn) -> None:
    given = request.headers.get(CSRF_HEADER)
    if given is None and request.headers.get("content-type", "").startswith(_FORMS):
        settings = request.app.state.settings
        form = await request.form(max_files=settings.max_photos_per_submission + 8, max_fields=settings.max_form_fields)
        value = form.get(CSRF_FIELD)
        given = value if isinstance(value, str) else None
    if given is None or not hmac.compare_digest(given.encode(), user.csrf_token.encode()):
        raise HTTPException(403, "The CSRF token is missing or belongs to another session.")


Reviewer = Annotated[SignedIn, Depends(needs(Role.REVIEWER))]
Coordinator = Annotated[SignedIn, Depends(needs(Role.COORDINATOR))]
Admin = Annotated[SignedIn, Depends(needs(Role.ADMIN))]
AnyUser = Reviewer
"""Every user, for the pages of their own account: each role includes that of a reviewer."""
RecordsReader = Annotated[SignedIn, Depends(needs(Role.COORDINATOR, Scope.RECORDS))]
ModelKeeper = Annotated[SignedIn, Depends(needs(Role.ADMIN, Scope.MODELS))]
"""These two also with an API key."""


async def _visitor(request: Request) -> SignedIn | None:
    return visitor(request.scope)


Visitor = Annotated[SignedIn | None, Depends(_visitor)]
"""The user or None, for routes that are open to everybody."""


async def _predicting(request: Request) -> None:
    user = visitor(request.scope)
    if user is not None and user.via == "api_key":
        _check_scope(user, Scope.PREDICT)


PREDICTING = Depends(_predicting)
"""For predictions, which are open to everybody: a key is optional, must have the scope, and has a rate limit of its own."""
