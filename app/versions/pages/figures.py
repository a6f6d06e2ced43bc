"""A version's figures in words. They are read from what its maker wrote, so whatever is missing or odd is left out."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.predictions.inference import ModelVersionInfo
from app.review.words import Words
from app.versions.pages.plots import Plots

_ = str  # marks messages for extraction

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
_HEAT = 5


@dataclass(frozen=True)
class FigureView:
    """A figure: ``value`` and, where its maker says so, the 95 per cent interval."""

    name: str
    value: str
    interval: str
    hint: str = ""


@dataclass(frozen=True)
class Cell:
    count: int
    share: str
    heat: int
    right: bool


@dataclass(frozen=True)
class ThresholdView:
    rate: str
    supported: bool
    said: str
    on_test: str


@dataclass(frozen=True)
class MistakeView:
    """A photo that it named wrong (``answered``); ``sha256`` finds it where Wingcheck keeps it."""

    name: str
    sha256: str
    text: str
    answered: str


class Figures:
    """Words for the figures of one version. ``metrics``: what its metrics.json holds."""

    def __init__(self, words: Words, metrics: Mapping[str, Any], labels: Sequence[str]) -> None:
        self._words = words
        self.t = words.t
        self._metrics = metrics
        self._labels = list(labels)
        self.plots = Plots(words, metrics)

    @property
    def headline(self) -> str:
        """All of it in one sentence."""
        found = self._figure("species", "accuracy")
        if found is None:
            return self.t("No figures on test photos.")
        said = self.t(
            "Identifies %(share)s of %(photos)s test photos correctly",
            photos=_whole(found.get("photos")),
            share=percent(found["value"]),
        )
        if interval := span(found, share=True):
            said += " " + self.t("(95%% interval: %(interval)s)", interval=interval)
        return said + "."

    @property
    def before_review(self) -> str:
        """What the same figure was on labels as they were found; empty where nobody removed any."""
        found = self._figure("species_before_review", "accuracy")
        if found is None:
            return ""
        return self.t(
            "Before clearly wrong labels were removed by hand: %(share)s (%(interval)s).",
            share=percent(found["value"]),
            interval=span(found, share=True),
        )

    @property
    def species(self) -> list[FigureView]:
        """How well the species are told apart."""
        found = []
        for key, (name, hint, share) in _FIGURES.items():
            figure = self._figure("species", key)
            if figure is not None:
                value = percent(figure["value"], 1) if share else f"{figure['value']:.3f}"
                found.append(FigureView(self.t(name), value, span(figure, share=share), self.t(hint) if hint else ""))
        return found

    @property
    def per_label(self) -> list[list[str]]:
        """A row per label: name, photos, found (recall), right among those answered (precision), AUROC."""
        found = _mapping(self._metrics.get("per_label"))
        return [
            [
                self.name(label),
                _whole(each.get("photos")),
                *(_with_interval(each.get(key), share=True) for key in ("recall", "precision")),
                _with_interval(each.get("auroc"), share=False),
            ]
            for label, each in ((label, _mapping(each)) for label, each in found.items())
        ]

    @property
    def confusion(self) -> list[tuple[str, list[Cell]]]:
        """A row per true label, a column per answer, in the order of ``labels``."""
        table = self._metrics.get("confusion")
        size = len(self._labels)
        if not isinstance(table, list) or [len(row) for row in table if isinstance(row, list)] != [size] * size:
            return []
        rows = []
        for index, counts in enumerate(table):
            total = sum(counts) or 1
            cells = [
                Cell(count, percent(count / total), math.ceil((_HEAT - 1) * count / total), index == column)
                for column, count in enumerate(counts)
            ]
            rows.append((self.name(self._labels[index]), cells))
        return rows

    @property
    def label_names(self) -> list[str]:
        """What people call its labels."""
        return [self.name(label) for label in self._labels]

    @property
    def scope(self) -> list[list[str]]:
        """A row per kind of other subject: kind, photos, AUROC, share that it would take for one of its species for certain."""
        scope = _mapping(self._metrics.get("scope"))
        confident = _mapping(scope.get("others_confident"))
        rows = []
        for kind, figure in _mapping(scope.get("auroc")).items():
            taken = _mapping(confident.get(kind))
            name = self.t(_SCOPES[kind]) if kind in _SCOPES else kind.replace("_", " ")
            rows.append(
                [
                    name,
                    _whole(taken.get("photos")),
                    _with_interval(figure, share=False),
                    _with_interval(taken, share=True, digits=1),
                ]
            )
        return rows

    @property
    def scope_said(self) -> str:
        """In one sentence; empty where it was never shown anything else."""
        own, others = (self._figure("scope", key) for key in ("species_in_scope", "others_in_scope"))
        if own is None or others is None:
            return ""
        return self.t(
            "It recognises %(own)s of photos of its species as in scope, and takes %(others)s of other photos for one of them.",
            own=percent(own["value"], 1),
            others=percent(others["value"], 1),
        )

    def thresholds(self, info: ModelVersionInfo) -> list[ThresholdView]:
        """For each wanted error rate, from which probability on calibration photos promise it, or why none does."""
        held = {
            each.get("error_rate"): each.get("on_test")
            for each in _mapping(self._metrics.get("coverage")).get("thresholds") or []
            if isinstance(each, Mapping)
        }
        return [
            ThresholdView(
                rate=self.t("at most %(rate)s wrong", rate=percent(each.error_rate, exact=True)),
                supported=each.supported,
                said=self._threshold(each.error_rate, each.probability, each.coverage, each.photos),
                on_test=self._held(held.get(each.error_rate)),
            )
            for each in info.policy.thresholds
        ]

    def _threshold(self, rate: float, probability: float | None, coverage: float, photos: int) -> str:
        if probability is not None:
            return self.t(
                "probability of %(probability)s or more; covers %(coverage)s of %(photos)s calibration photos",
                probability=f"{probability:.3f}",
                coverage=percent(coverage),
                photos=photos,
            )
        needed = fewest_photos(rate)
        if photos < needed:
            return self.t(
                "not supported by the data: this needs %(needed)s calibration photos without a mistake; there are %(photos)s",
                needed=needed,
                photos=photos,
            )
        return self.t(
            "not supported by the data: too many confident mistakes or wrong labels among the %(photos)s calibration photos",
            photos=photos,
        )

    def _held(self, on_test: Any) -> str:
        found = _mapping(on_test)
        if not isinstance(found.get("error"), int | float):
            return ""
        return self.t(
            "on the test photos: covers %(coverage)s, %(error)s of those wrong",
            coverage=percent(found.get("coverage") or 0),
            error=percent(found["error"], 1),
        )

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
    def mistakes(self) -> list[MistakeView]:
        """The wrong answers of which it was most certain."""
        found = self._metrics.get("mistakes")
        return [self._mistake(each) for each in found if isinstance(each, Mapping)] if isinstance(found, list) else []

    def _mistake(self, found: Mapping[str, Any]) -> MistakeView:
        name = str(found.get("path", ""))
        probability = found.get("probability")
        return MistakeView(
            name=name.rsplit("/", 1)[-1],
            sha256=name.rsplit("/", 1)[-1].split(".", 1)[0],
            text=self.t(
                "Answer: %(answered)s (%(share)s). Label: %(label)s",
                answered=self.name(str(found.get("answered", "?"))),
                share=percent(probability, 1) if isinstance(probability, int | float) else "?",
                label=self.name(str(found.get("label", "?"))),
            ),
            answered=str(found.get("answered", "")),
        )

    def name(self, label: str) -> str:
        """What people call a label, with a capital."""
        name = self._words.name(label)
        return name[:1].upper() + name[1:]

    def _figure(self, group: str, key: str) -> Mapping[str, Any] | None:
        found = _mapping(_mapping(self._metrics.get(group)).get(key))
        return found if isinstance(found.get("value"), int | float) else None


def percent(share: float, digits: int = 0, *, exact: bool = False) -> str:
    """A share of 0…1 as people write it. ``exact``: with as many digits as it has."""
    return f"{100 * share:g}%" if exact else f"{100 * share:.{digits}f}%"


def span(figure: Mapping[str, Any], *, share: bool) -> str:
    """The interval of a figure; empty where it has none."""
    low, high = figure.get("low"), figure.get("high")
    if not isinstance(low, int | float) or not isinstance(high, int | float):
        return ""
    return f"{100 * low:.0f}–{100 * high:.0f}%" if share else f"{low:.3f}–{high:.3f}"


def fewest_photos(error_rate: float) -> int:
    """How many photos without a single mistake bound the error at a rate with 95 per cent confidence."""
    return math.ceil(math.log(0.05) / math.log1p(-error_rate)) if 0 < error_rate < 1 else 0


def _with_interval(found: Any, *, share: bool, digits: int = 0) -> str:
    figure = _mapping(found)
    value = figure.get("value")
    if not isinstance(value, int | float):
        return "–"
    shown = percent(value, digits) if share else f"{value:.3f}"
    interval = span(figure, share=share)
    return f"{shown} ({interval})" if interval else shown


def _whole(value: Any) -> str:
    return str(value) if isinstance(value, int) else "–"


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
