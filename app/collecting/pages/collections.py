"""Collections of photos from Flickr: those that were, those that wait, and the start of another."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse

from app.accounts.pages import by_field
from app.collecting import collections
from app.collecting.pages import collection_words
from app.collecting.pages.collection_form import MOST_SPECIES, CollectionForm, blank
from app.collecting.pages.collections_shared import CollectionsDep, CollectionViewsDep
from app.collecting.rules import LICENCES, MOST_PER_TAXON, REUSABLE, SIZES
from app.core.db import reading
from app.core.errors import Conflict, InvalidInput
from app.core.settings import Settings
from app.core.web.auth import Admin
from app.core.web.dependencies import Sessions, SettingsDep
from app.core.web.pages import uncached_page
from app.core.web.words import error_message
from app.review.pages.shared import WordsDep
from app.review.words import Words

router = APIRouter(prefix="/admin/collections", include_in_schema=False)


@router.get("")
def show(
    request: Request,
    _user: Admin,
    sessions: Sessions,
    settings: SettingsDep,
    views: CollectionViewsDep,
    before: Annotated[int | None, Query(ge=1)] = None,
    deleted: str = "",
) -> Response:
    """The collections, the newest first; those that wait with how many are before them."""
    with reading(sessions) as session:
        rows = collections.page(session, before, collections.PAGE + 1)
        ahead = collections.waiting_before(session)
        found = [views.view(row, ahead.get(row.id, 0)) for row in rows[: collections.PAGE]]
    return uncached_page(
        request,
        "collecting/collections.html",
        collections=found,
        has_key=collections.has_key(settings),
        older=rows[collections.PAGE - 1].id if len(rows) > collections.PAGE else None,
        newest=before is not None,
        flash=views.t("The collection and its photos were deleted.") if deleted else None,
    )


@router.get("/new")
def ask(
    request: Request,
    _user: Admin,
    settings: SettingsDep,
    words: WordsDep,
    taxon: Annotated[list[str], Query(max_length=200)] = [],  # noqa: B006
) -> Response:
    """First the species; with some chosen, what to look for and how."""
    chosen = [words.known[name] for name in dict.fromkeys(taxon) if name in words.known and words.known[name].active]
    if len(chosen) > MOST_SPECIES:
        problem = words.t("Please choose at most %(max)s species at a time.", max=MOST_SPECIES)
        return _form_page(request, settings, words, CollectionForm(taxon=[]), problem=problem, status=422, ticked=taxon)
    return _form_page(request, settings, words, blank(chosen))


def _form_page(request: Request, settings: Settings, words: Words, form: CollectionForm, **context: Any) -> Response:
    shown = {"problem": "", "errors": {}, "ticked": form.taxon} | context
    status = shown.pop("status", 422 if shown["errors"] else 200)
    offered = [(name, words.name(name)) for name, taxon in words.known.items() if taxon.active]
    return uncached_page(
        request,
        "collecting/collection_new.html",
        status,
        form=form,
        species=sorted(offered, key=lambda each: each[1].casefold()),
        rows=[
            (name, words.name(name), typed)
            for name, typed in zip(form.taxon, form.keywords + [""] * len(form.taxon), strict=False)
        ],
        licences=[(name, words.t(collection_words.LICENCES[name]), name in REUSABLE) for name in LICENCES],
        sizes=[(name, words.t(collection_words.SIZES[name])) for name in SIZES],
        most=MOST_PER_TAXON,
        has_key=collections.has_key(settings),
        **shown,
    )


@router.post("")
def start(
    request: Request,
    user: Admin,
    form: Annotated[CollectionForm, Form()],
    settings: SettingsDep,
    words: WordsDep,
    use_cases: CollectionsDep,
) -> Response:
    """Start the collection."""
    try:
        number = use_cases.start(form.wanted(), user.user_id)
    except InvalidInput as error:
        return _form_page(request, settings, words, form, errors=by_field(error, words.language))
    except Conflict as error:
        return _form_page(request, settings, words, form, problem=error_message(words.language, error), status=409)
    return RedirectResponse(f"/admin/collections/{number}", 303)
