"""Signing in and out, and where one-time links lead: to a new account, or to a new password."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel

from app.accounts import links
from app.accounts.links import JOINING, RESETTING
from app.accounts.pages import LONGEST_TYPED, PASSWORD_LENGTHS, Accounts, AccountsDep, by_field, device_of
from app.accounts.sessions import WrongPassword
from app.accounts.tables import LinkKind, User
from app.core.db import transaction
from app.core.errors import InvalidInput, NotFound, TooManyAttempts
from app.core.roles import Role
from app.core.web.auth import Visitor, needs
from app.core.web.dependencies import LanguageDep, Sessions, SettingsDep
from app.core.web.navigation import SIGN_IN, local, start_of
from app.core.web.pages import render, uncached_page
from app.core.web.visitors import SignedIn

router = APIRouter(include_in_schema=False)
WithFirstPassword = Annotated[SignedIn, Depends(needs(Role.REVIEWER, with_first_password=True))]
_PRIVATE = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex"}


class SignInForm(BaseModel):
    """As typed. ``next``: the page to go to afterwards."""

    email: str = ""
    password: str = ""
    next: str = ""


@router.get("/sign-in")
def ask(request: Request, visitor: Visitor, next: str = "") -> Response:
    """The form; whoever is signed in already is sent on."""
    if visitor is not None:
        return RedirectResponse(local(next, start_of(visitor.role)), 303)
    return _sign_in_page(request, SignInForm(next=next))


def _sign_in_page(request: Request, form: SignInForm, status: int = 200, wait_minutes: int = 0) -> Response:
    return uncached_page(
        request,
        "accounts/sign_in.html",
        status,
        email=form.email,
        next=local(form.next, ""),
        wait_minutes=wait_minutes,
    )


@router.post("/sign-in")
def sign_in(request: Request, accounts: AccountsDep, form: Annotated[SignInForm, Form()]) -> Response:
    """Sign in. The session is a new one, whatever the browser sent."""
    email, password = form.email[:LONGEST_TYPED], form.password[:LONGEST_TYPED]
    try:
        user, token = accounts.sign_in.sign_in(email, password, device_of(request))
    except WrongPassword:
        return _sign_in_page(request, form, 401)
    except TooManyAttempts as error:
        page = _sign_in_page(request, form, 429, wait_minutes=-(-error.retry_after // 60))
        page.headers["Retry-After"] = str(error.retry_after)
        return page
    return accounts.welcome(request, user, token, form.next)


@router.post("/sign-out")
def sign_out(request: Request, _user: WithFirstPassword, accounts: AccountsDep) -> Response:
    """End this session, in the browser and in the database."""
    accounts.user_sessions.end(accounts.cookie.read(request))
    response = RedirectResponse(SIGN_IN, 303)
    accounts.cookie.clear(response)
    return response


# --- a forgotten password --------------------------------------------------------------------------------------------


def _with_mail(settings: SettingsDep) -> None:
    if not settings.sends_mail:
        raise NotFound("No mail is sent from here; an admin can help.")


@router.get("/forgot", dependencies=[Depends(_with_mail)])
def ask_address(request: Request) -> Response:
    """The form that asks for the address of the account."""
    return uncached_page(request, "accounts/forgot.html", asked=False)


@router.post("/forgot", dependencies=[Depends(_with_mail)])
def forgot(request: Request, accounts: AccountsDep, sessions: Sessions, email: Annotated[str, Form()] = "") -> Response:
    """Mail a link to whoever has an account with this address. The answer is the same for every address."""
    accounts.sign_in.count_address(device_of(request))
    with transaction(sessions) as session:
        links.mail_password_reset(session, email[:LONGEST_TYPED])
    return uncached_page(request, "accounts/forgot.html", asked=True)


# --- one-time links --------------------------------------------------------------------------------------------------


class JoinForm(BaseModel):
    """As typed by whoever was invited."""

    email: str = ""
    name: str = ""
    password: str = ""


@router.get("/invitation/{token}")
def invitation(request: Request, token: str, accounts: AccountsDep) -> Response:
    """The form that creates the account."""
    return _link_page(request, accounts, token)


def _link_page(
    request: Request,
    accounts: Accounts,
    token: str,
    *,
    resetting: bool = False,
    form: JoinForm | None = None,
    errors: dict[str, str] | None = None,
) -> Response:
    """The form that a link leads to. Looking at it does not use the link up."""
    try:
        link = accounts.links.find(token, RESETTING if resetting else JOINING)
    except NotFound:
        page = render(request, "accounts/link_gone.html", 404)
    else:
        page = render(
            request,
            "accounts/reset.html" if resetting else "accounts/invitation.html",
            422 if errors else 200,
            link=link,
            first=link.kind is LinkKind.FIRST_ADMIN,
            form=form or JoinForm(),
            errors=errors or {},
            **PASSWORD_LENGTHS,
        )
    page.headers.update(_PRIVATE)
    return page


@router.post("/invitation/{token}")
def join(
    request: Request, token: str, accounts: AccountsDep, language: LanguageDep, form: Annotated[JoinForm, Form()]
) -> Response:
    """Create the account, once, and sign its user in."""
    new = User(email=form.email, name=form.name, language=language.code)
    try:
        user, session_token = accounts.links.join(token, new, form.password[:LONGEST_TYPED], device_of(request))
    except InvalidInput as error:
        return _link_page(request, accounts, token, form=form, errors=by_field(error, language))
    except NotFound:
        return _link_page(request, accounts, token)
    return accounts.welcome(request, user, session_token)


@router.get("/reset/{token}")
def ask_password(request: Request, token: str, accounts: AccountsDep) -> Response:
    """The form for a new password."""
    return _link_page(request, accounts, token, resetting=True)


@router.post("/reset/{token}")
def reset(
    request: Request,
    token: str,
    accounts: AccountsDep,
    language: LanguageDep,
    password: Annotated[str, Form()] = "",
) -> Response:
    """Store the new password, once, and sign its user in."""
    try:
        user, session_token = accounts.links.reset_password(token, password[:LONGEST_TYPED], device_of(request))
    except InvalidInput as error:
        return _link_page(request, accounts, token, resetting=True, errors=by_field(error, language))
    except NotFound:
        return _link_page(request, accounts, token, resetting=True)
    return accounts.welcome(request, user, session_token)
