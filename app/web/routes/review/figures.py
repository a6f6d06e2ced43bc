"""The desk in figures."""

from fastapi import APIRouter, Request, Response

from app.db import reading, utcnow
from app.services.review import figures
from app.web.auth import Reviewer
from app.web.review.figures_views import FiguresViews
from app.web.routes.review.shared import Sessions, WordsDep, desk_page

router = APIRouter(include_in_schema=False)


@router.get("/review/figures")
def show(request: Request, _user: Reviewer, sessions: Sessions, words: WordsDep) -> Response:
    """Today and this season, as they are now."""
    with reading(sessions) as session:
        page = FiguresViews(words).page(figures.figures(session, utcnow()))
    return desk_page(request, "figures.html", words.language, figures=page)
