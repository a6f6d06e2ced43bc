"""Alerts about the version in service, in words."""

from dataclasses import dataclass

from app.models import WatchAlert
from app.web.i18n import Language
from app.web.model_pages.versions import title

_ = str  # marks messages for extraction
_SENTENCES = {
    "agreement": _("Experts agree with it in %(value)s of what they decided; %(limit)s is the least that is allowed."),
    "in_scope": _("It finds only %(value)s of the photos in scope; %(limit)s is the least that is allowed."),
    "drift_of_confidence": _(
        "It is no longer as certain as it was: its probabilities have drifted by %(value)s; %(limit)s is allowed."
    ),
    "drift_of_scope": _(
        "Its in-scope scores are no longer what they were: they have drifted by %(value)s; %(limit)s is allowed."
    ),
    "drift_of_embedding": _(
        "The photos are no longer what they were: what it sees has drifted by %(value)s; %(limit)s is allowed."
    ),
}
_SHARES = {"agreement", "in_scope"}


@dataclass(frozen=True)
class AlertView:
    """A figure of a week that crossed a limit."""

    id: int
    week: str
    version: str
    text: str


def alert_view(row: WatchAlert, language: Language) -> AlertView:
    """An alert in one language; one of a newer kind under the name of its figure."""
    shown = {name: _shown(row.figure, value) for name, value in (("value", row.value), ("limit", row.limit))}
    sentence = _SENTENCES.get(row.figure)
    text = language.gettext(sentence) % shown if sentence else f"{row.figure}: {shown['value']} ({shown['limit']})"
    return AlertView(row.id, language.date(row.week), title(row.model_version), text)


def _shown(figure: str, value: float) -> str:
    return f"{100 * value:.0f}%" if figure in _SHARES else f"{value:.2f}"
