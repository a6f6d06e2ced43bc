"""What routes are given of this room: its services, and the cookie of whoever asks."""

from typing import Annotated, Any

from fastapi import Depends, Request, Response
from itsdangerous import BadSignature, URLSafeSerializer

from app.core.db import reading
from app.core.errors import InvalidInput
from app.core.web.dependencies import LanguageDep
from app.core.web.errors import field_errors
from app.core.web.i18n import Language
from app.core.web.pages import render
from app.volunteers import news
from app.volunteers.addresses import Addresses
from app.volunteers.corrections import Corrections
from app.volunteers.submissions import Submissions
from app.volunteers.views import SubmissionOut, view_of

VOLUNTEER_COOKIE = "wingcheck_volunteer"

COOKIE_DAYS = 2 * 365


async def _submissions(request: Request) -> Submissions:
    return request.app.state.submissions


SubmissionsDep = Annotated[Submissions, Depends(_submissions)]


async def _corrections(request: Request) -> Corrections:
    return Corrections(request.app.state.sessions, request.app.state.send_message)


CorrectionsDep = Annotated[Corrections, Depends(_corrections)]


class VolunteerCookie:
    """The signed cookie that ties one volunteer's submissions together."""

    def __init__(self, secret: str, *, secure: bool) -> None:
        self._serializer = URLSafeSerializer(secret, salt="volunteer")
        # Behind TLS, browsers take a cookie of such a name only from this very host and only over TLS.
        self.name = f"__Host-{VOLUNTEER_COOKIE}" if secure else VOLUNTEER_COOKIE
        self._secure = secure

    def read(self, request: Request) -> str | None:
        """The volunteer's key; None without a cookie or with one that we did not sign."""
        try:
            # The plain name is what earlier versions gave.
            key = self._serializer.loads(request.cookies.get(self.name) or request.cookies.get(VOLUNTEER_COOKIE, ""))
        except BadSignature:
            return None
        return key if isinstance(key, str) else None

    def write(self, response: Response, key: str) -> None:
        """Give the volunteer the cookie (again: its two years start anew)."""
        response.set_cookie(
            self.name,
            self._serializer.dumps(key),
            max_age=COOKIE_DAYS * 24 * 3600,
            httponly=True,
            samesite="lax",
            secure=self._secure,
        )

    def clear(self, response: Response) -> None:
        """Have the browser forget it, under either name."""
        for name in {self.name, VOLUNTEER_COOKIE}:
            response.delete_cookie(name, httponly=True, samesite="lax", secure=self._secure)


async def _volunteer_cookie(request: Request) -> VolunteerCookie:
    return request.app.state.volunteer_cookie


VolunteerCookieDep = Annotated[VolunteerCookie, Depends(_volunteer_cookie)]


async def _volunteer_key(request: Request, cookie: VolunteerCookieDep) -> str | None:
    return cookie.read(request)


VolunteerKey = Annotated[str | None, Depends(_volunteer_key)]


def _note_news(request: Request, key: VolunteerKey) -> None:
    """Counts what waits for whoever asks, for the menu. In a session of its own, which is closed before anything else."""
    if key is not None:
        with reading(request.app.state.sessions) as session:
            request.state.news = news.news_of(session, key)


SHOWS_NEWS = Depends(_note_news)
"""For pages of volunteers."""


async def _addresses(request: Request) -> Addresses:
    return request.app.state.addresses


AddressesDep = Annotated[Addresses, Depends(_addresses)]


class Look:
    """Shows the submission at a link, in the language of the request. Its session is closed before anything is rendered."""

    def __init__(self, request: Request, submissions: Submissions, language: Language) -> None:
        self._request = request
        self._submissions = submissions
        self.language = language

    def at(self, token: str) -> SubmissionOut:
        """The submission. Raises NotFound."""
        with reading(self._request.app.state.sessions) as session:
            return view_of(session, self._submissions.get(session, token), self.language)

    def page(self, token: str, template: str = "volunteers/show.html", status: int = 200, **context: Any) -> Response:
        """Its page, or the part of it that ``template`` is. Raises NotFound."""
        return private(render(self._request, template, status, submission=self.at(token), **context))

    def in_words(self, error: InvalidInput) -> str:
        """What was wrong with a form of one field."""
        return " ".join(line["message"] for line in field_errors(error, self.language))


async def _look(request: Request, submissions: SubmissionsDep, language: LanguageDep) -> Look:
    return Look(request, submissions, language)


LookDep = Annotated[Look, Depends(_look)]


def private(page: Response) -> Response:
    """Kept by no cache, found by no search engine."""
    page.headers.update({"Cache-Control": "private, no-store", "X-Robots-Tag": "noindex"})
    return page
