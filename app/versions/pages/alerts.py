"""Alerts about the version in service, in words."""

from dataclasses import dataclass

from app.core.web.i18n import Language
from app.versions.pages.version_views import title
from app.versions.tables import WatchAlert

_ = str  # marks messages for extraction
_SENTENCES = {
    "agreement": _("Experts agree with it in %(value)s of their decisions; the minimum is %(limit)s."),
    "in_scope": _("Only %(value)s of the photos are in scope; the minimum is %(limit)s."),
    "drift_of_confidence": _("Its confidence has drifted by %(value)s; the limit is %(limit)s."),
    "drift_of_scope": _("Its in-scope scores have drifted by %(value)s; the limit is %(limit)s."),
    "drift_of_embedding": _("The photos have drifted by %(value)s; the limit is %(limit)s."),
}
_SHARES = {"agreement", "in_scope"}


@dataclass(frozen=True)
class AlertView:
    """A figure of a week that crossed a limit."""

    id: int
    week: str
    version: str
    text: str
    told: str
    seen: str


def alert_view(row: WatchAlert, language: Language) -> AlertView:
    """An alert in one language; one of a newer kind under the name of its figure."""
    shown = {name: _shown(row.figure, value) for name, value in (("value", row.value), ("limit", row.limit))}
    sentence = _SENTENCES.get(row.figure)
    text = language.gettext(sentence) % shown if sentence else f"{row.figure}: {shown['value']} ({shown['limit']})"
    return AlertView(
        id=row.id,
        week=language.date(row.week),
        version=title(row.model_version),
        text=text,
        told=language.gettext("Sent to the webhook on %(day)s.", day=language.date(row.sent_at)) if row.sent_at else "",
        seen=_seen(row, language),
    )


def _seen(row: WatchAlert, language: Language) -> str:
    if row.seen_at is None:
        return ""
    who = row.user.name if row.user else language.gettext("somebody")
    return language.gettext("Dismissed by %(who)s on %(day)s.", who=who, day=language.date(row.seen_at))


def _shown(figure: str, value: float) -> str:
    return f"{100 * value:.0f}%" if figure in _SHARES else f"{value:.2f}"
