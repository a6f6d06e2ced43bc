"""The rules of the desk, for coordinators."""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request, Response

from app.core.db import reading
from app.core.errors import InvalidInput
from app.core.web.auth import Coordinator
from app.core.web.dependencies import Sessions
from app.review import settings, wording
from app.review.pages.queue_views import QueueViews
from app.review.pages.shared import WordsDep, desk_page, to
from app.review.pages.templates import by_field
from app.review.rules import Rule
from app.review.tables import DeskSettings
from app.review.words import Words

router = APIRouter(include_in_schema=False)
_PERCENT = ("audit_share", "blind_share", "wrong_limit")
_WHOLE = ("lease_minutes", "minimum_audits")


@dataclass(frozen=True)
class _SpeciesRule:
    scientific_name: str
    name: str
    rule: str


@router.get("/review/settings")
def show(request: Request, _user: Coordinator, sessions: Sessions, words: WordsDep, saved: str = "") -> Response:
    """What is in force."""
    return _page(request, sessions, words, flash=words.t("Saved.") if saved else None)


def _page(
    request: Request,
    sessions: Sessions,
    words: Words,
    form: dict[str, str] | None = None,
    errors: dict[str, str] | None = None,
    flash: str | None = None,
) -> Response:
    with reading(sessions) as session:
        current, changed = settings.current(session), settings.changed_at(session)
        own = [_species_rule(t.scientific_name, rule, words) for t, rule in settings.rules_by_taxon(session)]
    ruled = {one.scientific_name for one in own}
    return desk_page(
        request,
        "review/settings.html",
        words.language,
        422 if errors else 200,
        form=form or _form(current),
        errors=errors or {},
        rules=[(rule.value, words.t(label)) for rule, label in wording.RULES.items()],
        species_rules=own,
        changed_at=changed,
        taxa=[option for option in QueueViews(words, {}, 0).taxa() if option.value not in ruled],
        flash=flash,
    )


def _species_rule(scientific_name: str, rule: Rule, words: Words) -> _SpeciesRule:
    return _SpeciesRule(scientific_name, words.name(scientific_name), rule.value)


def _form(current: DeskSettings) -> dict[str, str]:
    shares = {name: f"{getattr(current, name) * 100:g}" for name in _PERCENT}
    return {"rule": current.rule.value} | shares | {name: str(getattr(current, name)) for name in _WHOLE}


@router.post("/review/settings")
def save(
    request: Request,
    user: Coordinator,
    sessions: Sessions,
    words: WordsDep,
    rule: Annotated[Rule, Form()],
    audit_share: Annotated[float, Form(allow_inf_nan=False)],
    blind_share: Annotated[float, Form(allow_inf_nan=False)],
    wrong_limit: Annotated[float, Form(allow_inf_nan=False)],
    lease_minutes: Annotated[int, Form()],
    minimum_audits: Annotated[int, Form()],
) -> Response:
    """Put it in force."""
    given: dict[str, Any] = {"audit_share": audit_share, "blind_share": blind_share, "wrong_limit": wrong_limit}
    counts = {"lease_minutes": lease_minutes, "minimum_audits": minimum_audits}
    wanted = DeskSettings(rule=rule, **{name: value / 100 for name, value in given.items()}, **counts)
    try:
        settings.save(sessions, user.user_id, wanted)
    except InvalidInput as error:
        form = {"rule": rule.value} | {name: f"{value:g}" for name, value in (given | counts).items()}
        return _page(request, sessions, words, form, _mistakes(error, words))
    return to("/review/settings", "saved=1")


def _mistakes(error: InvalidInput, words: Words) -> dict[str, str]:
    """By field; shares are typed in per cent."""
    told = by_field(error, words)
    for one in error.errors:
        limits = dict(one.params)
        if one.field in _PERCENT:
            least, most = (f"{float(limits[name]) * 100:g}" for name in ("min", "max"))
            told[one.field] = words.t("Please enter a percentage from %(min)s to %(max)s.", min=least, max=most)
    return told


@router.post("/review/settings/rules")
def save_rule(
    user: Coordinator, sessions: Sessions, taxon: Annotated[str, Form()], rule: Annotated[str, Form()] = ""
) -> Response:
    """Give a species a rule of its own, or take it away again."""
    settings.set_rule(sessions, user.user_id, taxon, Rule(rule) if rule in set(Rule) else None)
    return to("/review/settings", "saved=1")
