"""Training runs: those that were, those that wait, and the start of another, which first says what it would learn."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse

from app.db import reading
from app.domain.errors import Conflict
from app.domain.verification import VerificationStatus
from app.services.collecting import data_sets
from app.services.training import base_data, runs
from app.services.training.snapshots import serving_version
from app.settings import Settings
from app.web.auth import Admin
from app.web.model_pages.bases import base_name
from app.web.model_pages.run_form import CODES, RunForm
from app.web.model_pages.versions import title
from app.web.review.words import Words
from app.web.routes.admin.models_shared import (
    RunsDep,
    RunViewsDep,
    Sessions,
    SettingsDep,
    WordsDep,
    model_page,
)
from app.web.wording import VERIFICATIONS, error_message

router = APIRouter(prefix="/admin/runs", include_in_schema=False)


@router.get("")
def show(
    request: Request,
    _user: Admin,
    sessions: Sessions,
    views: RunViewsDep,
    before: Annotated[int | None, Query(ge=1)] = None,
) -> Response:
    """The runs, the newest first; those that wait with how many are before them."""
    with reading(sessions) as session:
        rows = runs.page(session, before, runs.PAGE + 1)
        ahead = runs.waiting_before(session)
        found = [views.view(row, ahead.get(row.id, 0)) for row in rows[: runs.PAGE]]
    return model_page(
        request,
        "runs.html",
        open=[each for each in reversed(found) if not each.over],
        over=[each for each in found if each.over],
        older=rows[runs.PAGE - 1].id if len(rows) > runs.PAGE else None,
        newest=before is not None,
    )


@router.get("/new")
def ask(request: Request, _user: Admin, sessions: Sessions, settings: SettingsDep, words: WordsDep) -> Response:
    """The form."""
    with reading(sessions) as session:
        bases = [str(path) for path in base_data.named(settings, session)]
    form = RunForm(config=settings.retrain_config, codes=["V1", "V2"], bases=bases)
    return _form_page(request, sessions, settings, words, form)


def _form_page(
    request: Request, sessions: Sessions, settings: Settings, words: Words, form: RunForm, **context: Any
) -> Response:
    status = context.pop("status", 422 if form.errors else 200)
    with reading(sessions) as session:
        serving = serving_version(session, settings.task)
        bases = [str(path) for path in base_data.named(settings, session)]
        numbers = data_sets.numbers_by_path(session, settings)
    shown = {"plan": None, "learnt": None, "names": "", "problem": ""} | context
    return model_page(
        request,
        "run_new.html",
        status,
        form=form,
        serving=serving,
        serving_title=title(serving) if serving else "",
        codes=[(code, words.t(VERIFICATIONS[VerificationStatus(code)])) for code in CODES],
        bases=[(path, base_name(words, path, numbers)) for path in bases],
        defaults=settings,
        **shown,
    )


@router.post("/plan")
def plan(
    request: Request,
    _user: Admin,
    form: Annotated[RunForm, Form()],
    sessions: Sessions,
    settings: SettingsDep,
    words: WordsDep,
    use_cases: RunsDep,
    views: RunViewsDep,
) -> Response:
    """What the run would learn, and whether that is pointless; nothing is started."""
    wanted = form.request(words.language, settings.retrain_config)
    if wanted is None:
        return _form_page(request, sessions, settings, words, form)
    try:
        found = use_cases.plan(wanted)
    except Conflict as error:
        return _form_page(
            request, sessions, settings, words, form, problem=error_message(words.language, error), status=409
        )
    names = ", ".join(words.name(label) for label in found.labels)
    return _form_page(
        request,
        sessions,
        settings,
        words,
        form,
        plan=found,
        nothing_new=error_message(words.language, found.nothing_new) if found.nothing_new else "",
        learnt=views.planned(found.choice),
        names=names,
    )


@router.post("")
def start(
    request: Request,
    user: Admin,
    form: Annotated[RunForm, Form()],
    sessions: Sessions,
    settings: SettingsDep,
    words: WordsDep,
    use_cases: RunsDep,
) -> Response:
    """Start the run."""
    wanted = form.request(words.language, settings.retrain_config)
    if wanted is None:
        return _form_page(request, sessions, settings, words, form)
    try:
        number = use_cases.start(wanted, user.user_id)
    except Conflict as error:
        return _form_page(
            request, sessions, settings, words, form, problem=error_message(words.language, error), status=409
        )
    return RedirectResponse(f"/admin/runs/{number}", 303)
