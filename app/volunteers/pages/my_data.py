"""A volunteer's own data: take all of it away, or delete all of it."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse, StreamingResponse

from app.core.db import reading
from app.core.web.dependencies import ReadSession, same_origin
from app.core.web.pages import render
from app.submissions import volunteers
from app.volunteers.data import VolunteerData, zipped
from app.volunteers.dependencies import VOLUNTEER_COOKIE, SubmissionsDep, VolunteerKey

router = APIRouter(include_in_schema=False)
_PRIVATE = {"Cache-Control": "private, no-store", "X-Robots-Tag": "noindex"}


def _service(request: Request) -> VolunteerData:
    return VolunteerData(request.app.state.sessions, request.app.state.storage)


Service = Annotated[VolunteerData, Depends(_service)]


def _volunteer_id(request: Request, key: VolunteerKey) -> int | None:
    """In a session of its own, whose connection does not lie idle while photos are read or removed."""
    with reading(request.app.state.sessions) as session:
        volunteer = volunteers.find(session, key)
    return volunteer.id if volunteer else None


VolunteerId = Annotated[int | None, Depends(_volunteer_id)]


@router.get("/mine/download")
def download(volunteer_id: VolunteerId, service: Service) -> Response:
    """Everything in one zip file, sent as it is made."""
    if volunteer_id is None:
        return RedirectResponse("/mine", 303)
    headers = _PRIVATE | {"Content-Disposition": 'attachment; filename="wingcheck-my-data.zip"'}
    return StreamingResponse(zipped(service.entries([volunteer_id])), media_type="application/zip", headers=headers)


@router.get("/mine/delete")
def ask(request: Request, session: ReadSession, submissions: SubmissionsDep, key: VolunteerKey) -> Response:
    """Nobody can bring it back: ask first."""
    volunteer = volunteers.find(session, key)
    if volunteer is None:
        return RedirectResponse("/mine", 303)
    page = render(request, "volunteers/delete_all.html", count=submissions.count_of(session, volunteer))
    page.headers.update(_PRIVATE)
    return page


@router.post("/mine/delete", dependencies=[Depends(same_origin)])
def delete(volunteer_id: VolunteerId, service: Service) -> Response:
    """Delete everything; the cookie goes too, because it leads to nobody now."""
    if volunteer_id is not None:
        service.delete([volunteer_id])
    answer = RedirectResponse("/mine?deleted=1", 303)
    answer.delete_cookie(VOLUNTEER_COOKIE, httponly=True, samesite="lax")
    return answer
