"""One model version: its figures, its folder, and its way into service past the gate or against it."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy.orm import Session

from app.core.db import reading, utcnow
from app.core.errors import Conflict, ModelUnavailable
from app.core.web.auth import Admin
from app.core.web.dependencies import Sessions, SettingsDep
from app.core.web.pages import uncached_page
from app.core.web.words import error_message
from app.predictions import registry
from app.predictions.tables import ModelVersion
from app.review.judging import season_start
from app.review.pages.shared import WordsDep
from app.review.words import Words
from app.versions import mistakes, model_versions, promotion, replay_results
from app.versions.attention import Attention
from app.versions.pages.card import rendered
from app.versions.pages.figures import Figures
from app.versions.pages.gate import GateWords
from app.versions.pages.mistakes import mistake_view
from app.versions.pages.replays_views import ReplayViews
from app.versions.pages.shared import PromotionDep
from app.versions.pages.version_views import VersionViews, title
from app.versions.promotion import GateClosed, Promotion
from app.versions.rules import GateReport

router = APIRouter(prefix="/admin/models/{version_id}", include_in_schema=False)
_LATEST = 3


@router.get("")
def show(
    request: Request, _user: Admin, version_id: int, sessions: Sessions, words: WordsDep, settings: SettingsDep
) -> Response:
    """The version whole."""
    with reading(sessions) as session:
        version = promotion.get(session, version_id)
        activations = model_versions.activations_of(session, version_id)
        serving = registry.serving_for(session, version.task)
        run = model_versions.run_of(session, version_id)
        photos = model_versions.photos_named(session, version.metrics.get("mistakes"))
        here = mistakes.of_version(session, version)
        tried = _tried(session, words, version)
    views = VersionViews(words)
    folder = model_versions.folder(version, settings)
    figures = Figures(words, version.metrics, version.labels)
    return uncached_page(
        request,
        "versions/version.html",
        version=version,
        title=title(version),
        origin=views.origin(version, run.id if run else None),
        run_id=run.id if run else None,
        figures=figures,
        thresholds=figures.thresholds(folder.info) if folder.info else [],
        photos=photos,
        info=folder.info,
        problem=folder.problem,
        manifest=folder.manifest,
        card=rendered(folder.card, words.t("Table from the model card")),
        files=folder.files,
        activations=[views.activation(row) for row in activations],
        serving=serving,
        here=here,
        mistakes=[mistake_view(words, each, version.id) for each in here.worst],
        maps=bool(folder.info and folder.info.activation_weights is not None),
        what="season",
        since=season_start(utcnow()).date().isoformat(),
        error="",
        **tried,
    )


def _tried(session: Session, words: Words, version: ModelVersion) -> dict[str, Any]:
    """Its latest replays, and what it saw in the shadow: now, or the last time."""
    views = ReplayViews(words)
    live = replay_results.page(session, version.id, 1, live=True)
    replays = replay_results.page(session, version.id, _LATEST, live=False)
    return {
        "replays": [views.view(replay_results.summary(session, row.id)) for row in replays],
        "shadow": views.view(replay_results.summary(session, live[0].id), current=version.shadow) if live else None,
    }


@router.get("/photos/{token}/attention.png")
def attention(
    request: Request, user: Admin, version_id: int, token: str, taxon: Annotated[str, Query(max_length=200)]
) -> Response:
    """Where this version looked for a species: a transparent picture to lay over the photo."""
    service: Attention = request.app.state.attention
    picture = service.of_version(user.user_id, version_id, token, taxon)
    return Response(picture, media_type="image/png", headers={"Cache-Control": "private, max-age=3600"})


@router.get("/promote")
def ask(
    request: Request, _user: Admin, version_id: int, sessions: Sessions, words: WordsDep, promotions: PromotionDep
) -> Response:
    """What the gate says now, and what may be done about it."""
    return _gate_page(request, sessions, words, promotions, version_id)


def _gate_page(
    request: Request,
    sessions: Sessions,
    words: Words,
    promotions: Promotion,
    version_id: int,
    *,
    reason: str = "",
    error: str = "",
    problem: str = "",
    status: int = 200,
) -> Response:
    with reading(sessions) as session:
        version = promotion.get(session, version_id)
        serving = registry.serving_for(session, version.task)
    report, broken = None, ""
    if serving is None or serving.id != version_id:
        try:
            report = promotions.gate(version_id).report
        except ModelUnavailable as unavailable:
            broken = error_message(words.language, unavailable)
    return uncached_page(
        request,
        "versions/promote.html",
        status,
        version=version,
        title=title(version),
        serving=serving,
        serving_title=title(serving) if serving else "",
        report=report,
        checks=_checks(words, report, version, serving),
        broken=broken,
        reason=reason,
        error=error,
        problem=problem,
    )


def _checks(
    words: Words, report: GateReport | None, version: ModelVersion, serving: ModelVersion | None
) -> list[object]:
    if report is None:
        return []
    lost = [words.name(label) for label in (serving.labels if serving else []) if label not in version.labels]
    return list(GateWords(words.language).checks(report, ", ".join(lost)))


@router.post("/promote")
def promote(
    request: Request,
    user: Admin,
    version_id: int,
    sessions: Sessions,
    words: WordsDep,
    promotions: PromotionDep,
    overrule: Annotated[bool, Form()] = False,
    reason: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """Put it into service: past the gate, or, with ``overrule`` and a reason, against it."""
    if overrule and len(reason.strip()) < promotion.SHORTEST_REASON:
        error = words.t("Please give a reason that others can understand later: at least a sentence.")
        return _gate_page(request, sessions, words, promotions, version_id, reason=reason, error=error, status=422)
    try:
        promotions.promote(version_id, user.user_id, overrule=reason if overrule else None)
    except GateClosed:
        problem = words.t("Nothing was changed: it does not pass all checks.")
    except ModelUnavailable:
        problem = words.t("Nothing was changed: it can’t be loaded.")
    except Conflict:
        problem = words.t(
            "Nothing was changed: somebody else has just switched versions. These figures compare with the new one."
        )
    else:
        return RedirectResponse("/admin/models?done=promoted", 303)
    return _gate_page(request, sessions, words, promotions, version_id, reason=reason, problem=problem, status=409)
