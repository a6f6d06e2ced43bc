"""The desk in figures."""

from fastapi import APIRouter, Response

from app.core.db import reading, utcnow
from app.review import figures
from app.review.pages.shared import ReviewerContext

router = APIRouter(include_in_schema=False)


@router.get("/review/figures")
def show(context: ReviewerContext) -> Response:
    """Today and this season, as they are now."""
    with reading(context.sessions) as session:
        return context.page("review/figures.html", figures=figures.figures(session, utcnow()))
