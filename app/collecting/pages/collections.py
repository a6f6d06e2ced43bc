"""Collections of photos from Flickr: the list, the form for a new one, and one collection as it goes on."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Query, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, Field

from app.accounts.pages import by_field
from app.collecting import collections, curation, data_sets
from app.collecting.collections import CollectionRequest, Collections
from app.collecting.data_sets import DataSets
from app.collecting.pages.shared import PagesDep, TrainingPages, done_or_late
from app.collecting.rules import LEARNT_FROM, LICENCES, MOST_PER_TAXON, REUSABLE, SIZES
from app.collecting.tables import Collection
from app.core.db import reading
from app.core.errors import Conflict, InvalidInput
from app.core.web.auth import Admin
from app.core.web.dependencies import ReadSession
from app.core.web.live import Live, WorkView, event_route
from app.taxa.tables import Taxon

router = APIRouter(prefix="/admin/collections", include_in_schema=False)
MOST_SPECIES = 15  # a form may have so many fields


def _collections(pages: PagesDep) -> Collections:
    state = pages.request.app.state
    return Collections(pages.sessions, pages.settings, state.send_message, state.open_runs)


CollectionsDep = Annotated[Collections, Depends(_collections)]


def _data_sets(pages: PagesDep) -> DataSets:
    return DataSets(pages.sessions, pages.settings, pages.request.app.state.open_runs)


DataSetsDep = Annotated[DataSets, Depends(_data_sets)]


@router.get("")
def list_collections(
    _user: Admin,
    pages: PagesDep,
    session: ReadSession,
    before: Annotated[int | None, Query(ge=1)] = None,
    deleted: str = "",
) -> Response:
    """The collections, the newest first."""
    shown, older = pages.list_work(session, Collection, before)
    return pages.render(
        "collecting/collections.html",
        collections=shown,
        has_key=collections.has_key(pages.settings),
        older=older,
        newest=before is not None,
        flash=pages.words.t("The collection and its photos were deleted.") if deleted else None,
    )


# --- a new one --------------------------------------------------------------------------------------------------------


class CollectionForm(BaseModel):
    """The fields as typed. ``keywords`` are in the order of ``taxon``, several separated by commas or lines."""

    taxon: list[str] = Field([], max_length=MOST_SPECIES)
    keywords: list[str] = Field([], max_length=MOST_SPECIES)
    licences: list[str] = Field(list(REUSABLE), max_length=20)
    number: str = Field("100", max_length=20)
    size: str = Field("medium-640", max_length=40)

    def request(self) -> CollectionRequest:
        """What it means. Whether that can be collected is checked when it starts."""
        texts = [_parts(typed) for typed in self.keywords]
        texts += [()] * (len(self.taxon) - len(texts))
        number = self.number.strip()
        return CollectionRequest(
            keywords=dict(zip(self.taxon, texts, strict=False)),
            licences=tuple(dict.fromkeys(self.licences)),
            number=int(number) if number.isascii() and number.isdigit() and int(number) <= MOST_PER_TAXON else 0,
            size=self.size,
        )


def _parts(typed: str) -> tuple[str, ...]:
    parts = [" ".join(part.split()) for line in typed.splitlines() for part in line.split(",")]
    return tuple(dict.fromkeys(part for part in parts if part))


def _suggested(taxa: Sequence[Taxon]) -> CollectionForm:
    """The form for these taxa, with their names as keywords."""
    return CollectionForm(
        taxon=[taxon.scientific_name for taxon in taxa], keywords=["\n".join(_names(taxon)) for taxon in taxa]
    )


def _names(taxon: Taxon) -> list[str]:
    """Every name in the species list, the scientific one first: it finds the fewest photos of something else."""
    names = {name.name.casefold(): name.name for name in taxon.vernacular_names}
    return list({taxon.scientific_name.casefold(): taxon.scientific_name, **names}.values())


@router.get("/new")
def ask(
    _user: Admin,
    pages: PagesDep,
    taxon: Annotated[list[str], Query(max_length=200)] = [],  # noqa: B006
) -> Response:
    """First the species; with some chosen, what to look for and how."""
    known = pages.words.known
    chosen = [known[name] for name in dict.fromkeys(taxon) if name in known and known[name].active]
    if len(chosen) > MOST_SPECIES:
        problem = pages.words.t("Please choose at most %(max)s species at a time.", max=MOST_SPECIES)
        return _form_page(pages, CollectionForm(taxon=[]), problem=problem, status=422, ticked=taxon)
    return _form_page(pages, _suggested(chosen))


def _form_page(pages: TrainingPages, form: CollectionForm, **context: Any) -> Response:
    shown = {"problem": "", "errors": {}, "ticked": form.taxon} | context
    status = shown.pop("status", 422 if shown["errors"] else 200)
    names = [(name, pages.words.name(name)) for name, taxon in pages.words.known.items() if taxon.active]
    return pages.render(
        "collecting/collection_new.html",
        status,
        form=form,
        species=sorted(names, key=lambda pair: pair[1].casefold()),
        rows=list(zip(form.taxon, form.keywords + [""] * len(form.taxon), strict=False)),
        licences=LICENCES,
        sizes=SIZES,
        most=MOST_PER_TAXON,
        has_key=collections.has_key(pages.settings),
        **shown,
    )


@router.post("")
def start(user: Admin, form: Annotated[CollectionForm, Form()], pages: PagesDep, use_cases: CollectionsDep) -> Response:
    """Start the collection."""
    try:
        number = use_cases.start(form.request(), user.user_id)
    except InvalidInput as error:
        return _form_page(pages, form, errors=by_field(error, pages.words.language))
    except Conflict as error:
        return _form_page(pages, form, problem=pages.error(error), status=409)
    return RedirectResponse(f"/admin/collections/{number}", 303)


# --- one collection ---------------------------------------------------------------------------------------------------


@router.get("/{collection_id}")
def show(
    _user: Admin,
    collection_id: int,
    pages: PagesDep,
    problem: str = "",
    removed: Annotated[int, Query(ge=0, le=100_000)] = 0,
) -> Response:
    """The collection as it is now; a script keeps it up to date. ``removed``: photos removed just now."""
    late = pages.words.t("No longer possible: the collection has moved on.") if problem == "late" else ""
    return _page(pages, collection_id, late, removed)


def _page(pages: TrainingPages, collection_id: int, problem: str = "", removed: int = 0) -> Response:
    with reading(pages.sessions) as session:
        row = collections.get(session, collection_id)
        counts = curation.counts(session, collection_id)
        view = pages.work(session, row)
    ngettext = pages.words.language.ngettext
    return pages.render(
        "collecting/collection.html",
        409 if problem else 200,
        collection=view,
        counts=counts,
        decided=sum(counts[decision] for decision in LEARNT_FROM),
        problem=problem,
        flash=ngettext("One photo removed.", "%(num)s photos removed.", removed) if removed else None,
    )


def _live(collection_id: int, pages: PagesDep) -> Live:
    def look() -> WorkView:
        with reading(pages.sessions) as session:
            return pages.work(session, collections.get(session, collection_id))

    look()
    return Live(look, lambda view: {"collection": view, **pages.common})


event_route(router, "/{collection_id}/events", _live, "collecting/_collection.html")


@router.post("/{collection_id}/cancel")
def cancel(user: Admin, collection_id: int, use_cases: CollectionsDep) -> Response:
    """Stop it."""
    return done_or_late(
        lambda: use_cases.cancel(collection_id, user.user_id), f"/admin/collections/{collection_id}", "problem=late"
    )


@router.post("/{collection_id}/retry")
def retry(user: Admin, collection_id: int, use_cases: CollectionsDep) -> Response:
    """Queue it again."""
    return done_or_late(
        lambda: use_cases.retry(collection_id, user.user_id), f"/admin/collections/{collection_id}", "problem=late"
    )


@router.post("/{collection_id}/use")
def use(user: Admin, collection_id: int, pages: PagesDep, use_cases: DataSetsDep) -> Response:
    """Let runs learn from the photos whose species is decided."""
    try:
        use_cases.use(collection_id, user.user_id)
    except Conflict as error:
        return _page(pages, collection_id, pages.error(error))
    return RedirectResponse(f"/admin/collections/{collection_id}#use-title", 303)


@router.post("/{collection_id}/take-out")
def take_out(user: Admin, collection_id: int, use_cases: DataSetsDep) -> Response:
    """Let no further run learn from it."""
    use_cases.stop_using(collection_id, user.user_id)
    return RedirectResponse(f"/admin/collections/{collection_id}#use-title", 303)


@router.post("/{collection_id}/delete")
def delete(user: Admin, collection_id: int, pages: PagesDep, use_cases: CollectionsDep) -> Response:
    """Remove it with its photos."""
    try:
        use_cases.delete(collection_id, user.user_id)
    except Conflict as error:
        return _page(pages, collection_id, pages.error(error))
    return RedirectResponse("/admin/collections?deleted=yes", 303)


@router.get("/{collection_id}/attribution.csv")
def attribution(_user: Admin, collection_id: int, session: ReadSession) -> Response:
    """Who made the photos whose species is decided, and under which licence."""
    collections.get(session, collection_id)
    table = data_sets.credits_csv(data_sets.known_photos(session, collection_id))
    headers = {"Content-Disposition": f'attachment; filename="attribution-{collection_id}.csv"'}
    return Response(table, media_type="text/csv; charset=utf-8", headers=headers)
