"""Everything that a volunteer sent: a list, the e-mail address, and all data to take away or to delete."""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Query, Request, Response
from fastapi.responses import RedirectResponse, StreamingResponse

from app.core.db import reading, transaction
from app.core.errors import InvalidSubmission
from app.core.web.dependencies import LanguageDep, ReadSession
from app.core.web.errors import field_errors
from app.core.web.pages import render
from app.submissions import volunteers
from app.submissions.form import parse_email
from app.submissions.rules import OutcomeMails
from app.volunteers import news
from app.volunteers.data import VolunteerData, zipped
from app.volunteers.dependencies import (
    SHOWS_NEWS,
    AddressesDep,
    SubmissionsDep,
    VolunteerCookieDep,
    VolunteerKey,
    private,
)
from app.volunteers.submissions import PAGE, Show
from app.volunteers.views import views_of
from app.volunteers.withdrawal import what_goes, what_stays

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True)
class MyPage:
    """Renders the list of submissions."""

    request: Request
    session: ReadSession
    submissions: SubmissionsDep
    language: LanguageDep
    key: VolunteerKey

    def render(self, status: int = 200, *, show: Show = Show.ALL, number: int = 1, **context: Any) -> Response:
        """One page of the list, with the address as it is kept unless ``context`` has another. What it shows is not new then."""
        volunteer = volunteers.find(self.session, self.key)
        counts = self.submissions.counts_of(self.session, volunteer) if volunteer else dict.fromkeys(Show, 0)
        pages = max(1, -(-counts[show] // PAGE))
        number = min(number, pages)
        rows = self.submissions.of_volunteer(self.session, volunteer, show, number) if volunteer else []
        defaults: dict[str, Any] = {
            "volunteer": volunteer,
            "email": (volunteer.email or "") if volunteer else "",
            "errors": {},
        }
        allowed, total = volunteers.training_counts(self.session, volunteer) if volunteer else (0, 0)
        shown = views_of(self.session, rows, self.language)
        self.session.close()
        new = news.mark_seen(self.request.app.state.sessions, news.of_ids([row.id for row in rows])) if rows else set()
        page = render(
            self.request,
            "volunteers/mine.html",
            status,
            submissions=shown,
            new={row.token for row in rows if row.id in new},
            counts=counts,
            show=show,
            number=number,
            pages=pages,
            training={"allowed": allowed, "total": total},
            **defaults | context,
        )
        return private(page)


MyPageDep = Annotated[MyPage, Depends()]


_ = str  # marks messages for extraction
_DONE = {
    "deleted": _("Everything you sent was deleted."),
    "join": _("If this address was confirmed on another device, a mail with a link is on its way."),
    "joined": _("This browser now shows everything that was sent with your address."),
}


@router.get("/mine", dependencies=[SHOWS_NEWS])
def mine(page: MyPageDep, show: str = "", number: Annotated[str, Query(alias="page")] = "") -> Response:
    """What this volunteer sent, by pages."""
    chosen = Show(show) if show in set(Show) else Show.ALL
    wanted = int(number) if number.isascii() and number.isdigit() and len(number) < 6 else 1
    done = next((text for name, text in _DONE.items() if name in page.request.query_params), "")
    flash = page.language.gettext(done) if done else None
    return page.render(show=chosen, number=max(1, wanted), flash=flash)


@router.post("/mine/email")
def email(
    page: MyPageDep,
    cookie: VolunteerCookieDep,
    addresses: AddressesDep,
    email: Annotated[str, Form()] = "",
    outcome_mails: Annotated[OutcomeMails, Form()] = OutcomeMails.AT_ONCE,
) -> Response:
    """Keep, change or forget the volunteer's address, and when to write. Without mail it can only be forgotten."""
    try:
        address = parse_email(email) if page.request.app.state.settings.sends_mail else ""
    except InvalidSubmission as error:
        message = field_errors(error, page.language)[0]["message"]
        return page.render(422, email=email, errors={"email": message})
    page.session.close()
    volunteer_key = addresses.keep(page.key, page.language.code, address, outcome_mails)
    answer = RedirectResponse("/mine", 303)
    cookie.write(answer, volunteer_key)
    return answer


@router.post("/mine/training")
def training(page: MyPageDep, allowed: Annotated[str, Form()] = "no") -> Response:
    """Let all photos of this volunteer train models, or none."""
    with transaction(page.request.app.state.sessions) as session:
        volunteer = volunteers.find(session, page.key)
        if volunteer is not None:
            volunteers.allow_training(session, volunteer, allowed=allowed == "yes")
    return RedirectResponse("/mine#training-title", 303)


def _data(request: Request) -> VolunteerData:
    return VolunteerData(request.app.state.sessions, request.app.state.storage)


def _volunteer_id(request: Request, key: VolunteerKey) -> int | None:
    """In a session of its own, whose connection does not lie idle while photos are read or removed."""
    with reading(request.app.state.sessions) as session:
        volunteer = volunteers.find(session, key)
    return volunteer.id if volunteer else None


DataDep = Annotated[VolunteerData, Depends(_data)]
VolunteerId = Annotated[int | None, Depends(_volunteer_id)]


@router.get("/mine/download")
def download(volunteer_id: VolunteerId, data: DataDep) -> Response:
    """Everything in one zip file, sent as it is made."""
    if volunteer_id is None:
        return RedirectResponse("/mine", 303)
    headers = {"Content-Disposition": 'attachment; filename="wingcheck-my-data.zip"'}
    files = zipped(data.entries([volunteer_id]))
    return private(StreamingResponse(files, media_type="application/zip", headers=headers))


@router.get("/mine/delete", dependencies=[SHOWS_NEWS])
def ask_delete(request: Request, session: ReadSession, submissions: SubmissionsDep, key: VolunteerKey) -> Response:
    """Nobody can bring it back: ask first."""
    volunteer = volunteers.find(session, key)
    if volunteer is None:
        return RedirectResponse("/mine", 303)
    count = submissions.counts_of(session, volunteer)[Show.ALL]
    goes, stays = what_goes(everything=True), what_stays()
    return private(render(request, "volunteers/delete_all.html", count=count, goes=goes, stays=stays))


@router.post("/mine/delete")
def delete(request: Request, volunteer_id: VolunteerId, cookie: VolunteerCookieDep) -> Response:
    """Delete everything; the cookie goes too, because it leads to nobody now."""
    if volunteer_id is not None:
        request.app.state.deleting.erase([volunteer_id])
    answer = RedirectResponse("/mine?deleted=1", 303)
    cookie.clear(answer)
    return answer
