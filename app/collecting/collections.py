"""Collections: starting one, cancelling, trying again, deleting, and how it stands. The worker does the rest."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts import audit
from app.collecting.folder import folder_of, new_name
from app.collecting.rules import LICENCES, LONGEST_KEYWORD, MOST_KEYWORDS, MOST_PER_TAXON, SIZES
from app.collecting.tables import Collection
from app.core import jobs
from app.core.db import SessionFactory, transaction, utcnow
from app.core.errors import Conflict, FieldError, InvalidInput, NotFound
from app.core.long_work import RunState, state_of
from app.core.settings import Settings
from app.core.tables import Job, JobKind, JobStatus
from app.taxa import names as taxa

PAGE = 50
_OPEN = (JobStatus.QUEUED, JobStatus.RUNNING)


OpenRuns = Callable[[Session, Path], list[int]]
"""Training runs that wait or are under way and learn from a data set in a folder."""


@dataclass(frozen=True)
class Wanted:
    """What to collect. ``keywords``: texts by scientific name; ``number``: photos per taxon, at most."""

    keywords: dict[str, tuple[str, ...]]
    licences: tuple[str, ...]
    number: int
    size: str


def has_key(settings: Settings) -> bool:
    """Whether this process was given a Flickr key."""
    return all(
        secret is not None and secret.get_secret_value().strip()
        for secret in (settings.flickr_key, settings.flickr_secret)
    )


class Collections:
    """Use cases of admins."""

    def __init__(
        self, sessions: SessionFactory, settings: Settings, send_message: Callable[[int], bool], open_runs: OpenRuns
    ) -> None:
        self._sessions = sessions
        self._settings = settings
        self._send = send_message
        self._open_runs = open_runs

    def start(self, wanted: Wanted, user_id: int | None) -> int:
        """Queue a collection; its number. Raises Conflict without a key, InvalidInput for what can't be collected."""
        if not has_key(self._settings):
            raise Conflict(
                "No Flickr key is set: WINGCHECK_FLICKR_KEY and WINGCHECK_FLICKR_SECRET.", "flickr_key_missing"
            )
        with transaction(self._sessions) as session:
            _check(session, wanted)
            job = jobs.create(session, JobKind.COLLECTION, 0, sent_at=utcnow())
            collection = Collection(
                job_id=job.id,
                user_id=user_id,
                folder=new_name(),
                keywords=[{"text": text, "taxon": name} for name, texts in wanted.keywords.items() for text in texts],
                licences=list(wanted.licences),
                size=wanted.size,
                wanted=wanted.number,
            )
            session.add(collection)
            session.flush()
            job.subject_id = collection.id
            details = collection.as_summary() | {"photos": wanted.number}
            audit.record(session, user_id, "collection.started", f"collection:{collection.id}", details)
        jobs.send(self._sessions, self._send, job.id)
        return collection.id

    def cancel(self, collection_id: int, user_id: int | None) -> None:
        """Ask for its end: at once where it waits, within seconds where it runs. Twice is once. Raises NotFound, Conflict."""
        with transaction(self._sessions) as session:
            collection = get(session, collection_id)
            if collection.job.status in {JobStatus.DONE, JobStatus.FAILED}:
                raise Conflict("This collection is over.")
            if jobs.cancel(session, collection.job):
                touch(collection)
                audit.record(session, user_id, "collection.cancelled", f"collection:{collection_id}")

    def retry(self, collection_id: int, user_id: int | None) -> None:
        """Queue one that failed or was cancelled again; it goes on where it was. Raises NotFound, Conflict."""
        with transaction(self._sessions) as session:
            collection = get(session, collection_id)
            if collection.job.status not in {JobStatus.FAILED, JobStatus.CANCELLED}:
                raise Conflict("Only a collection that failed or was cancelled can be tried again.")
            jobs.revive(collection.job)
            collection.phase = "waiting"
            touch(collection)
            audit.record(session, user_id, "collection.retried", f"collection:{collection_id}")
        jobs.send(self._sessions, self._send, collection.job_id)

    def delete(self, collection_id: int, user_id: int | None) -> None:
        """Remove its rows and files. Raises NotFound, and Conflict while it goes on or an open run learns from it."""
        with transaction(self._sessions) as session:
            collection = get(session, collection_id)
            check_still(collection, self._open_runs(session, folder_of(collection, self._settings).path))
            folder, job = folder_of(collection, self._settings), collection.job
            audit.record(session, user_id, "collection.deleted", f"collection:{collection_id}", collection.as_summary())
            session.delete(collection)
            session.flush()
            session.delete(job)
        folder.remove()


