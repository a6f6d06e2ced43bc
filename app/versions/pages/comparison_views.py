"""Two versions side by side, in words."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from app.predictions.tables import ModelVersion
from app.review.words import Words
from app.versions.comparisons import Comparison as Verified
from app.versions.model_versions import MOST_NAMED, Paired
from app.versions.pages.figures import Figures, percent
from app.versions.pages.runs import compared
from app.versions.pages.version_views import title


@dataclass(frozen=True)
class DifferingView:
    """A photo to which they answer differently. ``right``: "one", "other" or "neither"."""

    name: str
    sha256: str
    label: str
    one: str
    other: str
    right: str


class Comparison:
    """``one`` against ``other``. ``paired``: asked about the same test photos; ``here``: about photos of this count."""

    def __init__(
        self, words: Words, one: ModelVersion, other: ModelVersion, paired: Paired | None, here: Verified | None
    ) -> None:
        self._words = words
        self.t = words.t
        self.one, self.other = title(one), title(other)
        self._figures = [Figures(words, version.metrics, version.labels) for version in (one, other)]
        self._paired = paired
        self._here = here

    @property
    def here_said(self) -> str:
        """The same on photos that experts decided on here; empty where none were looked at by both."""
        if self._here is None:
            return ""
        found = self._here.overall
        accuracy = {"value": found.difference, "low": found.low, "high": found.high, "photos": found.photos}
        return self.one + ": " + compared(self._words, accuracy, self.other)

    @property
    def here_species(self) -> list[list[str]]:
        """A row per species: photos, what each names right, and the difference."""
        scores = self._here.per_species.items() if self._here is not None else ()
        return [
            [
                self._figures[0].name(name),
                str(each.photos),
                percent(each.accuracy),
                percent(each.other_accuracy),
                _points(each.difference, each.low, each.high),
            ]
            for name, each in scores
        ]

    @property
    def here_differing(self) -> list[DifferingView]:
        """The photos of experts' records on which they differ; ``sha256`` holds the photo's number."""
        found = self._here.differing if self._here is not None else []
        return [
            DifferingView(
                name="",
                sha256=str(each.photo_id),
                label=self._figures[0].name(each.scientific_name),
                one=self._answer(each.named, each.probability),
                other=self._answer(each.other_named, each.other_probability),
                right=_right(each.named, each.other_named, each.scientific_name),
            )
            for each in found[:MOST_NAMED]
        ]

    @property
    def said(self) -> str:
        """The difference in one sentence; empty where nobody asked both about the same photos."""
        accuracy = self._difference(self._found.get("accuracy"))
        if accuracy is None:
            return ""
        return self.one + ": " + compared(self._words, accuracy, self.other)

    @property
    def alone(self) -> str:
        """How often only one of them is right."""
        counts = self._found.get("mcnemar")
        if not isinstance(counts, Mapping):
            return ""
        own, others = counts.get("only_this_right", 0), counts.get("only_other_right", 0)
        if self._paired is not None and self._paired.turned:
            own, others = others, own
        return self.t(
            "Only %(one)s is right on %(own)s of them, only %(other)s on %(others)s.",
            one=self.one,
            own=own,
            other=self.other,
            others=others,
        )

    @property
    def _found(self) -> Mapping[str, Any]:
        return self._paired.found if self._paired is not None else {}

    def _difference(self, figure: Any) -> dict[str, Any] | None:
        """A difference, one minus other; None where it has no interval."""
        if not isinstance(figure, Mapping) or any(figure.get(key) is None for key in ("value", "low", "high")):
            return None
        if self._paired is None or not self._paired.turned:
            return dict(figure)
        return dict(figure) | {"value": -figure["value"], "low": -figure["high"], "high": -figure["low"]}

    @property
    def species(self) -> list[list[str]]:
        """A row per species: photos found by one and by the other, and on the same photos the difference."""
        rows: dict[str, list[str]] = {}
        for place, figures in enumerate(self._figures):
            for name, _photos, recall, *_rest in figures.per_label:
                rows.setdefault(name, ["–", "–", ""])[place] = recall
        per_label = self._found.get("per_label")
        for label, figure in per_label.items() if isinstance(per_label, Mapping) else ():
            found = self._difference(figure.get("recall"))
            if found is not None:
                row = rows.setdefault(self._figures[0].name(label), ["–", "–", ""])
                row[2] = _points(found["value"], found["low"], found["high"])
        return [[name, *row] for name, row in rows.items()]

    @property
    def figures(self) -> list[list[str]]:
        """A row per figure that either brings: what each says, on the photos that it was measured on."""
        rows: dict[str, list[str]] = {}
        for place, figures in enumerate(self._figures):
            for figure in figures.species:
                shown = f"{figure.value} ({figure.interval})" if figure.interval else figure.value
                rows.setdefault(figure.name, ["–", "–"])[place] = shown
        return [[name, *row] for name, row in rows.items()]

    @property
    def differing(self) -> list[DifferingView]:
        """The photos on which they differ, the first of them."""
        found = self._found.get("differing")
        return [self._differing(each) for each in found[:MOST_NAMED]] if isinstance(found, list) else []

    @property
    def differing_count(self) -> int:
        """How many there are in all."""
        found = self._found.get("differing")
        return len(found) if isinstance(found, list) else 0

    def _differing(self, found: Mapping[str, Any]) -> DifferingView:
        keys = ("other", "this") if self._paired is not None and self._paired.turned else ("this", "other")
        one, other = (str(found.get(key, "?")) for key in keys)
        label = str(found.get("label", "?"))
        path = PurePosixPath(str(found.get("path", "")))
        return DifferingView(
            name=path.name,
            sha256=path.stem,
            label=self._figures[0].name(label),
            one=self._answer(one, found.get(f"{keys[0]}_probability")),
            other=self._answer(other, found.get(f"{keys[1]}_probability")),
            right=_right(one, other, label),
        )

    def _answer(self, label: str, probability: Any) -> str:
        name = self._figures[0].name(label)
        return f"{name}, {100 * probability:.0f}%" if isinstance(probability, int | float) else name


def _right(one: str, other: str, label: str) -> str:
    return "one" if one == label else "other" if other == label else "neither"


def _points(value: float, low: float, high: float) -> str:
    return f"{100 * value:+.1f} ({100 * low:+.1f} … {100 * high:+.1f})"
