"""The audit log, to be read and filtered; nobody can change it."""

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response

from app.accounts import audit, people
from app.accounts.audit import ACTIONS, LogFilter
from app.accounts.tables import AuditEntry
from app.core.web.auth import Admin
from app.core.web.dependencies import LanguageDep, ReadSession
from app.core.web.pages import uncached_page

router = APIRouter(prefix="/admin/log", include_in_schema=False)
_PAGES = {
    "user": "people",
    "model": "models",
    "run": "runs",
    "collection": "collections",
    "taxon_change": "taxa/changes",
}


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
    log_filter = LogFilter(user_id, action, subject.strip(), before)
    page = audit.page(session, log_filter)
    everybody = people.everybody(session, erased=True)
    words = {action: language.gettext(ACTIONS.get(action, action)) for action in audit.actions(session)}
    params = {"user": user, "action": action, "subject": log_filter.subject}
    query = urlencode({name: value for name, value in params.items() if value})
    return uncached_page(
        request,
        "accounts/log.html",
        entries=page.entries,
        words=words,
        subject_names={f"user:{person.id}": person.name for person in everybody},
        details_of=_details_of,
        page_of=_page_of,
        people=everybody,
        log_filter=log_filter,
        query=query,
        older=page.next_before,
    )


def _page_of(entry: AuditEntry) -> str:
    """The page that shows what the entry is about; empty where there is none (any more)."""
    kind, _colon, number = entry.subject.partition(":")
    gone = entry.action.endswith(".deleted")
    return f"/admin/{_PAGES[kind]}/{number}" if kind in _PAGES and number.isdecimal() and not gone else ""


def _details_of(entry: AuditEntry) -> dict[str, Any]:
    """What an entry says beyond who, what and when."""
    details = {name: value for name, value in entry.details.items() if value not in ("", None, [])}
    return {name: ", ".join(map(str, value)) if isinstance(value, list) else value for name, value in details.items()}
