"""Collections of photos from Flickr over JSON: starting one, watching it, deciding on what came, giving it to training."""

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, Field

from app.domain.collecting import LICENCES, LONGEST_KEYWORD, MOST_PER_TAXON, REUSABLE, SIZES, PhotoDecision
from app.domain.training import RunState
from app.models import CollectedPhoto, Collection
from app.services.collecting import collections, curation
from app.services.collecting.collections import Collections, Wanted
from app.services.collecting.curation import Curation, Filter
from app.services.collecting.data_sets import DataSets
from app.services.collecting.photographers import Photographers
from app.settings import Settings
from app.web import openapi
from app.web.api.admin.shared import Id, refusals
from app.web.auth import Admin
from app.web.dependencies import ReadSession, SettingsDep

router = APIRouter(prefix="/api/v1/admin/collections", tags=["models"])
_LARGEST = 2**31 - 1
_NONE = "No such collection."
_SOMETHING_ELSE = openapi.SOMETHING.replace("^", "^=")
_KEYWORD = rf"^[^=\x00-\x1f]*{_SOMETHING_ELSE}[^=\x00-\x1f]*$"
Keyword = Annotated[str, Field(min_length=1, max_length=LONGEST_KEYWORD, pattern=_KEYWORD)]
Act = Annotated[str, Path(pattern="^[0-9a-f]{16}$")]
Taxon = Annotated[str, Field(min_length=1, max_length=200)]


class CollectionIn(BaseModel):
    """What to collect."""

    keywords: dict[Taxon, Annotated[list[Keyword], Field(min_length=1, max_length=20)]] = Field(
        description='Keywords by scientific name, as `{"Genus species": ["Genus species", "what people call it"]}`.',
        min_length=1,
        max_length=50,
    )
    licences: Annotated[
        list[Annotated[str, Field(pattern=f"^({'|'.join(LICENCES)})$")]], Field(min_length=1, max_length=20)
    ] = Field(list(REUSABLE), description="Names of licences; left out: those that allow any use.")
    number: Annotated[int, Field(ge=1, le=MOST_PER_TAXON)] = Field(100, description="Photos of each species, at most.")
    size: Annotated[str, Field(pattern=f"^({'|'.join(SIZES)})$")] = "medium-640"


class CollectionOut(BaseModel):
    """A collection."""

    id: int
    revision: int = Field(description="Counts its changes.")
    state: RunState
    phase: str
    keywords: list[dict[str, str]] = Field(description="Text and taxon of each.")
    licences: list[str]
    size: str
    wanted: int
    found: int = Field(description="Photos that Flickr counts for the keywords searched so far.")
    kept: int
    looked: int = Field(description="Photos that the model has looked at.")
    left_out: dict[str, int] = Field(description="Photos by the reason why they were left out.")
    keyword: str = Field(description="Whose turn it is.")
    pause: str = Field(description="Why nothing moves.")
    log: str
    error: str
    machine: str
    process_group: int | None
    user_id: int | None
    created_at: datetime
    finished_at: datetime | None
    used_photos: int = Field(description="Photos that runs may learn from; 0: it is not used.")
    used_at: datetime | None


class CollectionStarted(BaseModel):
    id: int


class CollectedPhotoOut(BaseModel):
    """A photo that came, with its owner and licence."""

    id: int
    revision: int = Field(description="Counts decisions; a decision names the one that was seen.")
    flickr_id: str
    taxon: str = Field(description="Scientific name of the taxon that was looked for.")
    owner_nsid: str
    owner_name: str
    title: str
    licence_name: str
    licence_url: str
    page_url: str
    taken: str
    width: int
    height: int
    sha256: str
    model_version_id: int | None
    probability: float | None = Field(description="Of the taxon, by that version; null: it does not know the taxon.")
    top_taxon: str
    top_probability: float
    in_scope: float
    doubt: float = Field(description="How likely the label is an error; the largest come first.")
    decision: PhotoDecision
    shows: str = Field(
        description="Scientific name of the taxon that it counts as: the wanted one, or the one that was named."
    )
    decided_by_id: int | None
    decided_at: datetime | None


