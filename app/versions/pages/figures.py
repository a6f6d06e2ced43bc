"""A version's figures as pages show them. They are read from what its maker wrote, so whatever is missing or odd is left out."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.core.web.charts import Axis, Chart, Line, Mark, chart
from app.predictions.rules import Outcome
from app.predictions.tables import ModelVersion
from app.review.words import Words

_ = str  # marks messages for extraction

OUTCOMES: dict[Outcome, str] = {
    Outcome.AGREE: _("agrees"),
    Outcome.DISAGREE: _("disagrees"),
    Outcome.UNCERTAIN: _("not sure"),
    Outcome.OUT_OF_SCOPE: _("out of scope"),
}
"""The four verdicts in a word or two, for tables."""

# Key in metrics.json: name, hint, and whether it is a share.
_FIGURES: dict[str, tuple[str, str, bool]] = {
    "accuracy": (_("Accuracy"), "", True),
    "balanced_accuracy": (_("Balanced accuracy"), _("the same, with every species counting equally"), True),
    "coverage_at_1_percent_error": (
        _("Coverage at 1 % error"),
        _("share of photos it can decide with 1 in 100 wrong"),
        True,
    ),
    "coverage_at_5_percent_error": (
        _("Coverage at 5 % error"),
        _("share of photos it can decide with 5 in 100 wrong"),
        True,
    ),
    "calibration_error": (
        _("Calibration error"),
        _("how far its probabilities are off on average; 0 is perfect"),
        True,
    ),
    "auroc": (_("AUROC"), _("how well it tells the species apart; 0.5 is chance, 1 is perfect"), False),
    "log_loss": (_("Log loss"), _("penalty for confident wrong answers; 0 is perfect"), False),
    "brier": (_("Brier score"), _("squared distance from the truth; 0 is perfect, 2 is worst"), False),
}
_PARTS = {"train": _("training"), "calibration": _("calibration"), "test": _("test")}
_SCOPES = {"all": _("all subjects"), "unseen_labels": _("subjects not seen in training")}
_HEAT = 4


@dataclass(frozen=True)
class Digits:
    """A figure as people write it: ``value``, the 95 per cent ``interval`` where its maker gives one, and its ``photos``."""

    value: str
    interval: str
    photos: str

    def __str__(self) -> str:
        return f"{self.value} ({self.interval})" if self.interval else self.value


@dataclass(frozen=True)
class Cell:
    """A cell of a table of counts. ``heat``: how strongly it is coloured, 0…4; ``right``: it lies on the diagonal."""

    count: int
    share: str
    heat: int
    right: bool


@dataclass(frozen=True)
class WrongAnswer:
    """A test photo that the version named wrong, of which its maker wrote down the path."""

    path: str
    answered: str
    label: str
    probability: float | None

    @property
    def file_name(self) -> str:
        return self.path.rsplit("/", 1)[-1]

    @property
    def sha256(self) -> str:
        """Finds it where Wingcheck keeps the photo."""
        return self.file_name.split(".", 1)[0]


class Figures:
    """The figures of one version."""

    def __init__(self, words: Words, version: ModelVersion) -> None:
        self._words = words
        self.t = words.t
        self._metrics: Mapping[str, Any] = version.metrics
        self._labels = list(version.labels)

    def digits(self, *path: str, share: bool = True, digits: int = 0) -> Digits | None:
        """The figure that metrics.json has under these keys; None where it is missing."""
        figure: Any = self._metrics
        for key in path:
            figure = _mapping(figure).get(key)
        return _digits(figure, share=share, digits=digits)

    @property
    def species(self) -> list[tuple[str, Digits, str]]:
        """How well the species are told apart: name, figure and a hint."""
        rows = []
        for key, (name, hint, share) in _FIGURES.items():
            figure = self.digits("species", key, share=share, digits=1)
            if figure is not None:
                rows.append((self.t(name), figure, self.t(hint) if hint else ""))
        return rows

    @property
    def per_label(self) -> list[list[str]]:
        """A row per label: name, photos, recall, precision, AUROC."""
        by_label = {label: _mapping(figures) for label, figures in _mapping(self._metrics.get("per_label")).items()}
        return [
            [
                self.name(label),
                _whole(figures.get("photos")),
                str(_digits(figures.get("recall")) or "–"),
                str(_digits(figures.get("precision")) or "–"),
                str(_digits(figures.get("auroc"), share=False) or "–"),
            ]
            for label, figures in by_label.items()
        ]

    @property
    def confusion(self) -> list[tuple[str, list[Cell]]]:
        """A row per true label, a column per answer, in the order of the labels."""
        table = self._metrics.get("confusion")
        size = len(self._labels)
        if not isinstance(table, list) or [len(row) for row in table if isinstance(row, list)] != [size] * size:
            return []
        return [(self.name(label), cells(table[index], index)) for index, label in enumerate(self._labels)]

    @property
    def label_names(self) -> list[str]:
        """What people call its labels."""
        return [self.name(label) for label in self._labels]

    @property
    def scope(self) -> list[list[str]]:
        """A row per kind of other subject: kind, photos, AUROC, share that it would take for one of its species for certain."""
        scope = _mapping(self._metrics.get("scope"))
        rows = []
        for kind, auroc in _mapping(scope.get("auroc")).items():
            taken = _mapping(_mapping(scope.get("others_confident")).get(kind))
            name = self.t(_SCOPES[kind]) if kind in _SCOPES else kind.replace("_", " ")
            shown = (_digits(auroc, share=False), _digits(taken, digits=1))
            rows.append([name, _whole(taken.get("photos")), *(str(figure or "–") for figure in shown)])
        return rows

    @property
    def parts(self) -> list[tuple[str, str, str]]:
        """What it was made from: part, number of photos, and of what."""
        rows = []
        for part, counts in _mapping(self._metrics.get("photos")).items():
            by_kind = {kind: count for kind, count in _mapping(counts).items() if isinstance(count, int)}
            what = ", ".join(f"{kind.replace('_', ' ')} {count}" for kind, count in by_kind.items())
            rows.append((self.t(_PARTS[part]) if part in _PARTS else part, str(sum(by_kind.values())), what))
        return rows

    @property
    def training_photos(self) -> str:
        """How many photos it was trained on; empty where its maker does not say."""
        return next((count for _part, count, _what in self.parts), "")

    def on_test(self, error_rate: float) -> Mapping[str, float] | None:
        """What the threshold for this error rate did on test photos: coverage and error; None where nobody measured it."""
        for row in _mapping(self._metrics.get("coverage")).get("thresholds") or []:
            on_test = _mapping(_mapping(row).get("on_test"))
            if _mapping(row).get("error_rate") == error_rate and isinstance(on_test.get("error"), int | float):
                return {"coverage": on_test.get("coverage") or 0, "error": on_test["error"]}
        return None

    @property
    def mistakes(self) -> list[WrongAnswer]:
        """The wrong answers of which it was most certain."""
        return [_wrong_answer(row) for row in _list(self._metrics.get("mistakes")) if isinstance(row, Mapping)]

    def name(self, label: str) -> str:
        """What people call a label, with a capital."""
        name = self._words.name(label)
        return name[:1].upper() + name[1:]

    @property
    def calibration_chart(self) -> Chart | None:
        """Predicted probability against the share that was right, in groups of photos of equal size."""
        calibration = _mapping(self._metrics.get("calibration"))
        after, before = (_bins(calibration.get(when)) for when in ("after", "before"))
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
    def coverage_chart(self) -> Chart | None:
        """The share of photos decided, the most certain first, against the share of those that are wrong."""
        coverage = _mapping(self._metrics.get("coverage"))
        curve = [point for point in _list(coverage.get("curve")) if isinstance(point, list) and len(point) == 2]
        points = [(float(x), float(y)) for x, y in curve]
        if not points:
            return None
        marks = []
        for row in map(_mapping, coverage.get("thresholds") or []):
            held = _mapping(row.get("on_test")) if row.get("supported") else {}
            if isinstance(held.get("error"), int | float):
                marks.append(
                    Mark(float(held["coverage"]), float(held["error"]), percent(row["error_rate"], exact=True))
                )
        most = max([y for _, y in points] + [mark.y for mark in marks])
        return chart(
            self.t("Coverage curve: share of photos decided against share wrong"),
            Axis(self.t("share of photos decided"), 0.0, 1.0),
            Axis(self.t("share of those wrong"), 0.0, max(0.02, 1.15 * most)),
            [Line(self.t("on the test photos"), "first", points)],
            marks,
        )


def cells(counts: Sequence[int], diagonal: int) -> list[Cell]:
    """A row of a table of counts."""
    total = sum(counts) or 1
    return [
        Cell(count, percent(count / total), math.ceil(_HEAT * count / total), column == diagonal)
        for column, count in enumerate(counts)
    ]


def verdict_rows(pairs: Mapping[tuple[Outcome, Outcome], int]) -> list[tuple[Outcome, Iterable[tuple[Outcome, Cell]]]]:
    """How many submissions have which verdict before and after: a row per verdict before, left out where there are none."""
    rows: list[tuple[Outcome, Iterable[tuple[Outcome, Cell]]]] = []
    for index, before in enumerate(Outcome):
        counts = [pairs.get((before, after), 0) for after in Outcome]
        if any(counts):
            rows.append((before, list(zip(Outcome, cells(counts, index), strict=True))))
    return rows


def percent(share: float, digits: int = 0, *, exact: bool = False) -> str:
    """A share of 0…1 as people write it. ``exact``: with as many digits as it has."""
    return f"{100 * share:g}%" if exact else f"{100 * share:.{digits}f}%"


def fewest_photos(error_rate: float) -> int:
    """How many photos without a single mistake bound the error at a rate with 95 per cent confidence."""
    return math.ceil(math.log(0.05) / math.log1p(-error_rate)) if 0 < error_rate < 1 else 0


def _digits(figure: Any, *, share: bool = True, digits: int = 0) -> Digits | None:
    value, low, high, photos = (_mapping(figure).get(key) for key in ("value", "low", "high", "photos"))
    if not isinstance(value, int | float):
        return None
    interval = ""
    if isinstance(low, int | float) and isinstance(high, int | float):
        interval = f"{100 * low:.0f}–{100 * high:.0f}%" if share else f"{low:.3f}–{high:.3f}"
    return Digits(percent(value, digits) if share else f"{value:.3f}", interval, _whole(photos))


def _wrong_answer(row: Mapping[str, Any]) -> WrongAnswer:
    probability = row.get("probability")
    return WrongAnswer(
        path=str(row.get("path", "")),
        answered=str(row.get("answered", "")),
        label=str(row.get("label", "?")),
        probability=probability if isinstance(probability, int | float) else None,
    )


def _bins(curve: Any) -> list[tuple[float, float]]:
    groups = _list(_mapping(curve).get("bins"))
    return [(float(group["promised"]), float(group["held"])) for group in groups if {"promised", "held"} <= set(group)]


def _whole(value: Any) -> str:
    return str(value) if isinstance(value, int) else "–"


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
