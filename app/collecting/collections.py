"""Collections: starting one, cancelling, trying again, deleting. The worker does the rest."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.orm import Session

from app.accounts import audit
from app.collecting.folder import folder_of, new_name
from app.collecting.rules import LICENCES, LONGEST_KEYWORD, MOST_KEYWORDS, MOST_PER_TAXON, SIZES
from app.collecting.tables import Collection
from app.core import jobs, long_work
from app.core.db import SessionFactory, get_or_not_found, transaction
from app.core.errors import Conflict, FieldError, InvalidInput
from app.core.settings import Settings
from app.core.tables import JobKind
from app.taxa import names as taxa

OpenRuns = Callable[[Session, Path], list[int]]
"""Training runs that wait or are under way and learn from a data set in a folder."""


@dataclass(frozen=True)
class CollectionRequest:
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

    def start(self, request: CollectionRequest, user_id: int | None) -> int:
        """Queue a collection; its number. Raises Conflict without a key, InvalidInput for what can't be collected."""
        if not has_key(self._settings):
            raise Conflict(
                "No Flickr key is set: WINGCHECK_FLICKR_KEY and WINGCHECK_FLICKR_SECRET.", "flickr_key_missing"
            )
        with transaction(self._sessions) as session:
            _check(session, request)
            collection = Collection(
                user_id=user_id,
                folder=new_name(),
                keywords=[{"text": text, "taxon": name} for name, texts in request.keywords.items() for text in texts],
                licences=list(request.licences),
                size=request.size,
                wanted=request.number,
            )
            job = long_work.queue(session, JobKind.COLLECTION, collection)
            details = collection.as_summary() | {"photos": request.number}
            audit.record(session, user_id, "collection.started", f"collection:{collection.id}", details)
        jobs.send(self._sessions, self._send, job.id)
        return collection.id

    def cancel(self, collection_id: int, user_id: int | None) -> None:
        """Stop it: at once where it waits, within seconds where it runs. Idempotent. Raises NotFound, Conflict."""
        with transaction(self._sessions) as session:
            if long_work.cancel(session, get(session, collection_id), "This collection is over."):
                audit.record(session, user_id, "collection.cancelled", f"collection:{collection_id}")

    def retry(self, collection_id: int, user_id: int | None) -> None:
        """Queue one that failed or was cancelled again; it continues where it was. Raises NotFound, Conflict."""
        with transaction(self._sessions) as session:
            collection = get(session, collection_id)
            long_work.retry(collection, "Only a collection that failed or was cancelled can be tried again.")
            audit.record(session, user_id, "collection.retried", f"collection:{collection_id}")
        jobs.send(self._sessions, self._send, collection.job_id)

    def delete(self, collection_id: int, user_id: int | None) -> None:
        """Remove its rows and files. Raises NotFound, and Conflict while it runs or an open run learns from it."""
        with transaction(self._sessions) as session:
            collection = get(session, collection_id)
            folder, job = folder_of(collection, self._settings), collection.job
            check_unused(collection, self._open_runs(session, folder.path))
            audit.record(session, user_id, "collection.deleted", f"collection:{collection_id}", collection.as_summary())
            session.delete(collection)
            session.flush()
            session.delete(job)
        folder.remove()


def _check(session: Session, request: CollectionRequest) -> None:
    """Raises InvalidInput, which says field by field what can't be collected."""
    texts = [text for keywords in request.keywords.values() for text in keywords]
    known = taxa.all_by_name(session)
    errors = []
    if not request.keywords or not all(request.keywords.values()):
        errors.append(FieldError("keywords", "keywords_missing"))
    elif len(texts) > MOST_KEYWORDS:
        errors.append(FieldError("keywords", "keywords_many", (("max", MOST_KEYWORDS),)))
    elif len({text.casefold() for text in texts}) < len(texts):
        errors.append(FieldError("keywords", "keyword_twice"))
    elif not all(_is_usable(text) for text in texts):
        errors.append(FieldError("keywords", "keyword_unusable", (("max", LONGEST_KEYWORD),)))
    elif not all(name in known and known[name].active for name in request.keywords):
        errors.append(FieldError("keywords", "claim_unknown"))
    if not request.licences or not set(request.licences) <= set(LICENCES):
        errors.append(FieldError("licences", "licences_missing"))
    if not 1 <= request.number <= MOST_PER_TAXON:
        errors.append(FieldError("number", "number_range", (("min", 1), ("max", MOST_PER_TAXON))))
    if request.size not in SIZES:
        errors.append(FieldError("size", "size_unknown"))
    if errors:
        raise InvalidInput(errors)


def _is_usable(keyword: str) -> bool:
    """The collector would take what stands after an equals sign for the taxon."""
    return bool(keyword.strip()) and keyword.isprintable() and len(keyword) <= LONGEST_KEYWORD and "=" not in keyword


def get(session: Session, collection_id: int) -> Collection:
    """The collection. Raises NotFound."""
    return get_or_not_found(session, Collection, collection_id, "There is no such collection.")


def check_unused(collection: Collection, open_runs: Sequence[int]) -> None:
    """That nobody needs its photos just now. Raises Conflict while it runs or an open run learns from it."""
    if collection.job.status in long_work.OPEN:
        raise Conflict("This collection is still running. Cancel it first.", "collection_under_way")
    if open_runs:
        raise Conflict(
            f"Run {open_runs[0]} learns from this collection and is not over yet.",
            "collection_learnt_from",
            run=open_runs[0],
        )
