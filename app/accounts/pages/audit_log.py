"""The audit log, to be read and filtered; nobody can change it."""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response

from app.accounts import audit, people
from app.accounts.audit import Wanted
from app.accounts.pages.views import action_name, detail_lines, page_of
from app.core.web.auth import Admin
from app.core.web.dependencies import LanguageDep, ReadSession
from app.core.web.pages import NO_STORE, render

router = APIRouter(prefix="/admin/log", include_in_schema=False)


@router.get("")
def show(
    request: Request,
    _user: Admin,
    session: ReadSession,
    language: LanguageDep,
    user: str = "",
    action: str = "",
    subject: str = "",
    before: Annotated[int | None, Query(ge=0)] = None,
) -> Response:
    """One page of the log, the newest first."""
    user_id = int(user) if user.isdecimal() and len(user) < 10 else None
    wanted = Wanted(user_id, action, subject.strip(), before)
    found = audit.page(session, wanted)
    kept = {name: value for name, value in (("user", user), ("action", action), ("subject", wanted.subject)) if value}
    older = urlencode(kept | {"before": found.next_before}) if found.next_before else ""
    everybody = people.everybody(session)
    names = {f"user:{person.id}": person.name for person in everybody}
    page = render(
        request,
        "accounts/log.html",
        entries=[
            {
                "row": entry,
                "action": action_name(entry.action, language),
                "subject_name": names.get(entry.subject, ""),
                "details": detail_lines(entry),
                "page": page_of(entry),
            }
            for entry in found.entries
        ],
        people=everybody,
        actions=sorted((action_name(each, language), each) for each in audit.actions(session)),
        wanted=wanted,
        filtered=bool(kept),
        older=f"/admin/log?{older}" if older else "",
        newest=f"/admin/log?{urlencode(kept)}" if before else "",
    )
    page.headers.update(NO_STORE)
    return page
