"""The decision policy of each species: tried on the season before it is saved, and taken back with one click."""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse

from app.core.db import reading
from app.core.errors import InvalidInput, ModelUnavailable
from app.core.web.auth import Admin
from app.core.web.dependencies import Sessions
from app.core.web.pages import uncached_page
from app.predictions.dependencies import ClassifiersDep
from app.review import acceptance
from app.review.pages.shared import WordsDep
from app.review.words import Words
from app.taxa import names as taxa
from app.versions import policies
from app.versions.pages.policies_views import PolicyForm, PolicyViews
from app.versions.policies import Policies

router = APIRouter(prefix="/admin/policies", include_in_schema=False)
_Typed = Annotated[str, Query(max_length=20)]
_Sent = Annotated[str, Form(max_length=20)]


@router.get("")
def show(request: Request, _user: Admin, sessions: Sessions, words: WordsDep, classifiers: ClassifiersDep) -> Response:
    """Every species that the version in service knows."""
    try:
        served = classifiers.current()
    except ModelUnavailable:
        return uncached_page(request, "versions/policies.html", policies=[])
    views = PolicyViews(words, served)
    with reading(sessions) as session:
        known = taxa.by_names(session, [label.scientific_name for label in served.info.labels])
        standings = acceptance.statuses_of(session, known, served.info.policy.default_error_rate)
        found = [views.policy(standing) for standing in standings]
    return uncached_page(request, "versions/policies.html", policies=found)


@router.get("/{taxon_id}")
def ask(
    request: Request,
    _user: Admin,
    taxon_id: int,
    sessions: Sessions,
    words: WordsDep,
    classifiers: ClassifiersDep,
    error: _Typed | None = None,
    reliability: _Typed | None = None,
    saved: bool = False,
    was_error: _Typed = "",
    was_reliability: _Typed = "",
) -> Response:
    """One species, and what other terms would mean where they are asked about."""
    asked = error is not None or reliability is not None
    form = PolicyForm(error or "", reliability or "") if asked else None
    undo = PolicyForm(was_error, was_reliability) if saved else None
    return _page(request, sessions, words, classifiers, taxon_id, form, undo=undo)


def _page(
    request: Request,
    sessions: Sessions,
    words: Words,
    classifiers: ClassifiersDep,
    taxon_id: int,
    form: PolicyForm | None,
    *,
    undo: PolicyForm | None = None,
    status: int = 200,
) -> Response:
    served = classifiers.current()
    views, effect, errors = PolicyViews(words, served), None, {}
    with reading(sessions) as session:
        taxon = policies.get(session, taxon_id)
        present = policies.terms_of(taxon)
        try:
            if form is not None:
                terms = form.terms()
                effect = views.effect(taxon, policies.effect(session, taxon, terms, served), terms)
        except (ValueError, InvalidInput) as refused:
            errors, status = _errors(words, refused), 422
        standing = acceptance.status_of(session, taxon, served.info.policy.default_error_rate)
    shown = form or PolicyForm.of(present)
    return uncached_page(
        request,
        "versions/policy.html",
        status,
        policy=views.policy(standing),
        form=shown,
        error_choices=views.error_choices(shown.error),
        usual=views.usual_reliability,
        effect=effect,
        changed=effect is not None and shown != PolicyForm.of(present),
        errors=errors,
        undo=undo,
    )


def _errors(words: Words, refused: ValueError | InvalidInput) -> dict[str, str]:
    text = {
        "wanted_error": words.t("Choose one of these."),
        "claim_reliability": words.t("Please enter a number from 1 to 99.9."),
    }
    if isinstance(refused, InvalidInput):
        return {each.field: text[each.field] for each in refused.errors}
    return {"claim_reliability": text["claim_reliability"]}


@router.post("/{taxon_id}")
def save(
    request: Request,
    user: Admin,
    taxon_id: int,
    sessions: Sessions,
    words: WordsDep,
    classifiers: ClassifiersDep,
    error: _Sent = "",
    reliability: _Sent = "",
) -> Response:
    """Save them; the page that follows can take it back."""
    form = PolicyForm(error, reliability)
    try:
        before = PolicyForm.of(Policies(sessions).set(user.user_id, taxon_id, form.terms()))
    except (ValueError, InvalidInput):
        return _page(request, sessions, words, classifiers, taxon_id, form, status=422)
    query = urlencode({"saved": "true", "was_error": before.error, "was_reliability": before.reliability})
    return RedirectResponse(f"/admin/policies/{taxon_id}?{query}", 303)
