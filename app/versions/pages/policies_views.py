"""Decision policies per species: what is wanted, which threshold follows from it, and what another policy would mean."""

from collections.abc import Mapping
from dataclasses import dataclass

from app.predictions.classifiers import Served
from app.predictions.inference import policy_of
from app.predictions.rules import Outcome
from app.review.acceptance import AcceptanceStatus
from app.review.pages.acceptance_views import ERRORS
from app.review.rules import Rate
from app.review.words import Words
from app.taxa.tables import Taxon
from app.taxa.views import TaxonView
from app.versions.pages.figures import Cell, percent
from app.versions.pages.outcomes import OUTCOMES
from app.versions.pages.replays_views import Change, ReplayViews, heat_of
from app.versions.policies import Effect, Terms, terms_of


@dataclass(frozen=True)
class PolicyView:
    """A species with what is wanted of it. ``own``: something was set for it."""

    id: int
    taxon: TaxonView
    own: bool
    error: str
    threshold: str
    reliability: str
    acceptance: str
    state: str


@dataclass(frozen=True)
class EffectCell(Cell):
    """A cell of the table of verdicts; ``url`` and ``name`` as in that of replays, where a cell leads to a list."""

    url: str = ""
    name: str = ""


@dataclass(frozen=True)
class EffectView:
    """What another policy would mean. ``wrong``: of what experts know already."""

    headline: str
    threshold: str
    changes: list[Change]
    columns: list[str]
    matrix: list[tuple[str, list[EffectCell]]]
    wrong: list[str]
    warning: str


@dataclass(frozen=True)
class PolicyForm:
    """What somebody typed: an error rate, and per cent of claims that are right; empty: what the version says."""

    error: str = ""
    reliability: str = ""

    @classmethod
    def of(cls, terms: Terms) -> "PolicyForm":
        """The form as the policy is."""
        reliability = "" if terms.claim_reliability is None else f"{100 * terms.claim_reliability:g}"
        return cls("" if terms.wanted_error is None else f"{terms.wanted_error:g}", reliability)

    def terms(self) -> Terms:
        """What is meant. Raises ValueError where that is no number."""
        error, reliability = self.error.strip(), self.reliability.strip().rstrip("%").strip().replace(",", ".")
        return Terms(float(error) if error else None, round(float(reliability) / 100, 6) if reliability else None)


