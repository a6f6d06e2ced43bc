"""Acceptance by the computer, per species: how it does, what turning it on would mean, and a suspension with its reason."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.review.acceptance import AcceptanceStatus
from app.review.judging import Preview
from app.review.tables import AcceptanceSuspension
from app.review.words import Words
from app.taxa.rules import slug
from app.taxa.views import TaxonView

ERRORS = (0.01, 0.02, 0.03, 0.05, 0.1)


@dataclass(frozen=True)
class PreviewView:
    passed_text: str
    saved_text: str
    wrong_text: str
    warning: str
    possible: bool


@dataclass(frozen=True)
class SuspensionView:
    text: str


@dataclass(frozen=True)
class SpeciesView:
    anchor: str
    taxon: TaxonView
    state: str
    state_text: str
    audit_text: str
    suspension: SuspensionView | None
    error: str
    error_choices: list[tuple[str, str]]
    preview: PreviewView | None
    on: bool
    can_save: bool
    turn_on_text: str
    past: list[str]


class AcceptanceViews:
    """Builds the page in one language. ``people``: names of users by id."""

    def __init__(self, words: Words, people: dict[int, str]) -> None:
        self._words = words
        self._people = people
        self.t = words.t

    def species(
        self, standing: AcceptanceStatus, past: Sequence[AcceptanceSuspension], preview: Preview | None
    ) -> SpeciesView:
        """One species; ``preview`` where it was asked for."""
        wanted = preview.wanted_error if preview else standing.wanted
        state = "suspended" if standing.suspension else "on" if standing.accepts else "off"
        texts = {"suspended": self.t("suspended"), "on": self.t("on"), "off": self.t("off")}
        view = self._preview(preview) if preview else None
        return SpeciesView(
            anchor=slug(standing.taxon.scientific_name),
            taxon=self._words.views.taxon(standing.taxon.scientific_name),
            state=state,
            state_text=texts[state],
            audit_text=self._audits(standing),
            suspension=SuspensionView(self._suspension(standing.suspension)) if standing.suspension else None,
            error=f"{wanted:g}",
            error_choices=[(f"{rate:g}", f"{rate * 100:g}%") for rate in sorted({*ERRORS, wanted})],
            preview=view,
            on=standing.accepts,
            can_save=standing.accepts or view is not None,
            turn_on_text=self._save_text(standing, wanted),
            past=[self._lifted(one) for one in past if one.lifted_at],
        )

    def _save_text(self, standing: AcceptanceStatus, wanted: float) -> str:
        rate = f"{wanted * 100:g}%"
        if standing.accepts:
            return self.t("Accept with at most %(rate)s wrong", rate=rate)
        return self.t("Turn on with at most %(rate)s wrong", rate=rate)

    def _audits(self, standing: AcceptanceStatus) -> str:
        wrong = standing.wrong
        n = self._words.language.ngettext
        waiting = (
            n("One audit is waiting.", "%(num)s audits are waiting.", standing.waiting) if standing.waiting else ""
        )
        if not wrong.total:
            return " ".join([self.t("No acceptances of this species have been audited yet."), waiting]).strip()
        told = n(
            "One audit: %(wrong)s wrong. The true share is between %(low)s and %(high)s; the limit is %(limit)s.",
            "%(num)s audits: %(wrong)s wrong. The true share is between %(low)s and %(high)s; the limit is %(limit)s.",
            wrong.total,
            wrong=wrong.count,
            low=f"{wrong.lower * 100:.1f}%",
            high=f"{wrong.upper * 100:.1f}%",
            limit=f"{standing.limit * 100:g}%",
        )
        return f"{told} {waiting}".strip()

    def _suspension(self, found: AcceptanceSuspension) -> str:
        return self.t(
            "Suspended on %(day)s: %(wrong)s of %(audits)s audits were wrong, so the true share may be %(upper)s; "
            "the limit is %(limit)s.",
            day=self._words.language.date(found.suspended_at),
            wrong=found.wrong,
            audits=found.audits,
            upper=f"{found.upper_bound * 100:.1f}%",
            limit=f"{found.wrong_limit * 100:g}%",
        )

    def _lifted(self, found: AcceptanceSuspension) -> str:
        lifted = self.t(
            "Lifted by %(name)s on %(day)s: %(remark)s",
            name=self._people.get(found.lifted_by or 0, self.t("somebody")),
            day=self._words.language.date(found.lifted_at) if found.lifted_at else "",
            remark=found.remark,
        )
        return f"{self._suspension(found)} {lifted}"

    def _preview(self, found: Preview) -> PreviewView:
        n = self._words.language.ngettext
        day = self._words.language.date(found.since)
        passed = n(
            "Of one submission claiming this species since %(day)s, %(passed)s would have been accepted without an expert.",
            "Of %(num)s submissions claiming this species since %(day)s, %(passed)s would have been accepted without an expert.",
            found.looked_at,
            day=day,
            passed=found.passed,
        )
        if found.looked_at < found.submissions:
            passed += " " + self.t("These are the latest of %(all)s.", all=found.submissions)
        return PreviewView(
            passed_text=passed,
            saved_text=self._saved(found),
            wrong_text=self._wrong(found),
            warning=""
            if found.supported
            else self.t("The model’s calibration can’t support such a low error rate, so nothing would be accepted."),
            possible=True,
        )

    def _saved(self, found: Preview) -> str:
        if found.hours_saved is None or found.seconds_per_decision is None:
            return self.t("The time saved is not known until experts have made decisions this season.")
        return self.t(
            "This saves about %(hours)s hours of review, at %(seconds)s seconds per decision; %(audits)s are still audited.",
            hours=f"{found.hours_saved:.1f}",
            seconds=f"{found.seconds_per_decision:.0f}",
            audits=f"{found.audits:.0f}",
        )

    def _wrong(self, found: Preview) -> str:
        told = self.t(
            "About %(expected)s of them are expected to be wrong; the limit is %(most)s.",
            expected=f"{found.wrong_expected:.1f}",
            most=f"{found.wrong_at_most:.1f}",
        )
        if not found.known_wrong.total:
            return told
        known = self._words.language.ngettext(
            "Experts have already decided one of them: %(wrong)s was wrong.",
            "Experts have already decided %(num)s of them: %(wrong)s were wrong.",
            found.known_wrong.total,
            wrong=found.known_wrong.count,
        )
        return f"{told} {known}"
