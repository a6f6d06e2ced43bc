"""The grid on which the photos of a collection are sorted. Scripts get JSON; others are sent back to where they were."""

import re
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import parse_qs, urlencode

from fastapi import APIRouter, Depends, Form, Query, Response
from fastapi.responses import FileResponse, JSONResponse, RedirectResponse
from pydantic import AfterValidator, BaseModel, Field

from app.accounts.pages import by_field
from app.collecting import collections, curation
from app.collecting.curation import Curation, DecisionResult, Filter
from app.collecting.folder import folder_of
from app.collecting.pages.shared import PagesDep, TrainingPages
from app.collecting.rules import PhotoDecision
from app.collecting.tables import CollectedPhoto
from app.core.db import reading
from app.core.errors import InvalidInput, NotFound
from app.core.web.auth import Admin
from app.core.web.dependencies import ReadSession, SettingsDep
from app.core.web.errors import wants_json
from app.core.web.openapi import LARGEST
from app.core.web.security import PICTURE_POLICY

router = APIRouter(prefix="/admin/collections/{collection_id}", include_in_schema=False)
_ACT = re.compile(r"^[0-9a-f]{16}$")
_ALL = "all"
_KEYS = {
    PhotoDecision.RIGHT: "r",
    PhotoDecision.OTHER_SPECIES: "s",
    PhotoDecision.WRONG: "w",
    PhotoDecision.DUPLICATE: "d",
    PhotoDecision.NO_BUTTERFLY: "n",
    PhotoDecision.UNDECIDED: "u",
}


@dataclass(frozen=True)
class Place:
    """Where somebody is in the grid. ``act``: what was decided just now; ``refused``: how many could not be."""

    filter: Filter
    act: str = ""
    refused: int = 0

    def query(self, **changes: str | int | None) -> str:
        """As part of an address."""
        decision = self.filter.decision
        values = {"show": decision.value if decision else _ALL, "taxon": self.filter.taxon, "after": self.filter.after}
        return urlencode({name: value for name, value in (values | changes).items() if value})

    def after(self, collection_id: int, result: DecisionResult | None = None) -> Response:
        """Back to the grid after a decision."""
        changes = {"act": result.act if result.decided else None, "refused": len(result.refused)} if result else {}
        return RedirectResponse(f"/admin/collections/{collection_id}/photos?{self.query(**changes)}", 303)


def _place(
    show: Annotated[str, Query(max_length=40)] = PhotoDecision.UNDECIDED.value,
    taxon: Annotated[str, Query(max_length=200)] = "",
    after: Annotated[int | None, Query(ge=1, le=LARGEST)] = None,
    act: Annotated[str, Query(max_length=40)] = "",
    refused: Annotated[int, Query(ge=0, le=1000)] = 0,
) -> Place:
    known = set(PhotoDecision)
    decision = PhotoDecision(show) if show in known else None if show == _ALL else PhotoDecision.UNDECIDED
    taxon = taxon if taxon.isprintable() else ""
    return Place(Filter(decision, taxon, after), act if _ACT.fullmatch(act) else "", refused)


PlaceDep = Annotated[Place, Depends(_place)]


class GridForm(BaseModel):
    """What every form of the grid sends. ``back``: the query of the page that it was on."""

    back: Annotated[str, Field(max_length=500)] = ""

    @property
    def place(self) -> Place:
        """The place that it came from."""
        query = {name: values[0] for name, values in parse_qs(self.back).items()}
        after = query.get("after", "")
        number = int(after) if after.isascii() and after.isdigit() and len(after) < 10 else None
        return _place(query.get("show", ""), query.get("taxon", "")[:200], number)


def _is_pair(text: str) -> str:
    if not re.fullmatch(r"[0-9]{1,9}:[0-9]{1,9}", text, re.ASCII):
        raise ValueError("must be the number and the revision of a photo")
    return text


class DecisionForm(GridForm):
    """``photo``: number and revision of each; ``shows``: with OTHER_SPECIES, its scientific name."""

    photo: Annotated[list[Annotated[str, AfterValidator(_is_pair)]], Field(min_length=1, max_length=curation.PAGE)]
    decision: PhotoDecision
    shows: Annotated[str, Field(max_length=200)] = ""


class SpeciesForm(GridForm):
    """The species that one photo shows, by any of its names."""

    revision: Annotated[int, Field(ge=0, le=LARGEST)]
    shows: Annotated[str, Field(max_length=200)] = ""


class UndoForm(GridForm):
    """What to take back."""

    act: Annotated[str, Field(pattern=_ACT.pattern)]


