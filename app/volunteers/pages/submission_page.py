"""The page of one submission, as several routes show it."""

from typing import Annotated

from fastapi import Depends, Request, Response

from app.core import jobs
from app.core.tables import JobKind
from app.core.web.dependencies import LanguageDep, ReadSession
from app.core.web.i18n import Language
from app.core.web.pages import render
from app.predictions.dependencies import ClassifiersDep, served_now
from app.review import questions
from app.submissions.tables import Submission
from app.submissions.views import Views
from app.taxa import names as taxa
from app.taxa.views import TaxonView, taxon_view
from app.volunteers.pages.outcome import review_view


async def _choices(classifiers: ClassifiersDep, language: LanguageDep) -> list[TaxonView]:
    return [taxon_view(taxon, language) for taxon in (await served_now(classifiers)).taxa]


async def _searches(classifiers: ClassifiersDep) -> bool:
    return (await served_now(classifiers)).info.finder is not None


Choices = Annotated[list[TaxonView], Depends(_choices)]
# Whether the version in service can find the animals of a photo.
Searches = Annotated[bool, Depends(_searches)]


def page_of(
    request: Request,
    session: ReadSession,
    row: Submission,
    language: Language,
    choices: list[TaxonView],
    *,
    template: str = "volunteers/show.html",
    status: int = 200,
    flash: str | None = None,
    answer_error: str = "",
) -> Response:
    """A submission's page or a part of it, with what experts said. ``answer_error``: what was wrong with an answer."""
    views = Views(language, taxa.all_by_name(session))
    view = views.submission(row, failed=jobs.failed_for(session, JobKind.SCREENING, row.id))
    page = render(
        request,
        template,
        status,
        submission=view,
        review=review_view(questions.report_for_volunteer(session, row), language, views),
        taxa=choices,
        flash=flash,
        answer_error=answer_error,
    )
    return private(page)


def private(page: Response) -> Response:
    """Kept by no cache, found by no search engine."""
    page.headers["Cache-Control"] = "private, no-store"
    page.headers["X-Robots-Tag"] = "noindex"
    return page