class PolicyViews:
    """Builds them in one language, for the version in service."""

    def __init__(self, words: Words, served: Served) -> None:
        self._words = words
        self._served = served
        self._own = served.info.policy
        self.t = words.t
        self.n = words.language.ngettext

    def policy(self, standing: AcceptanceStatus) -> PolicyView:
        """A species in the list."""
        taxon, terms = standing.taxon, terms_of(standing.taxon)
        state = "suspended" if standing.suspension else "on" if standing.accepts else "off"
        texts = {
            "suspended": self.t("suspended"),
            "on": self.t("accepted by the computer when clear"),
            "off": self.t("every record goes to experts"),
        }
        return PolicyView(
            id=taxon.id,
            taxon=self._words.views.taxon(taxon.scientific_name),
            own=terms != Terms(),
            error=self.error(terms),
            threshold=self.threshold(terms),
            reliability=self.reliability(terms),
            acceptance=texts[state],
            state=state,
        )

    def error(self, terms: Terms) -> str:
        """The wanted error rate."""
        if terms.wanted_error is None:
            return self.t("at most %(rate)s, the version’s default", rate=_rate(self._own.default_error_rate))
        return self.t("at most %(rate)s, set for this species", rate=_rate(terms.wanted_error))

    def reliability(self, terms: Terms) -> str:
        """How far claims are believed."""
        if terms.claim_reliability is None:
            return self.t("%(share)s correct, the version’s default", share=_rate(self._own.default_claim_reliability))
        return self.t("%(share)s correct, set for this species", share=_rate(terms.claim_reliability))

    def threshold(self, terms: Terms) -> str:
        """Which threshold the wanted error rate picks."""
        wanted = self._own.default_error_rate if terms.wanted_error is None else terms.wanted_error
        found = policy_of(self._served.info, wanted).threshold_for(wanted)
        if found is None:
            return self.t("none: the calibration photos can’t support such a low error rate")
        return self.t("a probability of %(probability)s", probability=f"{found:.3f}")

    def error_choices(self, chosen: str) -> list[tuple[str, str]]:
        """Error rates to choose from, those of the version's thresholds among them."""
        typed = [float(chosen)] if _is_number(chosen) else []
        rates = sorted({*ERRORS, *typed, *(each.error_rate for each in self._own.thresholds)})
        own = self.t("default (%(rate)s)", rate=_rate(self._own.default_error_rate))
        return [("", own), *((f"{rate:g}", _rate(rate)) for rate in rates if rate > 0)]

    @property
    def usual_reliability(self) -> str:
        """What the version says, in per cent."""
        return f"{100 * self._own.default_claim_reliability:g}"

    def effect(self, taxon: Taxon, found: Effect, terms: Terms) -> EffectView:
        """What other terms would mean for the season's submissions."""
        before, after = (_not_agreeing(found.pairs, side) for side in (0, 1))
        words = ReplayViews(self._words)
        changes = [
            words.change(self.t("For an expert"), before, after, self.t("what the computer does not agree with")),
            words.change(
                self.t("Accepted by the computer"),
                found.accepted_before,
                found.accepted_after,
                self.t("without an expert, except audits"),
            ),
        ]
        supported = policy_of(self._served.info, terms.wanted_error).threshold_for(
            self._own.default_error_rate if terms.wanted_error is None else terms.wanted_error
        )
        return EffectView(
            headline=self._headline(found),
            threshold=self.threshold(terms),
            changes=changes if found.looked_at else [],
            columns=[self.t(OUTCOMES[outcome]) for outcome in Outcome],
            matrix=self._matrix(found.pairs),
            wrong=[
                text for text in (self._wrong(found.wrong_before), self._wrong(found.wrong_after, then=True)) if text
            ],
            warning=""
            if supported is not None
            else self.t(
                "The calibration photos can’t support such a low error rate, so the computer would accept nothing."
            ),
        )

    def _headline(self, found: Effect) -> str:
        day = self._words.language.date(found.since)
        if not found.looked_at:
            return self.t("Nobody has claimed this species since %(day)s, so there is nothing to preview.", day=day)
        flips = sum(number for (before, after), number in found.pairs.items() if before is not after)
        said = self.n(
            "Of one submission claiming this species since %(day)s, %(flips)s would get a different verdict.",
            "Of %(num)s submissions claiming this species since %(day)s, %(flips)s would get a different verdict.",
            found.looked_at,
            day=day,
            flips=flips,
        )
        if found.looked_at < found.submissions:
            said += " " + self.t("These are the latest of %(all)s.", all=found.submissions)
        return said

    def _wrong(self, found: Rate, *, then: bool = False) -> str:
        if not found.total:
            return ""
        if then:
            return self.n(
                "With this policy the computer agrees with one expert-verified claim; wrong: %(wrong)s.",
                "With this policy the computer agrees with %(num)s expert-verified claims; wrong: %(wrong)s.",
                found.total,
                wrong=found.count,
            )
        return self.n(
            "Currently the computer agrees with one expert-verified claim; wrong: %(wrong)s.",
            "Currently the computer agrees with %(num)s expert-verified claims; wrong: %(wrong)s.",
            found.total,
            wrong=found.count,
        )

    def _matrix(self, pairs: Mapping[tuple[Outcome, Outcome], int]) -> list[tuple[str, list[EffectCell]]]:
        rows = []
        for before in Outcome:
            counts = {after: pairs.get((before, after), 0) for after in Outcome}
            if total := sum(counts.values()):
                cells = [
                    EffectCell(count, percent(count / total), heat_of(count, total), before is after)
                    for after, count in counts.items()
                ]
                rows.append((self.t(OUTCOMES[before]), cells))
        return rows


def _not_agreeing(pairs: Mapping[tuple[Outcome, Outcome], int], side: int) -> int:
    return sum(number for pair, number in pairs.items() if pair[side] is not Outcome.AGREE)


def _rate(share: float) -> str:
    return f"{100 * share:g}%"


def _is_number(text: str) -> bool:
    try:
        return 0 < float(text) < 1
    except ValueError:
        return False
