"""The desk in figures."""

from fastapi import APIRouter, Request, Response

from app.core.db import reading, utcnow
from app.core.web.auth import Reviewer
from app.core.web.dependencies import Sessions
from app.review import figures
from app.review.pages.figures_views import FiguresViews
from app.review.pages.shared import WordsDep, desk_page

router = APIRouter(include_in_schema=False)


@router.get("/review/figures")
def show(request: Request, _user: Reviewer, sessions: Sessions, words: WordsDep) -> Response:
    """Today and this season, as they are now."""
    with reading(sessions) as session:
        page = FiguresViews(words).page(figures.figures(session, utcnow()))
    return desk_page(request, "review/figures.html", words.language, figures=page)
