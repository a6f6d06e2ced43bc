"""The outbox, for admins: what was sent, what waits, and what may have been lost."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from app.accounts import mails
from app.core.db import transaction
from app.core.web.auth import Admin
from app.core.web.dependencies import ReadSession, Sessions
from app.core.web.pages import uncached_page
from app.mail import outbox
from app.mail.rules import ENDED_BADLY, MailState

router = APIRouter(prefix="/admin/mail", include_in_schema=False)


@router.get("")
def show(request: Request, _user: Admin, session: ReadSession, done: str = "") -> Response:
    """What needs a look first, then what waits and what was sent."""
    return uncached_page(
        request,
        "accounts/mail.html",
        counts=outbox.count_by_state(session),
        troubled=outbox.newest(session, ENDED_BADLY),
        others=outbox.newest(session, frozenset(MailState) - ENDED_BADLY),
        done=done,
    )


@router.post("/{mail_id}/send-again")
def send_again(user: Admin, sessions: Sessions, mail_id: int) -> Response:
    """Send a mail again that ended badly."""
    with transaction(sessions) as session:
        mails.send_again(session, user.user_id, mail_id)
    return RedirectResponse("/admin/mail?done=again", 303)
