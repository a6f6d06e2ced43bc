"""Acceptance by the computer, for coordinators: what it would mean, turning it on and off, lifting a suspension."""

from typing import Annotated

from fastapi import APIRouter, Form, Query, Response

from app.core.db import reading
from app.predictions.dependencies import ClassifiersDep
from app.review import acceptance, judging, queue
from app.review.acceptance import Acceptance
from app.review.pages.shared import CoordinatorContext, to
from app.taxa import names as taxa
from app.taxa.rules import slug

router = APIRouter(include_in_schema=False)
ERRORS = (0.01, 0.02, 0.03, 0.05, 0.1)
"""Error rates to choose from."""


@router.get("/review/acceptance")
def show(
    context: CoordinatorContext,
    classifiers: ClassifiersDep,
    taxon: str = "",
    error: Annotated[float | None, Query(allow_inf_nan=False)] = None,
) -> Response:
    """Every species that the model knows; for the one that was asked about, what acceptance would have meant this season."""
    served = classifiers.current()
    with reading(context.sessions) as session:
        # As they are now: those of the served version are as they were when it was loaded.
        known = taxa.by_names(session, [label.scientific_name for label in served.info.labels])
        return context.page(
            "review/acceptance.html",
            standings=acceptance.statuses_of(session, known, served.info.policy.default_error_rate),
            suspensions={taxon.id: acceptance.past_suspensions(session, taxon.id) for taxon in known},
            preview=judging.preview(session, taxon, error, served) if taxon and error is not None else None,
            people=queue.user_names(session),
            errors=ERRORS,
            slug=slug,
        )


@router.post("/review/acceptance")
def save(
    context: CoordinatorContext,
    taxon: Annotated[str, Form()],
    on: Annotated[str, Form()],
    error: Annotated[float, Form(allow_inf_nan=False)],
) -> Response:
    """Turn it on at this error rate, or off."""
    Acceptance(context.sessions).set(context.user_id, taxon, accepts=on == "yes", wanted_error=error)
    return to(f"/review/acceptance#{slug(taxon)}")


@router.post("/review/acceptance/lift")
def lift(context: CoordinatorContext, taxon: Annotated[str, Form()], remark: Annotated[str, Form()] = "") -> Response:
    """End a suspension, with the reason for it."""
    Acceptance(context.sessions).lift(context.user_id, taxon, remark)
    return to(f"/review/acceptance#{slug(taxon)}")
