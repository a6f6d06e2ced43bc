"""Acceptance by the computer, for coordinators: what it would mean, turning it on and off, lifting a suspension."""

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response

from app.core.db import reading
from app.core.web.auth import Coordinator
from app.core.web.dependencies import Sessions
from app.predictions.dependencies import ClassifiersDep
from app.review import acceptance, judging, queue
from app.review.acceptance import Acceptance
from app.review.pages.acceptance_views import AcceptanceViews
from app.review.pages.shared import WordsDep, desk_page, to
from app.taxa import names as taxa
from app.taxa.rules import slug

router = APIRouter(include_in_schema=False)


@router.get("/review/acceptance")
def show(
    request: Request,
    _user: Coordinator,
    sessions: Sessions,
    words: WordsDep,
    classifiers: ClassifiersDep,
    taxon: str = "",
    error: Annotated[float | None, Query(allow_inf_nan=False)] = None,
) -> Response:
    """Every species that the model knows; for the one that was asked about, what acceptance would have meant this season."""
    served = classifiers.current()
    with reading(sessions) as session:
        views = AcceptanceViews(words, queue.user_names(session))
        asked = judging.preview(session, taxon, error, served) if taxon and error is not None else None
        # As they are now: those of the served version are as they were when it was loaded.
        known = taxa.by_names(session, [label.scientific_name for label in served.info.labels])
        species = [
            views.species(
                standing,
                acceptance.past_suspensions(session, standing.taxon.id),
                asked if asked and asked.taxon.id == standing.taxon.id else None,
            )
            for standing in acceptance.statuses_of(session, known, served.info.policy.default_error_rate)
        ]
    return desk_page(request, "review/acceptance.html", words.language, species=species)


@router.post("/review/acceptance")
def save(
    user: Coordinator,
    sessions: Sessions,
    taxon: Annotated[str, Form()],
    on: Annotated[str, Form()],
    error: Annotated[float, Form(allow_inf_nan=False)],
) -> Response:
    """Turn it on at this error rate, or off."""
    Acceptance(sessions).set(user.user_id, taxon, accepts=on == "yes", wanted_error=error)
    return to(f"/review/acceptance#{slug(taxon)}")


@router.post("/review/acceptance/lift")
def lift(
    user: Coordinator, sessions: Sessions, taxon: Annotated[str, Form()], remark: Annotated[str, Form()] = ""
) -> Response:
    """End a suspension, with the reason for it."""
    Acceptance(sessions).lift(user.user_id, taxon, remark)
    return to(f"/review/acceptance#{slug(taxon)}")
