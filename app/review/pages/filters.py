"""Filters that a reviewer keeps by name."""

from typing import Annotated

from fastapi import APIRouter, Form, Response

from app.core.web.auth import Reviewer
from app.core.web.dependencies import Sessions
from app.review.filters import SavedFilters
from app.review.pages.shared import CarriedDep, to

router = APIRouter(include_in_schema=False)


@router.post("/review/filters")
def save(user: Reviewer, sessions: Sessions, carried: CarriedDep, name: Annotated[str, Form()] = "") -> Response:
    """Keep the filter of the page."""
    SavedFilters(sessions).save(user.user_id, name, carried.wanted)
    return to("/review", carried.query)


@router.post("/review/filters/{filter_id}")
def change(
    filter_id: int,
    user: Reviewer,
    sessions: Sessions,
    carried: CarriedDep,
    action: Annotated[str, Form()] = "rename",
    name: Annotated[str, Form()] = "",
) -> Response:
    """Give it another name, or forget it."""
    saved = SavedFilters(sessions)
    if action == "delete":
        saved.delete(user.user_id, filter_id)
    else:
        saved.rename(user.user_id, filter_id, name)
    return to("/review", carried.query)
