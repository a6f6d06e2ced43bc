"""What routes are given: settings, services, session, language, volunteer.

Those that only look something up are coroutines: FastAPI would call a function in another thread, which takes longer.
"""

from collections.abc import Iterator
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, HTTPException, Request, Response
from itsdangerous import BadSignature, URLSafeSerializer
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool

from app.db import reading
from app.services.classifiers import Classifiers, Served
from app.services.squares import Squares
from app.services.submissions import Submissions
from app.settings import Settings
from app.storage import Storage
from app.web.i18n import Language
from app.web.pages import page_language

VOLUNTEER_COOKIE = "wingcheck_volunteer"
_TWO_YEARS = 2 * 365 * 24 * 3600


async def _settings(request: Request) -> Settings:
    return request.app.state.settings


async def _classifiers(request: Request) -> Classifiers:
    return request.app.state.classifiers


async def _submissions(request: Request) -> Submissions:
    return request.app.state.submissions


async def _squares(request: Request) -> Squares:
    return request.app.state.squares


async def _storage(request: Request) -> Storage:
    return request.app.state.storage


async def _language(request: Request) -> Language:
    return page_language(request)


def _reading(request: Request) -> Iterator[Session]:
    with reading(request.app.state.sessions) as session:
        yield session


SettingsDep = Annotated[Settings, Depends(_settings)]
ClassifiersDep = Annotated[Classifiers, Depends(_classifiers)]
SubmissionsDep = Annotated[Submissions, Depends(_submissions)]
SquaresDep = Annotated[Squares, Depends(_squares)]
StorageDep = Annotated[Storage, Depends(_storage)]
ReadSession = Annotated[Session, Depends(_reading)]
LanguageDep = Annotated[Language, Depends(_language)]


async def served_now(classifiers: Classifiers) -> Served:
    """The model version in service, for routes that are coroutines. Raises ModelUnavailable."""
    fresh: Served | None = classifiers.fresh()
    return fresh if fresh is not None else await run_in_threadpool(classifiers.current)


class VolunteerCookie:
    """The signed cookie that ties one volunteer's submissions together."""

    def __init__(self, secret: str, *, secure: bool) -> None:
        self._serializer = URLSafeSerializer(secret, salt="volunteer")
        self._secure = secure

    def read(self, request: Request) -> str | None:
        """The volunteer's key; None without a cookie or with one that we did not sign."""
        try:
            key = self._serializer.loads(request.cookies.get(VOLUNTEER_COOKIE, ""))
        except BadSignature:
            return None
        return key if isinstance(key, str) else None

    def write(self, response: Response, key: str) -> None:
        """Give the volunteer the cookie (again: its two years start anew)."""
        response.set_cookie(
            VOLUNTEER_COOKIE,
            self._serializer.dumps(key),
            max_age=_TWO_YEARS,
            httponly=True,
            samesite="lax",
            secure=self._secure,
        )


async def _volunteer_cookie(request: Request) -> VolunteerCookie:
    return request.app.state.volunteer_cookie


VolunteerCookieDep = Annotated[VolunteerCookie, Depends(_volunteer_cookie)]


async def _volunteer_key(request: Request, cookie: VolunteerCookieDep) -> str | None:
    return cookie.read(request)


VolunteerKey = Annotated[str | None, Depends(_volunteer_key)]


async def same_origin(request: Request) -> None:
    """Refuse forms that another site sent. Browsers tell in Sec-Fetch-Site, older ones in Origin."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        if site not in {"same-origin", "none"}:
            raise HTTPException(403, "This form was sent from another site.")
        return
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        raise HTTPException(403, "This form was sent from another site.")
