"""The decision policy of each species: tried on the season before it is saved, and taken back with one click."""

from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form, Query, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, Field

from app.core.db import reading
from app.core.errors import InvalidInput, ModelUnavailable
from app.core.web.dependencies import ReadSession
from app.predictions.classifiers import Served
from app.predictions.dependencies import ClassifiersDep
from app.predictions.inference import policy_of
from app.review import acceptance
from app.review.pages.acceptance import ERRORS
from app.taxa import names as taxa
from app.versions import policies
from app.versions.pages.figures import verdict_rows
from app.versions.pages.frame import AdminPage, Page
from app.versions.policies import Terms

router = APIRouter(prefix="/admin/policies", include_in_schema=False)
Typed = Annotated[str, Field(max_length=20)]
TypedQuery = Annotated[str, Query(max_length=20)]


class PolicyForm(BaseModel):
    """What somebody typed: an error rate, and per cent of claims that are right; empty: what the version says."""

    error: Typed = ""
    reliability: Typed = ""

    @classmethod
    def of(cls, terms: Terms) -> "PolicyForm":
        """The form as the policy is."""
        return cls(
            error="" if terms.wanted_error is None else f"{terms.wanted_error:g}",
            reliability="" if terms.claim_reliability is None else f"{100 * terms.claim_reliability:g}",
        )

    def terms(self) -> Terms:
        """What is meant. Raises ValueError where that is no number."""
        error, reliability = self.error.strip(), self.reliability.strip().rstrip("%").strip().replace(",", ".")
        return Terms(float(error) if error else None, round(float(reliability) / 100, 6) if reliability else None)


@dataclass(frozen=True)
class PolicyQuery:
    """The terms to preview, where any are given; after ``saved``, what the policy ``was_…`` before."""

    error: TypedQuery | None = None
    reliability: TypedQuery | None = None
    saved: bool = False
    was_error: TypedQuery = ""
    was_reliability: TypedQuery = ""

    @property
    def preview(self) -> PolicyForm | None:
        """The form to preview."""
        if self.error is None and self.reliability is None:
            return None
        return PolicyForm(error=self.error or "", reliability=self.reliability or "")

    @property
    def undo(self) -> PolicyForm | None:
        """The form that takes back what was saved."""
        return PolicyForm(error=self.was_error, reliability=self.was_reliability) if self.saved else None


@router.get("")
def show_all(page: Page, session: ReadSession, classifiers: ClassifiersDep) -> Response:
    """Every species that the version in service knows."""
    try:
        served = classifiers.current()
    except ModelUnavailable:
        return page.render("versions/policies.html", standings=[])
    known = taxa.by_names(session, [label.scientific_name for label in served.info.labels])
    standings = acceptance.statuses_of(session, known, served.info.policy.default_error_rate)
    return page.render("versions/policies.html", standings=standings, **_about_policies(served))


def _about_policies(served: Served) -> dict[str, Any]:
    """What templates need to describe policies of species under the version in service."""

    def threshold_of(terms: Terms) -> float | None:
        """The threshold that the error rate picks; None where the calibration photos don't support it."""
        default = served.info.policy.default_error_rate
        wanted = default if terms.wanted_error is None else terms.wanted_error
        return policy_of(served.info, wanted).threshold_for(wanted)

    return {"defaults": served.info.policy, "threshold_of": threshold_of, "terms_of": policies.terms_of}


@router.get("/{taxon_id}")
def show(page: Page, taxon_id: int, classifiers: ClassifiersDep, query: Annotated[PolicyQuery, Depends()]) -> Response:
    """One species, and what other terms would mean where they are asked about."""
    return _policy_page(page, classifiers.current(), taxon_id, query.preview, undo=query.undo)


def _policy_page(
    page: AdminPage, served: Served, taxon_id: int, form: PolicyForm | None, *, undo: PolicyForm | None = None
) -> Response:
    terms, effect, errors = Terms(), None, {}
    with reading(page.sessions) as session:
        taxon = policies.get(session, taxon_id)
        current = PolicyForm.of(policies.terms_of(taxon))
        try:
            if form is not None:
                terms = form.terms()
                effect = policies.effect(session, taxon, terms, served)
        except (ValueError, InvalidInput) as refused:
            errors = _errors(page, refused)
        shown = form or current
        return page.render(
            "versions/policy.html",
            422 if errors else 200,
            standing=acceptance.status_of(session, taxon, served.info.policy.default_error_rate),
            form=shown,
            error_choices=_error_choices(served, shown.error),
            terms=terms,
            effect=effect,
            matrix=verdict_rows(effect.pairs) if effect else [],
            changed=shown != current,
            errors=errors,
            undo=undo,
            **_about_policies(served),
        )


def _error_choices(served: Served, chosen: str) -> list[float]:
    """Error rates to choose from, those of the version's thresholds among them."""
    try:
        typed = [float(chosen)] if 0 < float(chosen) < 1 else []
    except ValueError:
        typed = []
    rates = {*ERRORS, *typed, *(threshold.error_rate for threshold in served.info.policy.thresholds)}
    return sorted(rate for rate in rates if rate > 0)


def _errors(page: AdminPage, refused: ValueError | InvalidInput) -> dict[str, str]:
    text = {
        "wanted_error": page.words.t("Choose one of these."),
        "claim_reliability": page.words.t("Please enter a number from 1 to 99.9."),
    }
    wrong = [error.field for error in refused.errors] if isinstance(refused, InvalidInput) else ["claim_reliability"]
    return {field: text[field] for field in wrong}


@router.post("/{taxon_id}")
def save(page: Page, taxon_id: int, classifiers: ClassifiersDep, form: Annotated[PolicyForm, Form()]) -> Response:
    """Save them; the page that follows can take it back."""
    try:
        before = PolicyForm.of(policies.save(page.sessions, page.user.user_id, taxon_id, form.terms()))
    except (ValueError, InvalidInput):
        return _policy_page(page, classifiers.current(), taxon_id, form)
    query = urlencode({"saved": "true", "was_error": before.error, "was_reliability": before.reliability})
    return RedirectResponse(f"/admin/policies/{taxon_id}?{query}", 303)
