"""Where one-time links lead: to a new account, or to a new password. Looking at them does not use them up."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request, Response

from app.accounts.dependencies import DeviceDep, LinksDep, by_field, welcome
from app.accounts.links import JOINING, RESETTING
from app.accounts.pages.sign_in import LONGEST_FIELD
from app.accounts.passwords import LONGEST, SHORTEST
from app.accounts.rules import LinkKind
from app.accounts.tables import AccountLink
from app.core.errors import InvalidInput, NotFound
from app.core.web.dependencies import LanguageDep, same_origin
from app.core.web.pages import render

router = APIRouter(include_in_schema=False)
_PRIVATE = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex"}


@router.get("/invitation/{token}")
def invitation(request: Request, token: str, links: LinksDep) -> Response:
    """Who is invited, to what, and the form that makes the account."""
    try:
        return _joining(request, links.find(token, JOINING))
    except NotFound:
        return _gone(request)


def _joining(
    request: Request, link: AccountLink, *, email: str = "", name: str = "", errors: dict[str, str] | None = None
) -> Response:
    return _page(
        request,
        "accounts/invitation.html",
        errors,
        link=link,
        first=link.kind is LinkKind.FIRST_ADMIN,
        email=link.email or email,
        name=name,
    )


def _page(request: Request, template: str, errors: dict[str, str] | None, **context: object) -> Response:
    shown = {"shortest": SHORTEST, "longest": LONGEST, "errors": errors or {}}
    page = render(request, template, 422 if errors else 200, **shown, **context)
    page.headers.update(_PRIVATE)
    return page


def _gone(request: Request) -> Response:
    page = render(request, "accounts/link_gone.html", 404)
    page.headers.update(_PRIVATE)
    return page


@router.post("/invitation/{token}", dependencies=[Depends(same_origin)])
def join(
    request: Request,
    token: str,
    links: LinksDep,
    language: LanguageDep,
    device: DeviceDep,
    email: Annotated[str, Form()] = "",
    name: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
) -> Response:
    """Make the account, once, and let its user in."""
    try:
        user, session_token = links.join(
            token, email=email, name=name, password=password[:LONGEST_FIELD], language=language.code, device=device
        )
    except InvalidInput as error:
        found = by_field(error, language)
        return _joining(request, links.find(token, JOINING), email=email, name=name, errors=found)
    except NotFound:
        return _gone(request)
    return welcome(request, user, session_token)


@router.get("/reset/{token}")
def ask_password(request: Request, token: str, links: LinksDep) -> Response:
    """The form for a new password."""
    try:
        link = links.find(token, RESETTING)
    except NotFound:
        return _gone(request)
    return _page(request, "accounts/reset.html", None, link=link)


@router.post("/reset/{token}", dependencies=[Depends(same_origin)])
def reset(
    request: Request,
    token: str,
    links: LinksDep,
    language: LanguageDep,
    device: DeviceDep,
    password: Annotated[str, Form()] = "",
) -> Response:
    """Keep the new password, once, and let its user in."""
    try:
        user, session_token = links.reset_password(token, password[:LONGEST_FIELD], device)
    except InvalidInput as error:
        found = by_field(error, language)
        return _page(request, "accounts/reset.html", found, link=links.find(token, RESETTING))
    except NotFound:
        return _gone(request)
    return welcome(request, user, session_token)
