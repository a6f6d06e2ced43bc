"""The taxon list: searched, edited taxon by taxon, imported from a file; every change can be undone."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, File, Request, Response, UploadFile
from fastapi.responses import RedirectResponse
from starlette.datastructures import FormData

from app.accounts.pages import by_field
from app.core.db import reading, transaction
from app.core.errors import Conflict, InvalidInput
from app.core.web.auth import Admin
from app.core.web.dependencies import LanguageDep, ReadSession, Sessions
from app.core.web.i18n import LANGUAGES, Language
from app.core.web.pages import uncached_page
from app.taxa import files as taxon_files
from app.taxa import list as taxon_list
from app.taxa.rules import RANKS
from app.taxa.tables import ChangeState, Taxon

router = APIRouter(prefix="/admin/taxa", include_in_schema=False)
_MOST_SHOWN = 200
_LONGEST_NAME, _LONGEST_KEY, _LONGEST_SEARCH = 200, 17, 200


@router.get("")
def show(request: Request, _user: Admin, q: str = "", after: str = "", done: str = "") -> Response:
    """Taxa by name, and the latest changes."""
    return _list_page(request, q=q, after=after, done=done)


def _list_page(
    request: Request, status: int = 200, *, q: str = "", after: str = "", done: str = "", file_error: str = ""
) -> Response:
    """``file_error``: why a file can't be imported. 409: a change can't be undone."""
    q, after = q.replace("\x00", "")[:_LONGEST_SEARCH], after.replace("\x00", "")
    with reading(request.app.state.sessions) as session:
        taxa = taxon_list.page(session, q, after, taxon_list.PAGE + 1)
        total, active = taxon_list.count(session)
        changes = taxon_list.saved_changes(session)
    return uncached_page(
        request,
        "taxa/taxa.html",
        status,
        taxa=taxa[: taxon_list.PAGE],
        next=taxa[taxon_list.PAGE - 1].scientific_name if len(taxa) > taxon_list.PAGE else "",
        total=total,
        active=active,
        changes=changes,
        q=q,
        after=after,
        done=done,
        file_error=file_error,
    )


@router.post("/import")
def read(
    request: Request, user: Admin, language: LanguageDep, file: Annotated[UploadFile | None, File()] = None
) -> Response:
    """Read a list and redirect to a preview of what it would change."""
    data = file.file.read(taxon_files.MOST_BYTES + 1) if file is not None else b""
    try:
        listed = taxon_files.read_list(data)
    except InvalidInput as error:
        return _list_page(request, 422, file_error=by_field(error, language).get("file", ""))
    name = ((file.filename if file is not None else "") or "").replace("\\", "/").rsplit("/", 1)[-1]
    with transaction(request.app.state.sessions) as session:
        change = taxon_list.propose(session, user.user_id, name.replace("\x00", "") or "?", listed)
    return RedirectResponse(f"/admin/taxa/changes/{change.id}", 303)


@router.get("/changes/{change_id}")
def preview(request: Request, _user: Admin, change_id: int, session: ReadSession, done: str = "") -> Response:
    """What a change does to the list, or would do."""
    change = taxon_list.get_change(session, change_id)
    differences = taxon_list.differences(session, change)
    added = sum(difference.before is None for difference in differences)
    return uncached_page(
        request,
        "taxa/taxon_change.html",
        change=change,
        previewed=change.state is ChangeState.PREVIEWED,
        added=added,
        changed=len(differences) - added,
        differences=differences[:_MOST_SHOWN],
        more=max(0, len(differences) - _MOST_SHOWN),
        done=done,
    )


@router.post("/changes/{change_id}/save")
def save(user: Admin, change_id: int, sessions: Sessions) -> Response:
    """Make the changes of a preview."""
    with transaction(sessions) as session:
        taxon_list.save(session, user.user_id, change_id)
    return RedirectResponse(f"/admin/taxa/changes/{change_id}?done=saved", 303)


@router.post("/changes/{change_id}/undo")
def undo(request: Request, user: Admin, change_id: int) -> Response:
    """Restore what was there before the change."""
    try:
        with transaction(request.app.state.sessions) as session:
            taxon_list.undo(session, user.user_id, change_id)
    except Conflict:
        return _list_page(request, 409)
    return RedirectResponse("/admin/taxa?done=undone", 303)


@router.get("/{taxon_id}")
def taxon(request: Request, _user: Admin, taxon_id: int, session: ReadSession, change: int | None = None) -> Response:
    """The form of one taxon. ``change``: the edit that was just saved."""
    row = taxon_list.get(session, taxon_id)
    return _taxon_page(request, row, taxon_list.state_of(row), change=change)


def _taxon_page(
    request: Request,
    row: Taxon,
    state: taxon_list.State,
    *,
    errors: Mapping[str, str] | None = None,
    change: int | None = None,
) -> Response:
    return uncached_page(
        request,
        "taxa/taxon.html",
        422 if errors else 200,
        taxon=row,
        state=state,
        errors=errors or {},
        ranks=RANKS if row.taxon_rank in RANKS or not row.taxon_rank else (row.taxon_rank, *RANKS),
        entry_languages=_languages_of(row),
        change=change,
    )


def _languages_of(row: Taxon) -> dict[str, str]:
    """The languages of the pages, and any other in which the taxon has a name or marks."""
    codes = {name.language for name in row.vernacular_names} | {mark.language for mark in row.marks}
    return LANGUAGES | {code: code for code in sorted(codes - LANGUAGES.keys())}


async def _form(request: Request) -> FormData:
    return await request.form()


@router.post("/{taxon_id}")
def edit(
    request: Request, user: Admin, taxon_id: int, form: Annotated[FormData, Depends(_form)], language: LanguageDep
) -> Response:
    """Change names, marks, rank, key, or whether the taxon is available."""
    sessions = request.app.state.sessions
    with reading(sessions) as session:
        row = taxon_list.get(session, taxon_id)
    after, errors = _typed(form, row, language)
    if errors:
        return _taxon_page(request, row, after, errors=errors)
    with transaction(sessions) as session:
        change = taxon_list.edit(session, user.user_id, taxon_id, after)
    return RedirectResponse(f"/admin/taxa/{taxon_id}" + (f"?change={change.id}" if change else ""), 303)


def _typed(form: FormData, row: Taxon, language: Language) -> tuple[dict[str, Any], dict[str, str]]:
    """The state that the form describes, and its mistakes by field. Its fields depend on the taxon's languages."""
    typed = {name: str(value).replace("\x00", "") for name, value in form.items()}
    errors: dict[str, str] = {}
    key, rank = typed.get("gbif_key", "").strip(), typed.get("taxon_rank", "").strip()
    if key and not (key.isascii() and key.isdigit() and len(key) <= _LONGEST_KEY):
        errors["gbif_key"] = language.gettext("A GBIF key is a whole number.")
    if rank not in (*RANKS, row.taxon_rank):
        errors["taxon_rank"] = language.gettext("Please choose one.")
    names, marks = {}, {}
    for code in _languages_of(row):
        name = typed.get(f"name_{code}", "").strip()
        lines = [line.strip() for line in typed.get(f"marks_{code}", "").splitlines() if line.strip()]
        if len(name) > _LONGEST_NAME:
            errors[f"name_{code}"] = language.gettext("Please use at most %(max)s characters.", max=_LONGEST_NAME)
        if name:
            names[code] = name
        if lines:
            marks[code] = lines
    after = taxon_list.state_of(row) | {
        "taxon_rank": rank,
        "gbif_key": int(key) if key and "gbif_key" not in errors else None,
        "vernacular_names": names,
        "marks": marks,
        "active": bool(form.get("active")),
    }
    return after, errors
