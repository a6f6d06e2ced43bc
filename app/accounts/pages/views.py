"""Accounts in words and in the shapes that pages show."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from starlette.requests import Request

from app.accounts.tables import AccountLink, ApiKey, AuditEntry, UserSession
from app.core.db import utcnow
from app.core.roles import LEAST_ROLE, Role, Scope
from app.core.settings import Settings
from app.core.web.i18n import Language

_ = str  # marks messages for extraction; they are translated when a language is known

ROLES: dict[Role, str] = {
    Role.REVIEWER: _("reviewer"),
    Role.COORDINATOR: _("coordinator"),
    Role.ADMIN: _("admin"),
}
ROLE_HINTS: dict[Role, str] = {
    Role.REVIEWER: _("checks volunteers’ submissions"),
    Role.COORDINATOR: _("also decides what the computer may accept, and sets the review rules"),
    Role.ADMIN: _("also manages people, models and settings"),
}
SCOPES: dict[Scope, str] = {
    Scope.PREDICT: _("request predictions"),
    Scope.RECORDS: _("read records"),
    Scope.MODELS: _("train models and put them into service"),
}
ACTIONS: dict[str, str] = {
    "acceptance.changed": _("changed what the computer may accept"),
    "acceptance.lifted": _("lifted the suspension of a species"),
    "acceptance.suspended": _("suspended acceptance of a species because of its audits"),
    "account.password_changed": _("changed their password"),
    "account.password_reset": _("reset their password with a link"),
    "api_key.made": _("created an API key"),
    "api_key.revoked": _("revoked an API key"),
    "collection.cancelled": _("cancelled a collection of photos"),
    "collection.deleted": _("deleted a collection of photos"),
    "collection.photographer_removed": _("removed all collected photos of a photographer"),
    "collection.retried": _("retried a collection of photos"),
    "collection.started": _("started a collection of photos"),
    "collection.taken_out": _("removed collected photos from training"),
    "collection.used": _("released collected photos for training"),
    "invitation.revoked": _("withdrew an invitation"),
    "model.overruled": _("put a model version into service despite failed checks"),
    "model.promoted": _("put a model version into service"),
    "model.replayed": _("started a replay of past submissions"),
    "model.rolled_back": _("rolled back to a model version"),
    "model.shadow_began": _("started shadow mode for a model version"),
    "model.shadow_ended": _("stopped shadow mode for a model version"),
    "policy.changed": _("changed the decision policy of a species"),
    "records.described": _("described the records"),
    "records.downloaded": _("downloaded records"),
    "records.previewed": _("viewed records with their exact places"),
    "review.rule_changed": _("changed how many experts a species needs"),
    "review.settings_changed": _("changed the review rules"),
    "run.cancelled": _("cancelled a training run"),
    "run.retried": _("retried a training run"),
    "run.started": _("started a training run"),
    "taxa.imported": _("imported a species list"),
    "taxa.undone": _("undid a change to the species list"),
    "taxon.edited": _("changed a species"),
    "template.deleted": _("deleted a question template"),
    "watch.seen": _("dismissed an alert about the model"),
    "user.activated": _("activated an account"),
    "user.added": _("added an account"),
    "user.deactivated": _("deactivated an account"),
    "user.invited": _("invited somebody"),
    "user.joined": _("joined with a link"),
    "user.new_password_required": _("required a new password"),
    "user.password_link_made": _("created a password link"),
    "user.renamed": _("renamed an account"),
    "user.role_changed": _("changed a role"),
    "user.session_ended": _("signed somebody out"),
}
_SYSTEMS = ("Android", "iPhone", "iPad", "Windows", "Mac OS X", "CrOS", "Linux")
_BROWSERS = {"Edg/": "Edge", "OPR/": "Opera", "Firefox/": "Firefox", "Chrome/": "Chrome", "Safari/": "Safari"}
_NAMED = {"Mac OS X": "Mac", "CrOS": "Chromebook"}


def role_choices(language: Language) -> list[dict[str, str]]:
    """The roles as a form offers them."""
    return [
        {"value": role.value, "name": language.gettext(ROLES[role]), "hint": language.gettext(ROLE_HINTS[role])}
        for role in Role
    ]


def browser_name(user_agent: str, language: Language) -> str:
    """What a person calls the browser: "Firefox, Windows". Only a help to recognise it; anybody may pretend."""
    browser = next((name for mark, name in _BROWSERS.items() if mark in user_agent), "")
    system = next((name for name in _SYSTEMS if name in user_agent), "")
    named = ", ".join(filter(None, (browser, _NAMED.get(system, system))))
    return named or re.sub(r"[/ ].*", "", user_agent) or language.gettext("unknown browser")


@dataclass(frozen=True)
class SessionView:
    """One browser in which somebody is signed in."""

    id: int
    browser: str
    address: str
    created_at: datetime
    last_used_at: datetime
    is_this: bool


def session_views(rows: list[UserSession], this: int | None, language: Language) -> list[SessionView]:
    """Sessions as a person recognises them, this browser's first."""
    views = [
        SessionView(
            row.id,
            browser_name(row.user_agent, language),
            row.address,
            row.created_at,
            row.last_used_at,
            row.id == this,
        )
        for row in rows
    ]
    return sorted(views, key=lambda view: not view.is_this)


