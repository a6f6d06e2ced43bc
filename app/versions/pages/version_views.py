"""Model versions and their history as the admin's pages show them."""

from dataclasses import dataclass
from datetime import datetime

from app.predictions.registry import is_bundled
from app.predictions.tables import ActivationKind, ModelActivation, ModelVersion
from app.review.words import Words
from app.versions.model_versions import Listed
from app.versions.pages.figures import Figures
from app.versions.pages.gate import CheckView, GateWords, report_of

_ = str  # marks messages for extraction
_BY_SOMEBODY = {
    ActivationKind.INSTALLED: _("Put into service at start-up"),
    ActivationKind.PROMOTED: _("Put into service by %(who)s"),
    ActivationKind.OVERRULED: _("Put into service despite failed checks by %(who)s"),
    ActivationKind.ROLLED_BACK: _("Rolled back by %(who)s"),
}


@dataclass(frozen=True)
class ActivationView:
    """One switch, in words."""

    version_id: int
    title: str
    text: str
    replaced: str
    reason: str
    at: datetime
    checks: list[CheckView]


@dataclass(frozen=True)
class VersionView:
    """A version in a list. ``went_live``: how it last came to serve, None where it never did."""

    id: int
    title: str
    task: str
    serves: bool
    shadow: bool
    origin: str
    headline: str
    photos: str
    species: str
    registered_at: datetime
    went_live: ActivationView | None


class VersionViews:
    """Builds them in one language."""

    def __init__(self, words: Words) -> None:
        self._words = words
        self.t = words.t
        self._gate = GateWords(words.language)

    def listed(self, each: Listed) -> VersionView:
        """A version in a list."""
        version = each.version
        figures = Figures(self._words, version.metrics, version.labels)
        learnt = next((count for part, count, _ in figures.parts), "")
        return VersionView(
            id=version.id,
            title=title(version),
            task=version.task,
            serves=version.active,
            shadow=version.shadow,
            origin=self.origin(version, each.run_id),
            headline=figures.headline,
            photos=self.t("trained on %(photos)s photos", photos=learnt) if learnt else "",
            species=", ".join(figures.label_names),
            registered_at=version.registered_at,
            went_live=self.activation(each.latest) if each.latest else None,
        )

    def origin(self, version: ModelVersion, run_id: int | None) -> str:
        """Where it came from."""
        if run_id is not None:
            return self.t("trained in run %(number)s", number=run_id)
        return self.t("bundled with Wingcheck") if is_bundled(version) else self.t("imported")

    def activation(self, row: ModelActivation) -> ActivationView:
        """A switch, in words."""
        kept = row.gate or {}
        known, replaced = row.model_version.labels, row.replaced
        lost = ", ".join(
            self._words.name(label) for label in (replaced.labels if replaced else []) if label not in known
        )
        return ActivationView(
            version_id=row.model_version_id,
            title=title(row.model_version),
            text=self.t(_BY_SOMEBODY[row.kind]) % {"who": row.user.name if row.user else self.t("the command line")},
            replaced=title(row.replaced) if row.replaced else "",
            reason=row.reason,
            at=row.created_at,
            checks=self._gate.checks(report_of(kept), lost) if kept.get("checks") else [],
        )


def title(version: ModelVersion) -> str:
    """Name and number."""
    return f"{version.name} {version.version}"
