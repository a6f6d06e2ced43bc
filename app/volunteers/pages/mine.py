"""Everything that a volunteer sent: a list, the e-mail address, and all data to take away or to delete."""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse, StreamingResponse

from app.core.db import reading, transaction
from app.core.errors import InvalidSubmission
from app.core.web.dependencies import LanguageDep, ReadSession, same_origin
from app.core.web.errors import field_errors
from app.core.web.pages import render
from app.submissions import volunteers
from app.submissions.form import parse_email
from app.taxa import names as taxa
from app.volunteers.data import VolunteerData, zipped
from app.volunteers.dependencies import SubmissionsDep, VolunteerCookieDep, VolunteerKey, private
from app.volunteers.views import SubmissionViews
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

    def render(self, status: int = 200, **context: Any) -> Response:
        """The list, with the address as it is kept unless ``context`` has another."""
        volunteer = volunteers.find(self.session, self.key)
        rows = self.submissions.of_volunteer(self.session, volunteer) if volunteer else []
        views = SubmissionViews(self.language, taxa.all_by_name(self.session))
        defaults = {"email": (volunteer.email or "") if volunteer else "", "errors": {}}
        shown = [views.submission(row) for row in rows]
        return private(render(self.request, "volunteers/mine.html", status, submissions=shown, **defaults | context))


MyPageDep = Annotated[MyPage, Depends()]


@router.get("/mine")
def mine(page: MyPageDep, deleted: str = "") -> Response:
    """Everything this volunteer sent."""
    return page.render(flash=page.language.gettext("Everything you sent was deleted.") if deleted else None)


@router.post("/mine/email", dependencies=[Depends(same_origin)])
def email(page: MyPageDep, cookie: VolunteerCookieDep, email: Annotated[str, Form()] = "") -> Response:
    """Keep, change or forget the volunteer's address."""
    try:
        address = parse_email(email)
    except InvalidSubmission as error:
        message = field_errors(error, page.language)[0]["message"]
        return page.render(422, email=email, errors={"email": message})
    with transaction(page.request.app.state.sessions) as session:
        volunteer = volunteers.find_or_create(session, page.key, page.language.code)
        volunteers.set_email(session, volunteer, address)
        volunteer_key = volunteer.key
    answer = RedirectResponse("/mine", 303)
    cookie.write(answer, volunteer_key)
    return answer


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


@router.get("/mine/delete")
def ask_delete(request: Request, session: ReadSession, submissions: SubmissionsDep, key: VolunteerKey) -> Response:
    """Nobody can bring it back: ask first."""
    volunteer = volunteers.find(session, key)
    if volunteer is None:
        return RedirectResponse("/mine", 303)
    count = submissions.count_of(session, volunteer)
    goes, stays = what_goes(everything=True), what_stays()
    return private(render(request, "volunteers/delete_all.html", count=count, goes=goes, stays=stays))


@router.post("/mine/delete", dependencies=[Depends(same_origin)])
def delete(request: Request, volunteer_id: VolunteerId, cookie: VolunteerCookieDep) -> Response:
    """Delete everything; the cookie goes too, because it leads to nobody now."""
    if volunteer_id is not None:
        request.app.state.deleting.erase([volunteer_id])
    answer = RedirectResponse("/mine?deleted=1", 303)
    cookie.clear(answer)
    return answer
