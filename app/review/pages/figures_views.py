"""The figures of the desk: words before numbers, and no number without what it counts."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from app.review import wording
from app.review.figures import Figures, Work
from app.review.rules import Rate
from app.review.words import Words


@dataclass(frozen=True)
class NumberView:
    label: str
    value: str
    hint: str = ""


@dataclass(frozen=True)
class SectionView:
    id: str
    title: str
    text: str
    heads: list[str]
    rows: list[list[str]]
    empty: str


@dataclass(frozen=True)
class FiguresView:
    any: bool
    summary: str
    numbers: list[NumberView]
    sections: list[SectionView]


class FiguresViews:
    """Builds the page in one language."""

    def __init__(self, words: Words) -> None:
        self._words = words
        self.t = words.t

    def page(self, found: Figures) -> FiguresView:
        """Everything that the template asks for."""
        waiting = sum(one.count for one in found.waiting)
        return FiguresView(
            any=bool(found.season.decisions or waiting),
            summary=self._summary(found, waiting),
            numbers=self._numbers(found),
            sections=[self._waiting(found), self._reviewers(found), self._species(found), self._pairs(found)],
        )

    def _summary(self, found: Figures, waiting: int) -> str:
        n = self._words.language.ngettext
        today = n("One decision today", "%(num)s decisions today", found.today.decisions)
        season = n("one this season", "%(num)s this season", found.season.decisions)
        left = n("One submission is waiting.", "%(num)s submissions are waiting.", waiting)
        return f"{today}, {season}. {left}"

    def _numbers(self, found: Figures) -> list[NumberView]:
        return [
            NumberView(self.t("Decided today"), str(found.today.decisions), self._pace(found.today)),
            NumberView(self.t("Decided this season"), str(found.season.decisions), self._pace(found.season)),
            NumberView(
                self.t("Agreement with the computer"),
                self._share(found.with_model),
                self.t("of the species named by experts; %(blind)s in blind reviews")
                % {"blind": self._share(found.with_model_blind)},
            ),
            NumberView(
                self.t("Agreement between experts"),
                self._kappa(found.kappa),
                self.t("kappa, agreement beyond chance: 0 is chance, 1 is perfect"),
            ),
        ]

    def _pace(self, work: Work) -> str:
        if work.per_minute is None:
            return self.t("no times measured")
        return self.t("%(pace)s per minute", pace=_pace(work.per_minute))

    def _share(self, rate: Rate) -> str:
        return self.t("not yet known") if rate.value is None else f"{rate.value * 100:.0f}%"

    def _between(self, rate: Rate) -> str:
        """A share with its interval and what it is a share of."""
        if rate.value is None:
            return "–"
        return f"{rate.value * 100:.0f}% ({rate.lower * 100:.0f}–{rate.upper * 100:.0f}%, n={rate.total})"

    def _kappa(self, value: float | None) -> str:
        return self.t("not yet known") if value is None else f"{value:.2f}"

    def _waiting(self, found: Figures) -> SectionView:
        day: Callable[[datetime], str] = self._words.language.date
        rows = [
            [
                self.t(wording.WHY[one.reason]) if one.reason else self.t("Waiting for the volunteer’s answer"),
                str(one.count),
                day(one.oldest),
            ]
            for one in found.waiting
        ]
        heads = [self.t("Why"), self.t("Waiting"), self.t("Oldest since")]
        return SectionView("waiting", self.t("Waiting"), "", heads, rows, self.t("Nothing is waiting."))

    def _reviewers(self, found: Figures) -> SectionView:
        rows = [
            [
                one.name,
                str(one.today.decisions),
                str(one.season.decisions),
                "–" if one.season.per_minute is None else _pace(one.season.per_minute),
                self._between(one.with_model),
            ]
            for one in found.reviewers
        ]
        heads = [
            self.t("Reviewer"),
            self.t("Today"),
            self.t("Season"),
            self.t("Per minute"),
            self.t("Agreement with the computer"),
        ]
        empty = self.t("No decisions this season.")
        return SectionView("reviewers", self.t("Reviewers"), "", heads, rows, empty)

    def _species(self, found: Figures) -> SectionView:
        rows = [
            [
                self._capital(one.taxon.scientific_name) if one.taxon else self.t("No species claimed"),
                str(one.decided),
                self._between(one.right),
                self._between(one.model_right),
                str(one.unable),
                ", ".join(f"{code.value}: {number}" for code, number in sorted(one.codes.items())),
            ]
            for one in found.species
        ]
        heads = [
            self.t("Claimed as"),
            self.t("Decided"),
            self.t("Claim correct"),
            self.t("Computer correct"),
            self.t("Unable to tell"),
            self.t("Codes"),
        ]
        text = self.t("Shares with their 95 per cent interval and the total.")
        return SectionView("species", self.t("Species"), text, heads, rows, self.t("Nothing has been decided yet."))

    def _pairs(self, found: Figures) -> SectionView:
        rows = [
            [
                self.t("%(one)s and %(other)s", one=pair.names[0], other=pair.names[1]),
                str(pair.items),
                self._between(pair.same),
                self._kappa(pair.kappa),
            ]
            for pair in found.pairs
        ]
        heads = [self.t("Reviewers"), self.t("Reviewed by both"), self.t("Same answer"), self.t("Kappa")]
        empty = self.t("No two reviewers have reviewed the same submission yet.")
        return SectionView("pairs", self.t("Agreement between reviewers"), "", heads, rows, empty)

    def _capital(self, scientific_name: str) -> str:
        name = self._words.name(scientific_name)
        return name[:1].upper() + name[1:]


def _pace(per_minute: float) -> str:
    return f"{per_minute:.0f}" if per_minute >= 10 else f"{per_minute:.1f}"