@router.get("/photos")
def show(_user: Admin, collection_id: int, place: PlaceDep, pages: PagesDep, session: ReadSession) -> Response:
    """A page of photos, the most doubtful first."""
    row = collections.get(session, collection_id)
    photos, more = curation.page(session, collection_id, place.filter)
    counts = curation.counts(session, collection_id, place.filter.taxon)
    decided = curation.decided_together(session, collection_id, place.act) if place.act else 0
    known = pages.words.known
    likely = dict.fromkeys([*row.taxa, *(photo.top_taxon for photo in photos)])
    return pages.render(
        "collecting/collected.html",
        collection=pages.work(session, row),
        place=place,
        photos=photos,
        undecided=[photo for photo in photos if photo.decision is PhotoDecision.UNDECIDED],
        counts={decision.value: number for decision, number in counts.items()} | {_ALL: sum(counts.values())},
        keys=_KEYS,
        likely=[name for name in likely if name in known and known[name].active],
        next=place.query(after=photos[-1].id) if more else "",
        act=place.act if decided else "",
        decided=decided,
        unknown=pages.species(curation.unknown_taxa(session, collection_id)),
    )


@router.post("/decide")
def decide(user: Admin, collection_id: int, form: Annotated[DecisionForm, Form()], pages: PagesDep) -> Response:
    """Decide one photo or several."""
    seen = [(int(number), int(revision)) for number, _, revision in (photo.partition(":") for photo in form.photo)]
    result = Curation(pages.sessions).decide(collection_id, user.user_id, seen, form.decision, form.shows)
    if not wants_json(pages.request):
        return form.place.after(collection_id, result)
    body = {"act": result.act, "refused": [_as_json(pages, photo) for photo in result.refused]}
    return _json_answer(pages, collection_id, form.place, result.decided, body)


@router.get("/photos/{photo_id}/species")
def ask_species(_user: Admin, collection_id: int, photo_id: int, place: PlaceDep, pages: PagesDep) -> Response:
    """Which species a photo shows, on a page of its own: for browsers without script."""
    return _species_page(pages, collection_id, photo_id, place)


def _species_page(
    pages: TrainingPages, collection_id: int, photo_id: int, place: Place, typed: str = "", error: str = ""
) -> Response:
    with reading(pages.sessions) as session:
        row = collections.get(session, collection_id)
        photo = curation.photo(session, collection_id, photo_id)
    others = [name for name, taxon in pages.words.known.items() if taxon.active and name != photo.taxon]
    return pages.render(
        "collecting/collected_species.html",
        422 if error else 200,
        collection=row,
        photo=photo,
        species=sorted((pages.words.name(name), name) for name in others),
        typed=typed,
        error=error,
        back=place.query(),
    )


@router.post("/photos/{photo_id}/species")
def name_species(
    user: Admin, collection_id: int, photo_id: int, form: Annotated[SpeciesForm, Form()], pages: PagesDep
) -> Response:
    """Name the species."""
    seen, name = [(photo_id, form.revision)], pages.words.find(form.shows)
    try:
        result = Curation(pages.sessions).decide(collection_id, user.user_id, seen, PhotoDecision.OTHER_SPECIES, name)
    except InvalidInput as error:
        message = by_field(error, pages.words.language)["shows"]
        return _species_page(pages, collection_id, photo_id, form.place, form.shows, message)
    return form.place.after(collection_id, result)


@router.post("/undo")
def undo(user: Admin, collection_id: int, form: Annotated[UndoForm, Form()], pages: PagesDep) -> Response:
    """Take back what was decided together."""
    photos = Curation(pages.sessions).undo(collection_id, user.user_id, form.act)
    if not wants_json(pages.request):
        return form.place.after(collection_id)
    return _json_answer(pages, collection_id, form.place, photos, {"refused": []})


def _json_answer(
    pages: TrainingPages, collection_id: int, place: Place, photos: list[CollectedPhoto], body: dict[str, Any]
) -> Response:
    with reading(pages.sessions) as session:
        decided = [_as_json(pages, curation.photo(session, collection_id, photo.id)) for photo in photos]
        counts = curation.counts(session, collection_id, place.filter.taxon)
    numbers = {decision.value: number for decision, number in counts.items()} | {_ALL: sum(counts.values())}
    return JSONResponse(body | {"kept": decided, "counts": numbers})


def _as_json(pages: TrainingPages, photo: CollectedPhoto) -> dict[str, str | int]:
    return {
        "id": photo.id,
        "revision": photo.revision,
        "decision": photo.decision.value,
        "shows": photo.shown_taxon.scientific_name if photo.shown_taxon else "",
        "said": pages.decision(photo),
    }


@router.get("/files/{photo_id}")
def file(_user: Admin, collection_id: int, photo_id: int, session: ReadSession, settings: SettingsDep) -> Response:
    """A photo as it came from Flickr."""
    photo = curation.photo(session, collection_id, photo_id)
    folder = folder_of(collections.get(session, collection_id), settings)
    try:
        path = folder.file(photo.file_name)
    except FileNotFoundError as error:
        raise NotFound("The file of this photo is missing.") from error
    headers = {"Cache-Control": "private, max-age=3600", "Content-Security-Policy": PICTURE_POLICY}
    return FileResponse(path, headers=headers, content_disposition_type="inline")
