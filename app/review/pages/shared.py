"""What the desk's routes are given, and how its pages are rendered."""

import time
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any

from fastapi import Depends, Request, Response
from fastapi.datastructures import QueryParams
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, FiniteFloat, PlainValidator

from app.core.db import SessionFactory, reading
from app.core.errors import FieldError, InvalidInput
from app.core.roles import Role
from app.core.web.auth import Coordinator, Reviewer
from app.core.web.dependencies import LanguageDep, Sessions
from app.core.web.errors import field_errors
from app.core.web.i18n import Language
from app.core.web.pages import page_language, render
from app.core.web.visitors import SignedIn
from app.review.decisions import Decision
from app.review.filters import Filter
from app.review.rules import ANSWERS, IdentificationKind
from app.review.squares import Squares
from app.review.words import Words
from app.submissions.rules import VerificationStatus
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


def _words(language: Language, sessions: SessionFactory) -> Words:
    with reading(sessions) as session:  # closed at once: its connection would lie idle while another one writes
        return Words(language, taxa.all_by_name(session))


def _words_dependency(language: LanguageDep, sessions: Sessions) -> Words:
    return _words(language, sessions)


async def _squares(request: Request) -> Squares:
    return request.app.state.squares


async def _queue_filter(request: Request) -> Filter:
    return Filter.parse(request.query_params)


WordsDep = Annotated[Words, Depends(_words_dependency)]
SquaresDep = Annotated[Squares, Depends(_squares)]
QueueFilter = Annotated[Filter, Depends(_queue_filter)]
"""The filter in the address."""


@dataclass(frozen=True)
class DeskContext:
    """What a route of the desk works with."""

    request: Request
    user: SignedIn
    sessions: SessionFactory

    @property
    def user_id(self) -> int:
        """Who asks."""
        return self.user.user_id

    @cached_property
    def words(self) -> Words:
        """Phrases in the language of the request. The taxa are read from the database at the first use."""
        return _words(page_language(self.request), self.sessions)

    def page(self, template: str, status: int = 200, **values: Any) -> Response:
        """A page of the desk, with the desk's own navigation; it is cached nowhere."""
        pages = [(path, self.words.t(label)) for path, label, role in _PAGES if self.user.may(role)]
        page = render(self.request, template, status, review_pages=pages, words=self.words, **values)
        page.headers["Cache-Control"] = "private, no-store"
        return page

    def errors_by_field(self, error: InvalidInput) -> dict[str, str]:
        """What is wrong with each field, in words."""
        return {line["field"]: line["message"] for line in field_errors(error, self.words.language)}


async def _by_reviewer(request: Request, user: Reviewer, sessions: Sessions) -> DeskContext:
    return DeskContext(request, user, sessions)


async def _by_coordinator(request: Request, user: Coordinator, sessions: Sessions) -> DeskContext:
    return DeskContext(request, user, sessions)


ReviewerContext = Annotated[DeskContext, Depends(_by_reviewer)]
CoordinatorContext = Annotated[DeskContext, Depends(_by_coordinator)]
"""For reviewers, and for coordinators only."""


def _parsed(query: object) -> Filter:
    if not isinstance(query, str):
        raise ValueError("a filter is text")
    return Filter.parse(QueryParams(query[:2000]))


class DeskForm(BaseModel):
    """What every form of the desk carries: the filter that its page was opened with leads the reviewer on."""

    filter: Annotated[Filter, PlainValidator(_parsed)] = Filter()


class AnswerForm(DeskForm):
    """An answer. ``decision``: "taxon:NAME", "taxon" (then ``taxon`` has any of its names), "unable" or "no_butterfly".

    ``status_code``: that of a taxon; other answers have their own. How long it took: ``seconds``, else the time since the
    page was ``opened``, a Unix time (0: unknown).
    """

    decision: str
    taxon: str = ""
    status_code: str = ""
    remark: str = ""
    message: str = ""
    opened: int = 0
    seconds: FiniteFloat | None = None

    def read(self, words: Words) -> Decision:
        """The answer in these fields. Raises InvalidInput."""
        kind, _, name = self.decision.partition(":")
        if kind not in ANSWERS:
            raise InvalidInput([FieldError("decision", "kind_unknown")])
        seconds = time.time() - self.opened if self.seconds is None and self.opened else self.seconds
        if kind != IdentificationKind.TAXON:
            return Decision(IdentificationKind(kind), remark=self.remark, message=self.message, seconds=seconds)
        if self.status_code and self.status_code not in set(VerificationStatus):
            raise InvalidInput([FieldError("status_code", "kind_unknown")])
        code = VerificationStatus(self.status_code) if self.status_code else None
        taxon = words.find(name or self.taxon)
        return Decision(IdentificationKind.TAXON, taxon, code, self.remark, self.message, seconds)


def to(path: str, query: str = "") -> RedirectResponse:
    """On to another page of the desk."""
    return RedirectResponse(f"{path}?{query}" if query else path, 303)
