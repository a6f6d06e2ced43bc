"""What the gate says of a version, in words."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.domain.gate import Check, CheckName, Difference, GateReport
from app.web.i18n import Language

_ = str  # marks messages for extraction
_NAMES = {
    CheckName.LABELS: _("Species it knows"),
    CheckName.ACCURACY: _("Photos named right"),
    CheckName.CALIBRATION: _("Probabilities that mean what they say"),
    CheckName.SIZE: _("Size"),
    CheckName.LATENCY: _("Time for one answer"),
}
_UNITS = {CheckName.SIZE: _("%(amount)s MB"), CheckName.LATENCY: _("%(amount)s ms")}


@dataclass(frozen=True)
class CheckView:
    """One thing that the gate looks at. ``margin``: by how much it passed or not; empty where there is no number."""

    name: str
    passed: bool
    text: str
    margin: str


class GateWords:
    """Says a gate's report in one language."""

    def __init__(self, language: Language) -> None:
        self.t = language.gettext

    def checks(self, report: GateReport, lost: str = "") -> list[CheckView]:
        """The checks in words; ``lost``: what people call the species that the version no longer knows."""
        return [
            CheckView(
                self.t(_NAMES[check.name]),
                check.passed,
                self._text(check, report.difference, lost),
                self._margin(check),
            )
            for check in report.checks
        ]

    def _text(self, check: Check, difference: Difference | None, lost: str) -> str:
        if check.name is CheckName.LABELS:
            if check.passed:
                return self.t("It knows every species that the one in service knows.")
            return self.t("It no longer knows %(species)s.", species=lost) if lost else check.detail
        if check.name is CheckName.ACCURACY:
            return self._accuracy(check, difference)
        if check.value is None or check.limit is None:
            return self.t("It has no calibration error among its figures.")
        if check.name is CheckName.CALIBRATION:
            return self.t(
                "They are off by %(value)s points on average; %(limit)s are allowed.",
                value=points(check.value),
                limit=points(check.limit),
            )
        sentence = (
            self.t("What is loaded takes %(value)s; %(limit)s are allowed.")
            if check.name is CheckName.SIZE
            else self.t("It takes %(value)s on this machine; %(limit)s are allowed.")
        )
        return sentence % {"value": self._amount(check, check.value), "limit": self._amount(check, check.limit)}

    def _accuracy(self, check: Check, difference: Difference | None) -> str:
        if check.value is None or check.limit is None or difference is None:
            if check.passed:
                return self.t("Nothing serves yet that it could be worse than.")
            return self.t("It or the version in service has no figures on photos that it never learnt from.")
        return self._measured(difference) + " " + self._at_worst(check.value, -check.limit)

    def _measured(self, difference: Difference) -> str:
        params = {"points": points(abs(difference.value)), "photos": difference.photos}
        if difference.paired and difference.value >= 0:
            return self.t(
                "Of the same %(photos)s photos it names %(points)s in 100 more right than the one in service.", **params
            )
        if difference.paired:
            return self.t(
                "Of the same %(photos)s photos it names %(points)s in 100 fewer right than the one in service.",
                **params,
            )
        if difference.value >= 0:
            return self.t(
                "It names %(points)s in 100 more right than the one in service, each on photos of its own (%(photos)s at least).",
                **params,
            )
        return self.t(
            "It names %(points)s in 100 fewer right than the one in service, each on photos of its own (%(photos)s at least).",
            **params,
        )

    def _at_worst(self, least: float, allowed: float) -> str:
        if least >= 0:
            return self.t("Chance allowed for, it is not worse.")
        return self.t(
            "Chance allowed for, it may be up to %(worse)s in 100 worse; %(allowed)s are allowed.",
            worse=points(-least),
            allowed=points(allowed),
        )

    def _margin(self, check: Check) -> str:
        if check.value is None or check.limit is None:
            return ""
        # Of accuracy more is better; of everything else, less.
        spare = check.value - check.limit if check.name is CheckName.ACCURACY else check.limit - check.value
        amount = self._amount(check, abs(spare))
        return (
            self.t("%(amount)s to spare", amount=amount)
            if check.passed
            else self.t("%(amount)s too far", amount=amount)
        )

    def _amount(self, check: Check, value: float) -> str:
        if check.name in _UNITS:
            return self.t(_UNITS[check.name], amount=f"{value:.0f}" if value >= 100 else f"{value:.3g}")
        return self.t("%(points)s points", points=points(value))


def points(share: float) -> str:
    """A share as points in 100, with one digit."""
    return f"{100 * share:.1f}"


def report_of(kept: Mapping[str, Any]) -> GateReport:
    """A report as it was kept with an activation (see ``promotion.as_json``)."""
    difference = kept.get("difference")
    return GateReport(
        tuple(Check(**(each | {"name": CheckName(each["name"])})) for each in kept.get("checks", [])),
        Difference(**difference) if difference else None,
    )
