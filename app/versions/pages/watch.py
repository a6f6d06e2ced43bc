"""The version in service week by week, and the alerts about it."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated

from fastapi import APIRouter, Form, Response
from fastapi.responses import RedirectResponse

from app.core.errors import ModelUnavailable
from app.core.settings import Settings
from app.core.web.auth import Admin
from app.core.web.charts import Axis, Chart, Line, chart
from app.core.web.dependencies import ReadSession, Sessions
from app.core.web.i18n import Language
from app.predictions.dependencies import ClassifiersDep
from app.predictions.rules import Outcome
from app.versions import promotion, watch
from app.versions.pages.figures import OUTCOMES
from app.versions.pages.frame import Page
from app.versions.rules import FEWEST
from app.versions.watch import Week

router = APIRouter(prefix="/admin", include_in_schema=False)
_STYLES = ("first", "second", "third", "fourth")
_MOST_TICKS = 6
_Value = Callable[[Week], float | None]


@router.get("/watch")
def show(page: Page, session: ReadSession, classifiers: ClassifiersDep) -> Response:
    """The last weeks, the newest first."""
    try:
        served = classifiers.current()
    except ModelUnavailable:
        version, weeks = None, []
    else:
        version = promotion.get(session, served.id)
        weeks = watch.weeks(session, version, served.info.policy.in_scope_threshold)
    return page.render(
        "versions/watch.html",
        version=version,
        weeks=[(week, watch.crossed(week, page.settings)) for week in weeks],
        charts=charts(page.words.language, page.settings, weeks),
        short_date=page.words.language.short_date,
        settings=page.settings,
        alerts=watch.open_alerts(session),
        dismissed=watch.seen_alerts(session),
        reference=watch.REFERENCE,
        fewest=FEWEST,
    )


@router.post("/models/alerts/{alert_id}/seen")
def mark_seen(
    user: Admin, alert_id: int, sessions: Sessions, page: Annotated[str, Form(max_length=20)] = ""
) -> Response:
    """Dismiss the alert. ``page``: where the button stood."""
    watch.mark_seen(sessions, alert_id, user.user_id)
    return RedirectResponse("/admin/watch" if page == "watch" else "/admin/models", 303)


def charts(language: Language, settings: Settings, weeks: Sequence[Week]) -> list[tuple[str, Chart]]:
    """Title and picture of each chart; ``weeks``: the newest first. None of a single week."""
    t = language.gettext
    if len(weeks) < 2:
        return []
    verdicts = [(t(OUTCOMES[outcome]), _share_of(outcome)) for outcome in Outcome]
    shares: list[tuple[str, _Value]] = [
        (t("mean confidence"), lambda week: week.confidence),
        (t("in scope"), lambda week: week.in_scope),
        (t("experts agree"), lambda week: week.agreement),
    ]
    drifts: list[tuple[str, _Value]] = [
        (t("confidence"), lambda week: week.drift_of_confidence),
        (t("scope"), lambda week: week.drift_of_scope),
        (t("photos"), lambda week: week.drift_of_embedding),
    ]
    least = {
        t("minimum in scope"): settings.watch_least_in_scope,
        t("minimum agreement"): settings.watch_least_agreement,
    }
    most = {t("limit"): settings.watch_max_drift}
    drawing = _Drawing(language, weeks)
    drawn = [
        (t("Verdicts"), drawing.chart(t("Share of each verdict by week"), verdicts, {})),
        (
            t("Confidence and agreement"),
            drawing.chart(t("Confidence, photos in scope and agreement with experts by week"), shares, least),
        ),
    ]
    if any(value(week) is not None for _, value in drifts for week in weeks):
        drawn.append((t("Drift"), drawing.chart(t("Drift from the first photos by week"), drifts, most, percent=False)))
    return drawn


def _share_of(outcome: Outcome) -> _Value:
    return lambda week: week.share(outcome)


class _Drawing:
    """Draws figures over the weeks from left to right."""

    def __init__(self, language: Language, weeks: Sequence[Week]) -> None:
        self._language = language
        self._weeks = list(reversed(weeks))
        first = self._weeks[0].begins
        self._places = {week.begins: (week.begins - first).days / 7 for week in weeks}

    def chart(
        self, label: str, lines: Sequence[tuple[str, _Value]], limits: Mapping[str, float], *, percent: bool = True
    ) -> Chart:
        """A line per figure, and a level one per limit."""
        t, last = self._language.gettext, max(self._places.values())
        drawn = [
            Line(name, style, self._points(value), dotted=True)
            for (name, value), style in zip(lines, _STYLES, strict=False)
        ]
        drawn += [Line(name, "ideal", [(0, limit), (last, limit)]) for name, limit in limits.items()]
        highest = 1.0 if percent else max(1.1 * y for line in drawn for _, y in line.points)
        up = Axis(t("share") if percent else t("drift (PSI)"), 0.0, highest, percent=percent)
        across = Axis(t("week of"), 0.0, last, named=self._ticks())
        return chart(label, across, up, [line for line in drawn if line.points])

    def _points(self, value: _Value) -> list[tuple[float, float]]:
        return [(self._places[week.begins], y) for week in self._weeks if (y := value(week)) is not None]

    def _ticks(self) -> tuple[tuple[float, str], ...]:
        step = math.ceil(len(self._weeks) / _MOST_TICKS)
        return tuple(
            (self._places[week.begins], self._language.short_date(week.begins)) for week in self._weeks[::step]
        )
