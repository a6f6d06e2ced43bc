"""The grid on which a collection is looked through. Scripts get JSON; others are sent back to where they were."""

import re
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import parse_qs, urlencode

from fastapi import APIRouter, Depends, Form, Query, Request, Response
from fastapi.responses import FileResponse, JSONResponse, RedirectResponse
from pydantic import AfterValidator

from app.accounts.pages import by_field
from app.collecting import collections, curation
from app.collecting.curation import Curation, Filter
from app.collecting.folder import folder_of
from app.collecting.pages.collection_words import DECISIONS, KEYS
from app.collecting.pages.collections_shared import CollectionViewsDep
from app.collecting.pages.collections_views import CollectionViews
from app.collecting.rules import PhotoDecision
from app.collecting.tables import CollectedPhoto
from app.core.db import reading
from app.core.errors import InvalidInput, NotFound
from app.core.web.auth import Admin
from app.core.web.dependencies import Sessions, SettingsDep
from app.core.web.errors import wants_json
from app.core.web.pages import uncached_page
from app.core.web.security import PICTURE_POLICY

router = APIRouter(prefix="/admin/collections/{collection_id}", include_in_schema=False)
_ACT = re.compile(r"^[0-9a-f]{16}$")
_ALL = "all"
_LARGEST = 2**31 - 1


@dataclass(frozen=True)
class Place:
    """Where somebody is in the grid. ``act``: what was decided just now; ``refused``: how many could not be."""

    wanted: Filter
    act: str = ""
    refused: int = 0

    def query(self, **changes: str | int | None) -> str:
        """As part of an address."""
        decision = self.wanted.decision
        kept = {"show": decision.value if decision else _ALL, "taxon": self.wanted.taxon, "after": self.wanted.after}
        return urlencode({name: value for name, value in (kept | changes).items() if value})


def _place(
    show: Annotated[str, Query(max_length=40)] = PhotoDecision.UNDECIDED.value,
    taxon: Annotated[str, Query(max_length=200)] = "",
    after: Annotated[int | None, Query(ge=1, le=_LARGEST)] = None,
    act: Annotated[str, Query(max_length=40)] = "",
    refused: Annotated[int, Query(ge=0, le=1000)] = 0,
) -> Place:
    known = set(PhotoDecision)
    decision = PhotoDecision(show) if show in known else None if show == _ALL else PhotoDecision.UNDECIDED
    taxon = taxon if taxon.isprintable() else ""
    return Place(Filter(decision, taxon, after), act if _ACT.fullmatch(act) else "", refused)


def _back(back: Annotated[str, Form(max_length=500)] = "") -> Place:
    given = {name: values[0] for name, values in parse_qs(back).items()}
    after = given.get("after", "")
    number = int(after) if after.isascii() and after.isdigit() and len(after) < 10 else None
    return _place(given.get("show", ""), given.get("taxon", "")[:200], number)


def _curation(sessions: Sessions) -> Curation:
    return Curation(sessions)


CurationDep = Annotated[Curation, Depends(_curation)]


@router.get("/photos")
def show(
    request: Request,
    _user: Admin,
    collection_id: int,
    place: Annotated[Place, Depends(_place)],
    sessions: Sessions,
    views: CollectionViewsDep,
) -> Response:
    """A page of photos, the most doubtful first."""
    wanted = place.wanted
    with reading(sessions) as session:
        row = collections.get(session, collection_id)
        rows, more = curation.page(session, collection_id, wanted)
        counts = curation.counts(session, collection_id, wanted.taxon)
        decided = curation.decided_together(session, collection_id, place.act) if place.act else 0
        unknown = curation.unknown_taxa(session, collection_id)
    t = views.t
    address = f"/admin/collections/{collection_id}/photos?"
    lists = [(each.value, t(DECISIONS[each]), counts[each]) for each in PhotoDecision]
    return uncached_page(
        request,
        "collecting/collected.html",
        collection=views.view(row),
        tiles=[views.tile(photo) for photo in rows],
        undecided=[photo for photo in rows if photo.decision is PhotoDecision.UNDECIDED],
        lists=[
            (value, name, number, address + place.query(show=value, after=None))
            for value, name, number in [*lists, (_ALL, t("All"), sum(counts.values()))]
        ],
        shown=wanted.decision.value if wanted.decision else _ALL,
        taxa=[("", t("All species"), address + place.query(taxon=None, after=None))]
        + [(name, views.names([name]), address + place.query(taxon=name, after=None)) for name in row.taxa],
        taxon=wanted.taxon,
        decisions=[(each.value, t(DECISIONS[each]), key) for each, key in KEYS.items()],
        likely=_likely(views, [*row.taxa, *(photo.top_taxon for photo in rows)]),
        next=address + place.query(after=rows[-1].id) if more else "",
        first=address + place.query(after=None) if wanted.after else "",
        back=place.query(),
        act=place.act if decided else "",
        decided=decided,
        refused=place.refused,
        unknown=views.names(unknown) if unknown else "",
    )


def _likely(views: CollectionViews, names: list[str]) -> list[tuple[str, str]]:
    """What a photo could show that is not what was looked for: the first to be offered, as people call it."""
    known = views.words.known
    return [(name, views.names([name])) for name in dict.fromkeys(names) if name in known and known[name].active]


def _is_pair(text: str) -> str:
    if not re.fullmatch(r"[0-9]{1,9}:[0-9]{1,9}", text, re.ASCII):
        raise ValueError("must be the number and the revision of a photo")
    return text