def link_state(link: AccountLink, language: Language) -> str:
    """What became of an invitation."""
    if link.used_at is not None:
        return language.gettext("accepted by %(name)s", name=link.user.name if link.user else "?")
    if link.revoked_at is not None:
        return language.gettext("withdrawn")
    return language.gettext("expired") if link.expires_at <= utcnow() else language.gettext("open")


def is_open(link: AccountLink) -> bool:
    """Whether an invitation can still be used."""
    return link.used_at is None and link.revoked_at is None and link.expires_at > utcnow()


def key_state(key: ApiKey, language: Language) -> str:
    """Whether a key works, and why not."""
    if key.revoked_at is not None:
        return language.gettext("revoked")
    if key.expires_at is not None and key.expires_at <= utcnow():
        return language.gettext("expired")
    if not key.user.active:
        return language.gettext("user deactivated")
    if not any(key.user.role.includes(LEAST_ROLE[scope]) for scope in key.scopes):
        return language.gettext("can do nothing")
    return language.gettext("active")


def scope_names(scopes: list[Scope], language: Language) -> str:
    """What a key may do, in words."""
    return ", ".join(language.gettext(SCOPES[Scope(scope)]) for scope in scopes) or language.gettext("nothing any more")


def action_name(action: str, language: Language) -> str:
    """What somebody did, in words; its code where it is newer than this page."""
    return language.gettext(ACTIONS[action]) if action in ACTIONS else action


_PAGES = {
    "user": "people",
    "model": "models",
    "run": "runs",
    "collection": "collections",
    "taxon_change": "taxa/changes",
}


def page_of(entry: AuditEntry) -> str:
    """Where what was done can be seen; empty where there is no such page, or not any more."""
    kind, _colon, number = entry.subject.partition(":")
    gone = entry.action.endswith(".deleted")
    return f"/admin/{_PAGES[kind]}/{number}" if kind in _PAGES and number.isdecimal() and not gone else ""


def detail_lines(entry: AuditEntry) -> list[tuple[str, str]]:
    """What an entry says beyond who, what and when."""
    return [(name, _plain(value)) for name, value in entry.details.items() if value not in ("", None, [])]


def _plain(value: Any) -> str:
    return ", ".join(str(part) for part in value) if isinstance(value, list) else str(value)


def full_address(request: Request, path: str) -> str:
    """An address to hand over: under the name that the setting gives, else under the one that this page was asked by."""
    settings: Settings = request.app.state.settings
    return (settings.public_url.rstrip("/") or str(request.base_url).rstrip("/")) + path
