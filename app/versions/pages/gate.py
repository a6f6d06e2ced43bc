"""What the gate says of a version, in words."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.core.web.i18n import Language
from app.versions.rules import Check, CheckName, Difference, GateReport

_ = str  # marks messages for extraction
_NAMES = {
    CheckName.LABELS: _("Species covered"),
    CheckName.ACCURACY: _("Accuracy"),
    CheckName.CALIBRATION: _("Calibration error"),
    CheckName.SIZE: _("Size"),
    CheckName.LATENCY: _("Response time"),
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
                return self.t("It knows every species that the version in service knows.")
            return self.t("It no longer knows %(species)s.", species=lost) if lost else check.detail
        if check.name is CheckName.ACCURACY:
            return self._accuracy(check, difference)
        if check.value is None or check.limit is None:
            return self.t("No calibration error was measured.")
        if check.name is CheckName.CALIBRATION:
            return self.t(
                "Probabilities are off by %(value)s points on average; the limit is %(limit)s.",
                value=points(check.value),
                limit=points(check.limit),
            )
        sentence = (
            self.t("The loaded files take %(value)s; the limit is %(limit)s.")
            if check.name is CheckName.SIZE
            else self.t("One answer takes %(value)s on this machine; the limit is %(limit)s.")
        )
        return sentence % {"value": self._amount(check, check.value), "limit": self._amount(check, check.limit)}

    def _accuracy(self, check: Check, difference: Difference | None) -> str:
        if check.value is None or check.limit is None or difference is None:
            if check.passed:
                return self.t("No version is in service to compare with.")
            return self.t("This version or the one in service has no figures on test photos.")
        return self._measured(difference) + " " + self._at_worst(check.value, -check.limit)

    def _measured(self, difference: Difference) -> str:
        params = {"points": points(abs(difference.value)), "photos": difference.photos}
        if difference.paired and difference.value >= 0:
            return self.t(
                "On the same %(photos)s photos it gets %(points)s in 100 more right than the version in service.",
                **params,
            )
        if difference.paired:
            return self.t(
                "On the same %(photos)s photos it gets %(points)s in 100 fewer right than the version in service.",
                **params,
            )
        if difference.value >= 0:
            return self.t(
                "It gets %(points)s in 100 more right than the version in service, each on its own photos (at least %(photos)s).",
                **params,
            )
        return self.t(
            "It gets %(points)s in 100 fewer right than the version in service, each on its own photos (at least %(photos)s).",
            **params,
        )

    def _at_worst(self, least: float, allowed: float) -> str:
        if least >= 0:
            return self.t("Allowing for chance, it is not worse.")
        return self.t(
            "Allowing for chance, it may be up to %(worse)s in 100 worse; the limit is %(allowed)s.",
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
            else self.t("%(amount)s over the limit", amount=amount)
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