Pair = Annotated[str, AfterValidator(_is_pair)]


@router.post("/decide")
def decide(
    request: Request,
    user: Admin,
    collection_id: int,
    place: Annotated[Place, Depends(_back)],
    use_cases: CurationDep,
    views: CollectionViewsDep,
    sessions: Sessions,
    photo: Annotated[list[Pair], Form(min_length=1, max_length=curation.PAGE)],
    decision: Annotated[PhotoDecision, Form()],
    shows: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    """Say the same of one photo or of several."""
    seen = [(int(number), int(revision)) for number, _, revision in (each.partition(":") for each in photo)]
    found = use_cases.decide(collection_id, user.user_id, seen, decision, shows)
    if not wants_json(request):
        changes = {"act": found.act if found.kept else None, "refused": len(found.refused)}
        return RedirectResponse(f"/admin/collections/{collection_id}/photos?{place.query(**changes)}", 303)
    body = {"act": found.act, "refused": [_told(views, row) for row in found.refused]}
    return _answer(views, sessions, collection_id, place, found.kept, body)


@router.get("/photos/{photo_id}/species")
def ask_species(
    request: Request,
    _user: Admin,
    collection_id: int,
    photo_id: int,
    place: Annotated[Place, Depends(_place)],
    sessions: Sessions,
    views: CollectionViewsDep,
) -> Response:
    """Which species a photo shows, asked on a page of its own: for those without script."""
    return _species_page(request, sessions, views, collection_id, photo_id, place)


def _species_page(
    request: Request,
    sessions: Sessions,
    views: CollectionViews,
    collection_id: int,
    photo_id: int,
    place: Place,
    typed: str = "",
    error: str = "",
) -> Response:
    with reading(sessions) as session:
        row = collections.get(session, collection_id)
        photo = curation.photo(session, collection_id, photo_id)
    return uncached_page(
        request,
        "collecting/collected_species.html",
        422 if error else 200,
        collection=views.view(row),
        tile=views.tile(photo),
        species=sorted(
            (views.words.name(name), name)
            for name, taxon in views.words.known.items()
            if taxon.active and name != photo.taxon
        ),
        typed=typed,
        error=error,
        back=place.query(),
    )


@router.post("/photos/{photo_id}/species")
def name_species(
    request: Request,
    user: Admin,
    collection_id: int,
    photo_id: int,
    place: Annotated[Place, Depends(_back)],
    use_cases: CurationDep,
    views: CollectionViewsDep,
    sessions: Sessions,
    revision: Annotated[int, Form(ge=0, le=_LARGEST)],
    shows: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    """Say which one, by any of its names."""
    seen, name = [(photo_id, revision)], views.words.find(shows)
    try:
        found = use_cases.decide(collection_id, user.user_id, seen, PhotoDecision.OTHER_SPECIES, name)
    except InvalidInput as error:
        said = by_field(error, views.words.language)["shows"]
        return _species_page(request, sessions, views, collection_id, photo_id, place, shows, said)
    changes = {"act": found.act if found.kept else None, "refused": len(found.refused)}
    return RedirectResponse(f"/admin/collections/{collection_id}/photos?{place.query(**changes)}", 303)


@router.post("/undo")
def undo(
    request: Request,
    user: Admin,
    collection_id: int,
    place: Annotated[Place, Depends(_back)],
    use_cases: CurationDep,
    views: CollectionViewsDep,
    sessions: Sessions,
    act: Annotated[str, Form(pattern=_ACT.pattern)],
) -> Response:
    """Take back what was decided together."""
    rows = use_cases.undo(collection_id, user.user_id, act)
    if not wants_json(request):
        return RedirectResponse(f"/admin/collections/{collection_id}/photos?{place.query()}", 303)
    return _answer(views, sessions, collection_id, place, rows, {"refused": []})


def _answer(
    views: CollectionViews,
    sessions: Sessions,
    collection_id: int,
    place: Place,
    rows: list[CollectedPhoto],
    body: dict[str, Any],
) -> Response:
    with reading(sessions) as session:
        kept = [_told(views, curation.photo(session, collection_id, row.id)) for row in rows]
        counts = curation.counts(session, collection_id, place.wanted.taxon)
    numbers = {each.value: number for each, number in counts.items()} | {_ALL: sum(counts.values())}
    return JSONResponse(body | {"kept": kept, "counts": numbers})


def _told(views: CollectionViews, row: CollectedPhoto) -> dict[str, str | int]:
    shows = row.shown_taxon.scientific_name if row.shown_taxon else ""
    return {
        "id": row.id,
        "revision": row.revision,
        "decision": row.decision.value,
        "shows": shows,
        "said": views.said(row),
    }


@router.get("/files/{photo_id}")
def file(_user: Admin, collection_id: int, photo_id: int, sessions: Sessions, settings: SettingsDep) -> Response:
    """A photo as it came from Flickr."""
    with reading(sessions) as session:
        row = curation.photo(session, collection_id, photo_id)
        folder = folder_of(collections.get(session, collection_id), settings)
    try:
        path = folder.file(row.file_name)
    except FileNotFoundError as error:
        raise NotFound("The file of this photo is missing.") from error
    headers = {"Cache-Control": "private, max-age=3600", "Content-Security-Policy": PICTURE_POLICY}
    return FileResponse(path, headers=headers, content_disposition_type="inline")
