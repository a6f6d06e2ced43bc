"""What the desk's routes are given, and how its pages are rendered."""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Form, Request, Response
from fastapi.datastructures import QueryParams
from fastapi.responses import RedirectResponse

from app.core.db import reading
from app.core.roles import Role
from app.core.web.dependencies import LanguageDep, _sessions
from app.core.web.i18n import Language
from app.core.web.pages import render
from app.core.web.visitors import SignedIn, visitor
from app.review.filters import Filter
from app.review.squares import Squares
from app.review.words import Words
from app.taxa import names as taxa

_ = str  # marks messages for extraction
_PAGES = [
    ("/review", _("Queue"), Role.REVIEWER),
    ("/review/grid", _("Batches"), Role.REVIEWER),
    ("/review/figures", _("Figures"), Role.REVIEWER),
    ("/review/templates", _("Templates"), Role.REVIEWER),
    ("/review/preferences", _("My preferences"), Role.REVIEWER),
    ("/review/records", _("Records"), Role.COORDINATOR),
    ("/review/acceptance", _("Acceptance"), Role.COORDINATOR),
    ("/review/settings", _("Rules"), Role.COORDINATOR),
]


def _words(request: Request, language: LanguageDep) -> Words:
    with reading(
        _sessions(request)
    ) as session:  # closed at once: its connection would lie idle while another one writes
        return Words(language, taxa.all_by_name(session))


def _wanted(request: Request) -> Filter:
    return Filter.parse(request.query_params)


WordsDep = Annotated[Words, Depends(_words)]
WantedDep = Annotated[Filter, Depends(_wanted)]


@dataclass(frozen=True)
class Carried:
    """The filter that a form brought back from the desk."""

    wanted: Filter

    @property
    def query(self) -> str:
        """As part of an address."""
        return self.wanted.to_query()


def _carried(filter: Annotated[str, Form()] = "") -> Carried:
    return Carried(Filter.parse(QueryParams(filter[:2000])))


CarriedDep = Annotated[Carried, Depends(_carried)]


def desk_page(request: Request, template: str, language: Language, status: int = 200, **context: Any) -> Response:
    """A page of the desk: kept by no cache, with the desk's own navigation."""
    user: SignedIn | None = visitor(request.scope)
    pages = [(path, language.gettext(label)) for path, label, role in _PAGES if user is not None and user.may(role)]
    page = render(request, template, status, review_pages=pages, **context)
    page.headers["Cache-Control"] = "private, no-store"
    return page


def to(path: str, query: str = "") -> RedirectResponse:
    """On to another page of the desk."""
    return RedirectResponse(f"{path}?{query}" if query else path, 303)


def stale_page(request: Request, words: Words, what: str, submission_id: int, query: str) -> Response:
    """The refusal of an old page. ``what``: what happened meanwhile, in words."""
    return desk_page(
        request,
        "review/stale.html",
        words.language,
        409,
        what=what,
        item_id=submission_id,
        query=query,
    )


async def _squares(request: Request) -> Squares:
    return request.app.state.squares


SquaresDep = Annotated[Squares, Depends(_squares)]
