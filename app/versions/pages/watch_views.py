"""The weeks of the version in service, in words, a table and small charts."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from app.core.settings import Settings
from app.core.web.charts import Axis, Chart, Line, chart
from app.predictions.rules import Outcome
from app.review.words import Words
from app.versions.pages.figures import percent
from app.versions.pages.outcomes import OUTCOMES
from app.versions.watch import Week, crossed

_STYLES = ("first", "second", "third", "fourth")
_MOST_TICKS = 6
_Value = Callable[[Week], float | None]


@dataclass(frozen=True)
class FigureOfWeek:
    """``over``: in words that it is past its limit; empty where it is not."""

    text: str
    over: str = ""


@dataclass(frozen=True)
class WeekView:
    """A row of the table, its figures in the order of the columns."""

    begins: date
    name: str
    figures: list[FigureOfWeek]
    over: bool


class WatchViews:
    """Builds the page in one language. ``found``: weeks, the newest first."""

    def __init__(self, words: Words, settings: Settings, found: Sequence[Week]) -> None:
        self._words = words
        self._settings = settings
        self._found = list(found)
        self.t = words.t

    @property
    def headline(self) -> str:
        """The newest week in a sentence or two."""
        newest = self._found[0]
        n = self._words.language.ngettext
        said = n(
            "In the week of %(day)s it checked one photo.",
            "In the week of %(day)s it checked %(num)s photos.",
            newest.photos,
            day=self._words.language.date(newest.begins),
        )
        past = len(crossed(newest, self._settings))
        if not past:
            return said + " " + self.t("All figures are within their limits.")
        return said + " " + n("One figure is over its limit.", "%(num)s figures are over their limits.", past)

    @property
    def columns(self) -> list[str]:
        """The table's heads."""
        shares = [self.t(OUTCOMES[outcome]) for outcome in Outcome]
        return [
            self.t("Week of"),
            self.t("Photos"),
            *shares,
            self.t("Mean confidence"),
            self.t("In scope"),
            self.t("Experts agree"),
            self.t("Confidence drift"),
            self.t("Scope drift"),
            self.t("Photo drift"),
        ]

    @property
    def rows(self) -> list[WeekView]:
        """The table, the newest week first."""
        return [self._row(week) for week in self._found]

    def _row(self, week: Week) -> WeekView:
        past = crossed(week, self._settings)

        def figure(name: str, value: float | None, *, share: bool = False, of: int | None = None) -> FigureOfWeek:
            shown = _shown(value, share=share)
            if of and value is not None:
                shown += " " + self.t("of %(number)s", number=of)
            if name not in past:
                return FigureOfWeek(shown)
            limit = _shown(past[name][1], share=share)
            above = past[name][0] > past[name][1]
            over = self.t("above %(limit)s", limit=limit) if above else self.t("below %(limit)s", limit=limit)
            return FigureOfWeek(shown, over)

        return WeekView(
            begins=week.begins,
            name=self._words.language.short_date(week.begins),
            figures=[
                FigureOfWeek(str(week.photos)),
                *(FigureOfWeek(_shown(_share_of(week, outcome), share=True)) for outcome in Outcome),
                figure("confidence", week.confidence, share=True),
                figure("in_scope", week.in_scope, share=True),
                figure("agreement", week.agreement, share=True, of=week.decided),
                figure("drift_of_confidence", week.drift_of_confidence),
                figure("drift_of_scope", week.drift_of_scope),
                figure("drift_of_embedding", week.drift_of_embedding),
            ],
            over=bool(past),
        )

    @property
    def limits(self) -> list[str]:
        """What makes an alert, in words."""
        settings = self._settings
        return [
            self.t("Drift is above %(limit)s.", limit=_shown(settings.watch_max_drift)),
            self.t(
                "Experts agree in less than %(limit)s of at least %(least)s decisions.",
                limit=percent(settings.watch_least_agreement),
                least=settings.watch_least_photos,
            ),
            self.t(
                "Less than %(limit)s of at least %(least)s photos are in scope.",
                limit=percent(settings.watch_least_in_scope),
                least=settings.watch_least_photos,
            ),
        ]

    @property
    def charts(self) -> list[tuple[str, Chart]]:
        """Title and picture of each; none of a single week."""
        if len(self._found) < 2:
            return []
        verdicts = [(self.t(OUTCOMES[outcome]), _share_getter(outcome)) for outcome in Outcome]
        shares: list[tuple[str, _Value]] = [
            (self.t("mean confidence"), lambda week: week.confidence),
            (self.t("in scope"), lambda week: week.in_scope),
            (self.t("experts agree"), lambda week: week.agreement),
        ]
        drifts: list[tuple[str, _Value]] = [
            (self.t("confidence"), lambda week: week.drift_of_confidence),
            (self.t("scope"), lambda week: week.drift_of_scope),
            (self.t("photos"), lambda week: week.drift_of_embedding),
        ]
        least = {
            self.t("minimum in scope"): self._settings.watch_least_in_scope,
            self.t("minimum agreement"): self._settings.watch_least_agreement,
        }
        label = self.t("Confidence, photos in scope and agreement with experts by week")
        found = [
            (self.t("Verdicts"), self._chart(self.t("Share of each verdict by week"), verdicts, {})),
            (self.t("Confidence and agreement"), self._chart(label, shares, least)),
        ]
        if any(value(week) is not None for _, value in drifts for week in self._found):
            most = {self.t("limit"): self._settings.watch_max_drift}
            label = self.t("Drift from the first photos by week")
            found.append((self.t("Drift"), self._chart(label, drifts, most, percent=False)))
        return found

    def _chart(
        self, label: str, lines: Sequence[tuple[str, _Value]], limits: Mapping[str, float], *, percent: bool = True
    ) -> Chart:
        weeks = list(reversed(self._found))
        first = weeks[0].begins
        where = {week.begins: (week.begins - first).days / 7 for week in weeks}
        last = max(where.values())
        step = math.ceil(len(weeks) / _MOST_TICKS)
        named = tuple((where[week.begins], self._words.language.short_date(week.begins)) for week in weeks[::step])
        drawn = [
            Line(name, style, [(where[w.begins], seen) for w in weeks if (seen := value(w)) is not None], dotted=True)
            for (name, value), style in zip(lines, _STYLES, strict=False)
        ]
        drawn += [Line(name, "ideal", [(0, limit), (last, limit)]) for name, limit in limits.items()]
        highest = 1.0 if percent else max(1.1 * y for line in drawn for _, y in line.points)
        up = Axis(self.t("share") if percent else self.t("drift (PSI)"), 0.0, highest, percent=percent)
        return chart(
            label, Axis(self.t("week of"), 0.0, last, named=named), up, [line for line in drawn if line.points]
        )


def _shown(value: float | None, *, share: bool = False) -> str:
    if value is None:
        return "–"
    return percent(value) if share else f"{value:.2f}"


def _share_of(week: Week, outcome: Outcome) -> float | None:
    total = sum(week.outcomes.values())
    return week.outcomes[outcome] / total if total else None


def _share_getter(outcome: Outcome) -> _Value:
    return lambda week: _share_of(week, outcome)
