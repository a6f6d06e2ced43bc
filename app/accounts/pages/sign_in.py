"""The door: sign in, sign out."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse

from app.accounts.dependencies import DeviceDep, SessionCookieDep, SignInDep, UserSessionsDep, welcome
from app.accounts.sign_in import Attempt, WrongPassword
from app.core.errors import TooManyAttempts
from app.core.roles import Role
from app.core.settings import networks
from app.core.web.auth import Visitor, needs
from app.core.web.dependencies import LanguageDep, SettingsDep, same_origin
from app.core.web.limits import client_network, is_within
from app.core.web.navigation import SIGN_IN, local, start_of
from app.core.web.pages import render
from app.core.web.visitors import SignedIn

router = APIRouter(include_in_schema=False)
LONGEST_FIELD = 400
Leaving = Annotated[SignedIn, Depends(needs(Role.REVIEWER, with_first_password=True))]


@router.get("/sign-in")
def ask(request: Request, visitor: Visitor, next: str = "") -> Response:
    """The form; whoever is signed in already goes where they wanted to."""
    if visitor is not None:
        return RedirectResponse(local(next, start_of(visitor.role)), 303)
    return _page(request, next)


def _page(request: Request, next: str, *, email: str = "", problem: str = "", status: int = 200) -> Response:
    page = render(request, "accounts/sign_in.html", status, next=local(next, ""), email=email, problem=problem)
    page.headers["Cache-Control"] = "no-store"
    return page


@router.post("/sign-in", dependencies=[Depends(same_origin)])
def sign_in(
    request: Request,
    service: SignInDep,
    cookie: SessionCookieDep,
    settings: SettingsDep,
    language: LanguageDep,
    device: DeviceDep,
    email: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
    next: Annotated[str, Form()] = "",
) -> Response:
    """Let somebody in. The session is a new one, whatever the browser brought."""
    client = client_network(request.scope)
    attempt = Attempt(
        email=email[:LONGEST_FIELD],
        password=password[:LONGEST_FIELD],
        device=device,
        client=None if is_within(client, networks(settings.rate_limit_exempt)) else client,
        knows=cookie.accounts_known(request),
        token=cookie.read(request),
    )
    try:
        user, token = service.sign_in(attempt)
    except WrongPassword:
        problem = language.gettext("E-mail address or password is incorrect.")
        return _page(request, next, email=email, problem=problem, status=401)
    except TooManyAttempts as error:
        problem = language.ngettext(
            "Too many attempts. Please wait %(num)s minute and try again.",
            "Too many attempts. Please wait %(num)s minutes and try again.",
            -(-error.retry_after // 60),
        )
        page = _page(request, next, email=email, problem=problem, status=429)
        page.headers["Retry-After"] = str(error.retry_after)
        return page
    return welcome(request, user, token, next)


@router.post("/sign-out")
def sign_out(request: Request, _user: Leaving, sessions: UserSessionsDep, cookie: SessionCookieDep) -> Response:
    """End this session, here and in the database."""
    sessions.end(cookie.read(request))
    answer = RedirectResponse(SIGN_IN, 303)
    cookie.clear(answer)
    return answer
