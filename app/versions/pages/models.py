"""Model versions: which there are and which serves, one version whole, and its way into service past the gate or against it."""

from collections.abc import MutableMapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Response
from fastapi.responses import RedirectResponse
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markupsafe import Markup, escape
from pydantic import BaseModel, Field

from app.core.db import reading
from app.core.errors import Conflict, ModelUnavailable
from app.core.texts import OneForm
from app.core.web.dependencies import ReadSession
from app.core.web.words import error_message
from app.predictions import registry
from app.versions import comparisons, model_versions, promotion, replays, watch
from app.versions.pages.figures import Figures, fewest_photos
from app.versions.pages.frame import AdminPage, Page
from app.versions.pages.replays import ReplayForm
from app.versions.promotion import GateClosed, Promotion

router = APIRouter(prefix="/admin/models", include_in_schema=False)
_LATEST_REPLAYS = 3
Reason = Annotated[str, Field(max_length=2000), OneForm]


# --- the list ---------------------------------------------------------------------------------------------------------


@router.get("")
def show_all(page: Page, done: str = "", before: Annotated[int | None, Query(ge=1)] = None) -> Response:
    """All versions, and the history of what served."""
    t = page.words.t
    messages = {
        "promoted": t("Version switched. All running servers follow within seconds."),
        "rolled_back": t("Rolled back. All running servers follow within seconds."),
    }
    return _list_page(page, before=before, flash=messages.get(done))


def _list_page(page: AdminPage, status: int = 200, *, before: int | None = None, **context: Any) -> Response:
    with reading(page.sessions) as session:
        listed = model_versions.all_versions(session)
        rows = promotion.history(session, before, promotion.PAGE + 1)
        serving = next((row for row in rows if before is None and row.model_version.active), None)
        return page.render(
            "versions/list.html",
            status,
            listed=[(row, Figures(page.words, row.version)) for row in listed],
            several_tasks=len({row.version.task for row in listed}) > 1,
            is_bundled=registry.is_bundled,
            history=rows[: promotion.PAGE],
            back_to=serving.replaced if serving else None,
            alerts=watch.open_alerts(session),
            older=rows[promotion.PAGE - 1].id if len(rows) > promotion.PAGE else None,
            newest=before is not None,
            **({"flash": None, "problem": ""} | context),
        )


@router.post("/{version_id}/roll-back")
def roll_back(page: Page, version_id: int, reason: Annotated[str, Form(max_length=2000), OneForm] = "") -> Response:
    """Go back to a version that served before. No gate is asked: it was good enough once, and time matters."""
    t = page.words.t
    try:
        Promotion(page.sessions, page.settings).roll_back(version_id, page.user.user_id, reason)
    except Conflict:
        problem = t(
            "Nothing was changed: this version is in service, was never in service, or somebody has just switched versions."
        )
    except ModelUnavailable as error:
        why = error_message(page.words.language, error)
        problem = t("Nothing was changed: that version can’t be loaded. %(why)s", why=why)
    else:
        return RedirectResponse("/admin/models?done=rolled_back", 303)
    return _list_page(page, 409, problem=problem)


# --- one version ------------------------------------------------------------------------------------------------------


@router.get("/{version_id}")
def show(page: Page, session: ReadSession, version_id: int) -> Response:
    """The version whole, with its latest replays and what it saw in the shadow: now, or the last time."""
    version = promotion.get(session, version_id)
    run = model_versions.run_of(session, version_id)
    folder = model_versions.folder(version, page.settings)
    figures = Figures(page.words, version)
    live = replays.page(session, version_id, 1, live=True)
    latest = replays.page(session, version_id, _LATEST_REPLAYS, live=False)
    test_photos = [mistake.path for mistake in figures.mistakes[: comparisons.MOST_LISTED]]
    return page.render(
        "versions/version.html",
        version=version,
        run_id=run.id if run else None,
        is_bundled=registry.is_bundled,
        figures=figures,
        fewest_photos=fewest_photos,
        photos=comparisons.photos_by_hash(session, test_photos),
        folder=folder,
        card=rendered_card(folder.card, page.words.t("Table from the model card")),
        activations=model_versions.activations_of(session, version_id),
        serving=registry.serving_for(session, version.task),
        mistakes=comparisons.mistakes(session, version),
        maps=bool(folder.info and folder.info.activation_weights is not None),
        replays=[replays.summary(session, row.id) for row in latest],
        shadow=replays.summary(session, live[0].id) if live else None,
        form=ReplayForm.of_the_season(),
        error="",
    )


