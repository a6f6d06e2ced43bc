"""Training runs: those that were, those that wait, and the start of another, which first says what it would learn."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse

from app.collecting import data_sets
from app.core.db import reading
from app.core.errors import Conflict
from app.core.settings import Settings
from app.core.web.auth import Admin
from app.core.web.dependencies import Sessions, SettingsDep
from app.core.web.pages import uncached_page
from app.core.web.words import error_message
from app.review.pages.shared import WordsDep
from app.review.words import Words
from app.submissions.rules import VerificationStatus
from app.submissions.words import VERIFICATIONS
from app.versions import base_data, runs
from app.versions.pages.bases import base_name
from app.versions.pages.run_form import CODES, RunForm
from app.versions.pages.shared import RunsDep, RunViewsDep
from app.versions.snapshots import serving_version

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
    return uncached_page(
        request,
        "versions/runs.html",
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
    return uncached_page(
        request,
        "versions/run_new.html",
        status,
        form=form,
        serving=serving,
        serving_title=serving.title if serving else "",
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
