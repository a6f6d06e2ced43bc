"""Where the links in mails lead: confirming an address, joining a device, stopping mails."""

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from app.core.errors import InvalidSubmission, NotFound
from app.core.web.dependencies import SettingsDep
from app.core.web.pages import render
from app.submissions.form import parse_email
from app.volunteers.dependencies import SHOWS_NEWS, AddressesDep, VolunteerCookieDep, VolunteerKey, private

router = APIRouter(include_in_schema=False)


def _mail_page(request: Request, template: str, status: int = 200, **context: object) -> Response:
    """The link is a secret: it goes into no cache, and to no other site."""
    page = private(render(request, f"volunteers/{template}", status, **context))
    page.headers["Referrer-Policy"] = "no-referrer"
    return page


@router.get("/mail/confirm/{token}")
def ask_to_confirm(request: Request, token: str, addresses: AddressesDep) -> Response:
    """The button that confirms an address."""
    volunteer = addresses.look_at("confirm", token)
    return _mail_page(request, "confirm.html", volunteer=volunteer, token=token)


@router.post("/mail/confirm/{token}")
def confirm(token: str, addresses: AddressesDep) -> Response:
    """The address is theirs."""
    addresses.confirm(token)
    return RedirectResponse(f"/mail/confirm/{token}", 303)


@router.post("/mine/join")
def mail_join_link(
    settings: SettingsDep, key: VolunteerKey, addresses: AddressesDep, address: Annotated[str, Form()] = ""
) -> Response:
    """Mail a link for this device. The answer is the same whatever is known of the address."""
    if not settings.sends_mail:
        raise NotFound("No mail is sent from here.")
    try:
        email = parse_email(address)
    except InvalidSubmission:
        email = ""
    if email:
        addresses.ask_to_join(key, email)
    return RedirectResponse("/mine?join=1", 303)


@router.get("/mail/join/{token}", dependencies=[SHOWS_NEWS])
def ask_to_join(request: Request, token: str, addresses: AddressesDep) -> Response:
    """The button that joins this browser."""
    return _mail_page(request, "join.html", volunteer=addresses.look_at("join", token), token=token)


@router.post("/mail/join/{token}")
def join(token: str, addresses: AddressesDep, cookie: VolunteerCookieDep, key: VolunteerKey) -> Response:
    """From now on this browser is that volunteer's."""
    joined = addresses.join(token, key)
    answer = RedirectResponse("/mine?joined=1", 303)
    cookie.write(answer, joined)
    return answer


@router.get("/mail/stop/{token}")
def ask_to_stop(request: Request, token: str, addresses: AddressesDep) -> Response:
    """What would be stopped, or what was."""
    return _mail_page(request, "stop.html", subscription=addresses.subscription(token), token=token)


@router.post("/mail/stop/{token}")
def stop(request: Request, token: str, addresses: AddressesDep) -> Response:
    """Stop these mails. Mail programs send this by themselves (RFC 8058): the token is all that is asked for."""
    return _mail_page(request, "stop.html", subscription=addresses.stop(token), token=token)


@router.post("/mail/stop/{token}/resume")
def resume(request: Request, token: str, addresses: AddressesDep) -> Response:
    """The way back."""
    return _mail_page(request, "stop.html", subscription=addresses.stop(token, again=True), token=token)