def rendered_card(text: str, table_label: str) -> Markup:
    """A model card (Markdown) as HTML: headings lie below the page's own, the card's title is left out.

    Anybody may have made the version that it comes with, so only text and tables are let through. ``table_label``: the name of
    a table's frame, which scrolls where the screen is narrow, for screen readers.
    """
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")
    tokens = markdown.parse(text)
    if tokens[:1] and tokens[0].tag == "h1":
        tokens = tokens[3:]
    deeper = {"h1": "h3", "h2": "h3", "h3": "h4", "h4": "h5", "h5": "h6"}
    for token in tokens:
        token.tag = deeper.get(token.tag, token.tag)
    frame = (
        f'<div class="table-box" role="region" aria-label="{escape(table_label)}" tabindex="0"><table class="table">'
    )

    def table_open(
        _self: RendererHTML, _tokens: Sequence[Token], _index: int, _options: Any, _env: MutableMapping[str, Any]
    ) -> str:
        return frame

    def table_close(
        _self: RendererHTML, _tokens: Sequence[Token], _index: int, _options: Any, _env: MutableMapping[str, Any]
    ) -> str:
        return "</table></div>"

    markdown.add_render_rule("table_open", table_open)
    markdown.add_render_rule("table_close", table_close)
    return Markup(markdown.renderer.render(tokens, markdown.options, {}))  # noqa: S704 - raw HTML is off


# --- into service -----------------------------------------------------------------------------------------------------


class PromotionForm(BaseModel):
    """``overrule``: against the gate, which takes a ``reason``."""

    overrule: bool = False
    reason: Reason = ""


@router.get("/{version_id}/promote")
def ask(page: Page, version_id: int) -> Response:
    """What the gate says now, and what may be done about it."""
    return _gate_page(page, version_id)


def _gate_page(page: AdminPage, version_id: int, status: int = 200, **context: str) -> Response:
    with reading(page.sessions) as session:
        version = promotion.get(session, version_id)
        serving = registry.serving_for(session, version.task)
    report, broken = None, ""
    if serving is None or serving.id != version_id:
        try:
            report = Promotion(page.sessions, page.settings).gate(version_id).report
        except ModelUnavailable as error:
            broken = error_message(page.words.language, error)
    return page.render(
        "versions/promote.html",
        status,
        version=version,
        serving=serving,
        report=report,
        broken=broken,
        **({"reason": "", "error": "", "problem": ""} | context),
    )


@router.post("/{version_id}/promote")
def promote(page: Page, version_id: int, form: Annotated[PromotionForm, Form()]) -> Response:
    """Put it into service: past the gate, or, with ``overrule`` and a reason, against it."""
    t = page.words.t
    if form.overrule and len(form.reason.strip()) < promotion.SHORTEST_REASON:
        error = t("Please give a reason that others can understand later: at least a sentence.")
        return _gate_page(page, version_id, 422, reason=form.reason, error=error)
    try:
        overrule = form.reason if form.overrule else None
        Promotion(page.sessions, page.settings).promote(version_id, page.user.user_id, overrule=overrule)
    except GateClosed:
        problem = t("Nothing was changed: it does not pass all checks.")
    except ModelUnavailable:
        problem = t("Nothing was changed: it can’t be loaded.")
    except Conflict:
        problem = t(
            "Nothing was changed: somebody else has just switched versions. These figures compare with the new one."
        )
    else:
        return RedirectResponse("/admin/models?done=promoted", 303)
    return _gate_page(page, version_id, 409, reason=form.reason, problem=problem)
