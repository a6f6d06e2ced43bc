"""The taxon list: looked through, changed one by one or from a file, and every change taken back."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, File, Request, Response, UploadFile
from fastapi.responses import RedirectResponse
from starlette.datastructures import FormData

from app.accounts.pages import by_field
from app.core.db import reading, transaction
from app.core.errors import Conflict, InvalidInput
from app.core.web.auth import Admin
from app.core.web.dependencies import LanguageDep, Sessions
from app.core.web.i18n import Language
from app.core.web.pages import uncached_page
from app.taxa import files as taxon_files
from app.taxa import list as taxon_list
from app.taxa.list import Difference
from app.taxa.pages_views import MOST_SHOWN, TaxonWords, languages_of, typed
from app.taxa.tables import ChangeState

router = APIRouter(prefix="/admin/taxa", include_in_schema=False)


async def _form(request: Request) -> FormData:
    return await request.form()


FormDep = Annotated[FormData, Depends(_form)]


@router.get("")
def show(
    request: Request,
    _user: Admin,
    sessions: Sessions,
    language: LanguageDep,
    q: str = "",
    after: str = "",
    done: str = "",
) -> Response:
    """Taxa by name, and what was changed last."""
    messages = {"undone": language.gettext("The change was undone.")}
    return _page(request, sessions, language, q=q, after=after, flash=messages.get(done))


def _page(
    request: Request,
    sessions: Sessions,
    language: Language,
    *,
    q: str = "",
    after: str = "",
    status: int = 200,
    **context: Any,
) -> Response:
    words, q = TaxonWords(language), q.replace("\x00", "")[:200]
    with reading(sessions) as session:
        rows = taxon_list.page(session, q, after.replace("\x00", ""), taxon_list.PAGE + 1)
        total, active = taxon_list.count(session)
        changes = [{"view": words.change(row), "row": row} for row in taxon_list.saved_changes(session)]
    return uncached_page(
        request,
        "taxa/taxa.html",
        status,
        taxa=rows[: taxon_list.PAGE],
        total=total,
        active=active,
        q=q,
        after=after,
        next=rows[taxon_list.PAGE - 1].scientific_name if len(rows) > taxon_list.PAGE else "",
        changes=changes,
        **({"error": "", "problem": "", "flash": None} | context),
    )


@router.post("/import")
def read(
    request: Request,
    user: Admin,
    sessions: Sessions,
    language: LanguageDep,
    file: Annotated[UploadFile | None, File()] = None,
) -> Response:
    """Read a list and lead to what it would change; nothing is saved yet."""
    data = file.file.read(taxon_files.MOST_BYTES + 1) if file is not None else b""
    try:
        found = taxon_files.read_list(data)
    except InvalidInput as error:
        return _page(request, sessions, language, status=422, error=by_field(error, language).get("file", ""))
    name = ((file.filename if file is not None else "") or "").replace("\\", "/").rsplit("/", 1)[-1]
    with transaction(sessions) as session:
        change = taxon_list.propose(session, user.user_id, name.replace("\x00", "") or "?", found)
    return RedirectResponse(f"/admin/taxa/changes/{change.id}", 303)


@router.get("/changes/{change_id}")
def preview(
    request: Request, _user: Admin, change_id: int, sessions: Sessions, language: LanguageDep, done: str = ""
) -> Response:
    """What a list would change, or what it changed."""
    words = TaxonWords(language)
    with reading(sessions) as session:
        change = taxon_list.get_change(session, change_id)
        if change.state is ChangeState.PREVIEWED:
            found = taxon_list.differences(session, change.wanted)
        else:
            found = [Difference(**each) for each in change.done]
    added = sum(each.before is None for each in found)
    return uncached_page(
        request,
        "taxa/taxon_change.html",
        change=change,
        view=words.change(change),
        previewed=change.state is ChangeState.PREVIEWED,
        listed=len(change.wanted),
        added=added,
        changed=len(found) - added,
        shown=[words.difference(each) for each in found[:MOST_SHOWN]],
        more=max(0, len(found) - MOST_SHOWN),
        flash=language.gettext("The list was saved.") if done == "saved" else None,
    )


@router.post("/changes/{change_id}/save")
def save(request: Request, user: Admin, change_id: int, sessions: Sessions) -> Response:
    """Do what the preview showed."""
    with transaction(sessions) as session:
        taxon_list.save(session, user.user_id, change_id)
    return RedirectResponse(f"/admin/taxa/changes/{change_id}?done=saved", 303)


@router.post("/changes/{change_id}/undo")
def undo(request: Request, user: Admin, change_id: int, sessions: Sessions, language: LanguageDep) -> Response:
    """Put everything back as it was."""
    try:
        with transaction(sessions) as session:
            taxon_list.undo(session, user.user_id, change_id)
    except Conflict:
        problem = language.gettext(
            "Could not undo: it was already undone, or somebody has changed one of these species since."
        )
        return _page(request, sessions, language, status=409, problem=problem)
    return RedirectResponse("/admin/taxa?done=undone", 303)


@router.get("/{taxon_id}")
def taxon(
    request: Request, _user: Admin, taxon_id: int, sessions: Sessions, language: LanguageDep, change: int | None = None
) -> Response:
    """One taxon, to be changed."""
    with reading(sessions) as session:
        row = taxon_list.get(session, taxon_id)
    return _taxon_page(request, language, row, taxon_list.state_of(row), {}, change=change)


def _taxon_page(
    request: Request,
    language: Language,
    row: Any,
    state: dict[str, Any],
    errors: dict[str, str],
    *,
    change: int | None = None,
) -> Response:
    return uncached_page(
        request,
        "taxa/taxon.html",
        422 if errors else 200,
        taxon=row,
        state=state,
        errors=errors,
        ranks=TaxonWords(language).ranks(row.taxon_rank),
        entered=languages_of(row),
        change=change,
    )


@router.post("/{taxon_id}")
def edit(
    request: Request, user: Admin, taxon_id: int, form: FormDep, sessions: Sessions, language: LanguageDep
) -> Response:
    """Other names, marks, rank, key or standing."""
    with reading(sessions) as session:
        row = taxon_list.get(session, taxon_id)
    after, errors = typed(form, row, language)
    if errors:
        return _taxon_page(request, language, row, after, errors)
    with transaction(sessions) as session:
        change = taxon_list.edit(session, user.user_id, taxon_id, after)
    return RedirectResponse(f"/admin/taxa/{taxon_id}" + (f"?change={change.id}" if change else ""), 303)