class SeenIn(BaseModel):
    id: Annotated[int, Field(ge=1, le=_LARGEST)]
    revision: Annotated[int, Field(ge=0, le=_LARGEST)]


class DecisionIn(BaseModel):
    """The same said of several photos."""

    photos: Annotated[list[SeenIn], Field(min_length=1, max_length=200)]
    decision: PhotoDecision = Field(description="`undecided` takes back what was said.")
    shows: Annotated[str, Field(max_length=200)] = Field(
        "",
        description="With `other_species`, and only then: the scientific name of an active taxon that the photos show.",
    )


class DecisionOut(BaseModel):
    act: str = Field(description="Undoes what was kept.")
    kept: list[CollectedPhotoOut]
    refused: list[CollectedPhotoOut] = Field(
        description="Decided otherwise since they were seen; they stay as they are."
    )


def _use_cases(request: Request) -> Collections:
    return Collections(request.app.state.sessions, request.app.state.settings, request.app.state.send_message)


def _data_sets(request: Request) -> DataSets:
    return DataSets(request.app.state.sessions, request.app.state.settings)


def _out(row: Collection, settings: Settings) -> CollectionOut:
    otherwise = {"state", "error", "finished_at"}
    values = {name: getattr(row, name) for name in CollectionOut.model_fields.keys() - otherwise}
    state = collections.state(row, timedelta(seconds=settings.job_lost_seconds))
    return CollectionOut(**values, state=state, error=row.job.error, finished_at=row.job.finished_at)


def _photo(row: CollectedPhoto) -> CollectedPhotoOut:
    return CollectedPhotoOut.model_validate(row, from_attributes=True)


