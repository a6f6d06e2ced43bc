"""Line charts as plain geometry, drawn as SVG by templates/core/_charts.html. Coordinates are those of its viewBox."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

WIDTH, HEIGHT = 400, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 60, 14, 14, 50
Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Line:
    """``style`` is "first" to "fourth", or "ideal": colour and dashes, so that no line differs by colour alone."""

    name: str
    style: str
    points: Points
    dotted: bool = False


@dataclass(frozen=True)
class Mark:
    """A labelled point."""

    x: float
    y: float
    text: str


@dataclass(frozen=True)
class Axis:
    """From ``low`` to ``high``, with about five ticks. ``percent``: values are shares; ``named``: explicit ticks."""

    label: str
    low: float
    high: float
    percent: bool = True
    named: tuple[tuple[float, str], ...] = ()

    @property
    def ticks(self) -> list[tuple[float, str]]:
        """The values with a label, and the labels."""
        if self.named:
            return list(self.named)
        step = _step(self.high - self.low)
        first, last = math.ceil(self.low / step - 1e-6), math.floor(self.high / step + 1e-6)
        digits = max(0, -math.floor(math.log10(step * (100 if self.percent else 1)) + 1e-9))
        return [(number * step, self._text(number * step, digits)) for number in range(first, last + 1)]

    def _text(self, value: float, digits: int) -> str:
        return f"{100 * value:.{digits}f}%" if self.percent else f"{value:.{digits}f}"


def _step(span: float) -> float:
    """The round step that divides a span into at most five parts."""
    rough = max(span, 1e-9) / 5
    power = 10.0 ** math.floor(math.log10(rough))
    return float(next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999))


@dataclass(frozen=True)
class Chart:
    """Everything the template draws. ``label`` describes the picture in words."""

    label: str
    x_label: str
    y_label: str
    x_ticks: list[tuple[float, str]]
    y_ticks: list[tuple[float, str]]
    lines: list[Line]
    marks: list[Mark] = field(default_factory=list)
    width: int = WIDTH
    height: int = HEIGHT
    left: float = _LEFT
    right: float = WIDTH - _RIGHT
    top: float = _TOP
    bottom: float = HEIGHT - _BOTTOM


def chart(label: str, x: Axis, y: Axis, lines: Sequence[Line], marks: Sequence[Mark] = ()) -> Chart:
    """Lay out lines and marks, given as values on the axes."""

    def across(value: float) -> float:
        return round(_LEFT + (WIDTH - _LEFT - _RIGHT) * _share(value, x), 1)

    def up(value: float) -> float:
        return round(HEIGHT - _BOTTOM - (HEIGHT - _TOP - _BOTTOM) * _share(value, y), 1)

    return Chart(
        label=label,
        x_label=x.label,
        y_label=y.label,
        x_ticks=[(across(value), text) for value, text in x.ticks],
        y_ticks=[(up(value), text) for value, text in y.ticks],
        lines=[replace(line, points=[(across(px), up(py)) for px, py in line.points]) for line in lines],
        marks=[Mark(across(mark.x), up(mark.y), mark.text) for mark in marks],
    )


def _share(value: float, axis: Axis) -> float:
    """The position of a value on the axis, 0…1, clamped to its ends."""
    return min(1.0, max(0.0, (value - axis.low) / (axis.high - axis.low or 1.0)))
