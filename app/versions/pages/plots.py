"""The pictures of a version's figures."""

from collections.abc import Mapping
from typing import Any

from app.core.web.charts import Axis, Chart, Line, Mark, chart
from app.review.words import Words


class Plots:
    """Charts from ``metrics``, as metrics.json has them; None where what they would show is missing."""

    def __init__(self, words: Words, metrics: Mapping[str, Any]) -> None:
        self.t = words.t
        self._metrics = metrics

    @property
    def calibration(self) -> Chart | None:
        """What it promised against what held, in groups of photos of equal size."""
        found = self._metrics.get("calibration")
        if not isinstance(found, Mapping):
            return None
        after, before = (_bins(found.get(when)) for when in ("after", "before"))
        if not after:
            return None
        lowest = min(value for point in after + before for value in point)
        start = max(0.0, min(0.9, lowest - 0.05))
        lines = [Line(self.t("perfect calibration"), "ideal", [(start, start), (1, 1)])]
        if before:
            lines.append(Line(self.t("before temperature scaling"), "second", before, dotted=True))
        lines.append(Line(self.t("this version"), "first", after, dotted=True))
        return chart(
            self.t("Calibration curve: predicted probability against share correct"),
            Axis(self.t("predicted probability"), start, 1.0),
            Axis(self.t("share correct"), start, 1.0),
            lines,
        )

    @property
    def coverage(self) -> Chart | None:
        """The share of photos decided, the most certain first, against the share of those that are wrong."""
        found = self._metrics.get("coverage")
        points = _points(found.get("curve")) if isinstance(found, Mapping) else []
        if not points or not isinstance(found, Mapping):
            return None
        marks = []
        for each in found.get("thresholds") or []:
            held = each.get("on_test") if isinstance(each, Mapping) and each.get("supported") else None
            if isinstance(held, Mapping) and isinstance(held.get("error"), int | float):
                marks.append(Mark(float(held["coverage"]), float(held["error"]), f"{100 * each['error_rate']:g}%"))
        most = max([y for _, y in points] + [mark.y for mark in marks])
        return chart(
            self.t("Coverage curve: share of photos decided against share wrong"),
            Axis(self.t("share of photos decided"), 0.0, 1.0),
            Axis(self.t("share of those wrong"), 0.0, max(0.02, 1.15 * most)),
            [Line(self.t("on the test photos"), "first", points)],
            marks,
        )


def _bins(found: Any) -> list[tuple[float, float]]:
    bins = found.get("bins") if isinstance(found, Mapping) else None
    if not isinstance(bins, list):
        return []
    return [(float(each["promised"]), float(each["held"])) for each in bins if {"promised", "held"} <= set(each)]


def _points(found: Any) -> list[tuple[float, float]]:
    if not isinstance(found, list):
        return []
    return [(float(point[0]), float(point[1])) for point in found if isinstance(point, list) and len(point) == 2]