@router.get("", summary="List collections", response_model=list[CollectionOut], responses=refusals())
def list_collections(
    _user: Admin,
    session: ReadSession,
    settings: SettingsDep,
    before: Annotated[int | None, Query(ge=1, le=_LARGEST)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = collections.PAGE,
) -> list[CollectionOut]:
    """The newest first; the following page begins `before` the last id."""
    return [_out(row, settings) for row in collections.page(session, before, limit)]


@router.post(
    "",
    status_code=202,
    summary="Start a collection",
    response_model=CollectionStarted,
    responses=openapi.WRITING | refusals(_409="No Flickr key is set."),
)
def start_collection(request: Request, user: Admin, wanted: CollectionIn) -> CollectionStarted:
    """A worker fetches the photos when its turn comes, one collection at a time on a machine."""
    texts = {taxon: tuple(each) for taxon, each in wanted.keywords.items()}
    asked = Wanted(texts, tuple(dict.fromkeys(wanted.licences)), wanted.number, wanted.size)
    return CollectionStarted(id=_use_cases(request).start(asked, user.user_id))


@router.get("/{collection_id}", summary="A collection", response_model=CollectionOut, responses=refusals(_404=_NONE))
def read_collection(_user: Admin, session: ReadSession, settings: SettingsDep, collection_id: Id) -> CollectionOut:
    """How far it is, what was left out and why, and whether runs may learn from it."""
    return _out(collections.get(session, collection_id), settings)


@router.delete(
    "/{collection_id}",
    status_code=204,
    summary="Delete a collection",
    responses=refusals(_404=_NONE, _409="It goes on, or a run that learns from it does."),
)
def delete_collection(request: Request, user: Admin, collection_id: Id) -> None:
    """Its photos and what was decided on them go for good."""
    _use_cases(request).delete(collection_id, user.user_id)


@router.post(
    "/{collection_id}/cancel",
    status_code=202,
    summary="Cancel a collection",
    response_model=CollectionStarted,
    responses=openapi.WRITING | refusals(_404=_NONE, _409="It is over."),
)
def cancel_collection(request: Request, user: Admin, collection_id: Id) -> CollectionStarted:
    """It ends within seconds, and leaves no process."""
    _use_cases(request).cancel(collection_id, user.user_id)
    return CollectionStarted(id=collection_id)


@router.post(
    "/{collection_id}/retry",
    status_code=202,
    summary="Try a collection again",
    response_model=CollectionStarted,
    responses=openapi.WRITING | refusals(_404=_NONE, _409="It neither failed nor was cancelled."),
)
def retry_collection(request: Request, user: Admin, collection_id: Id) -> CollectionStarted:
    """It goes on where it was."""
    _use_cases(request).retry(collection_id, user.user_id)
    return CollectionStarted(id=collection_id)


@router.put(
    "/{collection_id}/use",
    summary="Use it for training",
    response_model=CollectionOut,
    responses=openapi.WRITING | refusals(_404=_NONE, _409="Of no photo the species is decided."),
)
def use_collection(request: Request, user: Admin, settings: SettingsDep, collection_id: Id) -> CollectionOut:
    """Runs may learn from the photos whose species is decided by now; later decisions wait until this is done again."""
    _data_sets(request).use(collection_id, user.user_id)
    with request.app.state.sessions() as session:
        return _out(collections.get(session, collection_id), settings)


@router.delete(
    "/{collection_id}/use", status_code=204, summary="Take it out of training", responses=refusals(_404=_NONE)
)
def take_collection_out(request: Request, user: Admin, collection_id: Id) -> None:
    """No further run learns from it."""
    _data_sets(request).stop_using(collection_id, user.user_id)


@router.get(
    "/{collection_id}/photos",
    summary="Photos of a collection",
    response_model=list[CollectedPhotoOut],
    responses=refusals(_404=_NONE),
)
def list_photos(
    _user: Admin,
    session: ReadSession,
    collection_id: Id,
    decision: Annotated[PhotoDecision | None, Query()] = None,
    after: Annotated[int | None, Query(ge=1, le=_LARGEST)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> list[CollectedPhotoOut]:
    """The most doubtful first; the following page begins `after` the last id."""
    collections.get(session, collection_id)
    rows, _more = curation.page(session, collection_id, Filter(decision, "", after), limit)
    return [_photo(row) for row in rows]


@router.delete(
    "/{collection_id}/photographers/{nsid}",
    status_code=204,
    summary="Remove a photographer's photos",
    responses=refusals(_404="No such collection, or no photo by them in it.", _409="It, or a run with it, goes on."),
)
def remove_photographer(
    request: Request,
    user: Admin,
    collection_id: Id,
    nsid: Annotated[str, Path(max_length=100, description="As `owner_nsid` of the photos.")],
) -> None:
    """They asked for it: files, titles, names and decisions go for good and are not fetched again. The data set that runs may
    learn from is made anew without them; what a version learnt stays learnt.
    """
    Photographers(request.app.state.sessions, request.app.state.settings).remove(collection_id, nsid, user.user_id)


@router.post(
    "/{collection_id}/decisions",
    summary="Decide on photos",
    response_model=DecisionOut,
    responses=openapi.WRITING | refusals(_404="No such collection, or no such photo in it."),
)
def decide_on_photos(request: Request, user: Admin, collection_id: Id, wanted: DecisionIn) -> DecisionOut:
    """Only what is decided `right`, or named as another species, enters a data set. A photo that somebody decided otherwise
    since it was seen stays.
    """
    seen = [(photo.id, photo.revision) for photo in wanted.photos]
    found = Curation(request.app.state.sessions).decide(
        collection_id, user.user_id, seen, wanted.decision, wanted.shows
    )
    kept, refused = ([_photo(row) for row in rows] for rows in (found.kept, found.refused))
    return DecisionOut(act=found.act, kept=kept, refused=refused)


@router.post(
    "/{collection_id}/decisions/{act}/undo",
    summary="Take decisions back",
    response_model=list[CollectedPhotoOut],
    responses=openapi.WRITING | refusals(_404=_NONE),
)
def undo_decisions(request: Request, user: Admin, collection_id: Id, act: Act) -> list[CollectedPhotoOut]:
    """What was decided together becomes undecided, as far as nobody decided it otherwise since."""
    return [_photo(row) for row in Curation(request.app.state.sessions).undo(collection_id, user.user_id, act)]