def _check(session: Session, wanted: Wanted) -> None:
    """Raises InvalidInput, which says field by field what can't be collected."""
    texts = [text for each in wanted.keywords.values() for text in each]
    known = taxa.all_by_name(session)
    errors = []
    if not wanted.keywords or not all(wanted.keywords.values()):
        errors.append(FieldError("keywords", "keywords_missing"))
    elif len(texts) > MOST_KEYWORDS:
        errors.append(FieldError("keywords", "keywords_many", (("max", MOST_KEYWORDS),)))
    elif len({text.casefold() for text in texts}) < len(texts):
        errors.append(FieldError("keywords", "keyword_twice"))
    elif not all(_is_usable(text) for text in texts):
        errors.append(FieldError("keywords", "keyword_unusable", (("max", LONGEST_KEYWORD),)))
    elif not all(name in known and known[name].active for name in wanted.keywords):
        errors.append(FieldError("keywords", "claim_unknown"))
    if not wanted.licences or not set(wanted.licences) <= set(LICENCES):
        errors.append(FieldError("licences", "licences_missing"))
    if not 1 <= wanted.number <= MOST_PER_TAXON:
        errors.append(FieldError("number", "number_range", (("min", 1), ("max", MOST_PER_TAXON))))
    if wanted.size not in SIZES:
        errors.append(FieldError("size", "size_unknown"))
    if errors:
        raise InvalidInput(errors)


def _is_usable(keyword: str) -> bool:
    """What stands after an equals sign would be taken for the taxon."""
    return bool(keyword.strip()) and keyword.isprintable() and len(keyword) <= LONGEST_KEYWORD and "=" not in keyword


def touch(collection: Collection) -> None:
    """Whoever watches the collection is to look again."""
    collection.revision += 1


def get(session: Session, collection_id: int) -> Collection:
    """The collection. Raises NotFound."""
    found = session.get(Collection, collection_id)
    if found is None:
        raise NotFound("There is no such collection.")
    return found


def page(session: Session, before: int | None = None, size: int = PAGE) -> list[Collection]:
    """Collections, the newest first; ``before``: a number, the page that follows it."""
    query = select(Collection).order_by(Collection.id.desc()).limit(size)
    return list(session.scalars(query if before is None else query.where(Collection.id < before)))


def waiting_before(session: Session) -> dict[int, int]:
    """How many collections are under way or waiting before each one that waits, by its number."""
    query = select(Collection.id, Job.status).join(Collection.job).order_by(Collection.id)
    rows = session.execute(query.where(Job.status.in_(_OPEN))).all()
    under_way = sum(status is JobStatus.RUNNING for _, status in rows)
    waiting = [number for number, status in rows if status is JobStatus.QUEUED]
    return {number: under_way + place for place, number in enumerate(waiting)}


def state(collection: Collection, lost_after: timedelta = jobs.LOST_AFTER) -> RunState:
    """How the collection stands, as its job tells."""
    return state_of(collection.job, lost_after)


def check_still(collection: Collection, open_runs: Sequence[int]) -> None:
    """That nobody needs its photos just now. Raises Conflict while it goes on or an open run learns from it."""
    if collection.job.status in _OPEN:
        raise Conflict("This collection is still running. Cancel it first.", "collection_under_way")
    if open_runs:
        raise Conflict(
            f"Run {open_runs[0]} learns from this collection and is not over yet.",
            "collection_learnt_from",
            run=open_runs[0],
        )
