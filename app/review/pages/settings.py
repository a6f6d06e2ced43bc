"""Rules of the desk, for coordinators; templates for questions, and a reviewer's own preferences."""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Form, Response
from pydantic import BaseModel, FiniteFloat

from app.core.db import reading
from app.core.errors import InvalidInput
from app.core.web.i18n import LANGUAGES
from app.review import questions, settings
from app.review.pages.shared import CoordinatorContext, DeskContext, ReviewerContext, to
from app.review.questions import Questions
from app.review.rules import Rule
from app.review.tables import DeskSettings, ReviewerPreference

router = APIRouter(include_in_schema=False)
_ = str  # marks messages for extraction
# Typed in per cent, kept as fractions of 1.
_SHARES = ("audit_share", "blind_share", "wrong_limit")
_BRIGHTNESS = {0.8: _("a little darker"), 1.0: _("unchanged"), 1.2: _("a little brighter"), 1.6: _("much brighter")}


# --- rules ----------------------------------------------------------------------------------------------------------------


class _RulesForm(BaseModel):
    """Shares in per cent."""

    rule: Rule
    audit_share: FiniteFloat
    blind_share: FiniteFloat
    wrong_limit: FiniteFloat
    lease_minutes: int
    minimum_audits: int


@router.get("/review/settings")
def rules(context: CoordinatorContext, saved: str = "") -> Response:
    """The rules in force."""
    return _rules_page(context, flash=context.words.t("Saved.") if saved else None)


def _rules_page(
    context: DeskContext,
    form: _RulesForm | None = None,
    errors: dict[str, str] | None = None,
    flash: str | None = None,
) -> Response:
    with reading(context.sessions) as session:
        current = asdict(settings.current(session))
        shown = form.model_dump() if form else current | {name: current[name] * 100 for name in _SHARES}
        return context.page(
            "review/settings.html",
            422 if errors else 200,
            form=shown,
            errors=errors or {},
            rules=list(Rule),
            species_rules=settings.rules_by_taxon(session),
            changed_at=settings.changed_at(session),
            flash=flash,
        )


@router.post("/review/settings")
def save_rules(context: CoordinatorContext, form: Annotated[_RulesForm, Form()]) -> Response:
    """Put rules in force."""
    typed: dict[str, Any] = form.model_dump()
    try:
        changed = DeskSettings(**typed | {name: typed[name] / 100 for name in _SHARES})
        settings.save(context.sessions, context.user_id, changed)
    except InvalidInput as error:
        return _rules_page(context, form, _errors(context, error))
    return to("/review/settings", "saved=1")


def _errors(context: DeskContext, error: InvalidInput) -> dict[str, str]:
    """By field; the limits of shares in per cent, as they are typed."""
    messages = context.errors_by_field(error)
    for mistake in error.errors:
        if mistake.field in _SHARES:
            least, most = (f"{float(limit) * 100:g}" for _name, limit in mistake.params)
            messages[mistake.field] = context.words.t(
                "Please enter a percentage from %(min)s to %(max)s.", min=least, max=most
            )
    return messages


@router.post("/review/settings/rules")
def save_species_rule(
    context: CoordinatorContext, taxon: Annotated[str, Form()], rule: Annotated[str, Form()] = ""
) -> Response:
    """Give a species a rule of its own, or the default again."""
    own = Rule(rule) if rule in set(Rule) else None
    settings.set_rule(context.sessions, context.user_id, taxon, own)
    return to("/review/settings", "saved=1")


# --- templates for questions, which all reviewers share -------------------------------------------------------------------


class _TemplateForm(BaseModel):
    """A template as it is typed; ``taxon`` "" is any species. ``action``: "save", or "delete" for one that exists."""

    body: str = ""
    taxon: str = ""
    language: str = ""
    action: str = "save"


@router.get("/review/templates")
def templates(context: ReviewerContext) -> Response:
    """All of them, and the form for another."""
    return _templates_page(context)


def _templates_page(
    context: DeskContext,
    form: _TemplateForm | None = None,
    template_id: int | None = None,
    errors: dict[str, str] | None = None,
) -> Response:
    """``form`` and ``errors``: what was typed for this template (None: a new one), and what is wrong with it."""
    blank = _TemplateForm(language=context.words.language.code)
    with reading(context.sessions) as session:
        return context.page(
            "review/templates.html",
            422 if errors else 200,
            templates=questions.templates(session),
            form=form or blank,
            blank=blank,
            template_id=template_id,
            errors=errors or {},
        )


@router.post("/review/templates")
def add_template(context: ReviewerContext, form: Annotated[_TemplateForm, Form()]) -> Response:
    """Add a template."""
    return _save_template(context, form, None)


@router.post("/review/templates/{template_id}")
def change_template(context: ReviewerContext, template_id: int, form: Annotated[_TemplateForm, Form()]) -> Response:
    """Change a template, or delete it."""
    if form.action == "delete":
        Questions(context.sessions).delete_template(context.user_id, template_id)
        return to("/review/templates")
    return _save_template(context, form, template_id)


def _save_template(context: DeskContext, form: _TemplateForm, template_id: int | None) -> Response:
    language = form.language if form.language in LANGUAGES else context.words.language.code
    try:
        Questions(context.sessions).save_template(context.user_id, form.body, language, form.taxon, template_id)
    except InvalidInput as error:
        return _templates_page(context, form, template_id, context.errors_by_field(error))
    return to("/review/templates")


# --- how a reviewer likes the desk ----------------------------------------------------------------------------------------


@router.get("/review/preferences")
def own_preferences(context: ReviewerContext, saved: str = "") -> Response:
    """The reviewer's own preferences."""
    words = context.words
    with reading(context.sessions) as session:
        return context.page(
            "review/preferences.html",
            preferences=settings.preferences_of(session, context.user_id),
            brightness_choices=[(value, words.t(label)) for value, label in _BRIGHTNESS.items()],
            flash=words.t("Saved.") if saved else None,
        )


@router.post("/review/preferences")
def save_preferences(
    context: ReviewerContext, blind: Annotated[str, Form()] = "", brightness: Annotated[float, Form()] = 1.0
) -> Response:
    """Save them."""
    with reading(context.sessions) as session:
        options = settings.preferences_of(session, context.user_id).options
    chosen = brightness if brightness in _BRIGHTNESS else 1.0
    preferences = ReviewerPreference(
        user_id=context.user_id, blind=bool(blind), options=options | {"brightness": chosen}
    )
    settings.save_preferences(context.sessions, preferences)
    return to("/review/preferences", "saved=1")
