"""The worker's part of collections: fetching photos, having the model check them, and removing a photographer's.

Work may be begun by one worker and finished by another. Fetching continues where it was and fetches nothing twice, rows are
entered as often as needed, and a photo that the model has checked is not checked again.
"""

import socket
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.accounts import audit
from app.collecting import data_sets
from app.collecting.collections import OpenRuns, check_unused, get
from app.collecting.folder import CollectionFolder, folder_of
from app.collecting.rules import doubt
from app.collecting.tables import CollectedPhoto, Collection, PhotographerRemoval
from app.core import jobs
from app.core.db import SessionFactory, reading, transaction
from app.core.errors import Conflict, WingcheckError
from app.core.long_work import Cancelled, LongWork, WatchedWork, failure, outage_survived, polls
from app.core.settings import Settings
from app.core.tables import Job
from app.predictions.classifiers import Classifiers, Served
from app.predictions.inference import Answer, PhotoError

# `wingcheck collect` ends with this code where the key or the request is wrong: trying it again would not help.
_REFUSED = 2
_LONGEST_REMOVAL_SECONDS = 300
_BATCH = 8  # photos


class CollectingRefused(jobs.Hopeless):
    """Flickr does not accept the key, or the collector the request."""


class CollectingFailed(WingcheckError):
    """Flickr can't be reached, say. It is tried again, but not for ever."""


class RemovalFailed(jobs.Hopeless):
    """The process refused, or a run began to learn from the collection. Whoever asked is told, and may ask again."""


class Collecting(WatchedWork):
    """Handles COLLECTION jobs."""

    table = Collection

    def __init__(self, sessions: SessionFactory, classifiers: Classifiers, settings: Settings) -> None:
        super().__init__(sessions, settings, settings.data_dir / "collections" / ".collecting")
        self._classifiers = classifiers

    def run(self, job_id: int, collection_id: int) -> None:
        """Fetch, have the model check, and finish the job. Raises as ``_collect``, jobs.Interrupted, or on an outage."""
        with reading(self._sessions) as session:
            folder = folder_of(get(session, collection_id), self._settings)
        try:
            if not folder.rows.is_file():
                self._collect(job_id, collection_id, folder)
            self._note(collection_id, phase="entering")
            enter(self._sessions, collection_id, folder.listed())
            self._note(collection_id, phase="looking")
            self._check_photos(job_id, collection_id, folder)
        except Cancelled:
            with transaction(self._sessions) as session:
                jobs.cancelled(session, job_id)
            return
        with transaction(self._sessions) as session:
            get(session, collection_id).note(phase="done")
            jobs.finish(session, session.get_one(Job, job_id))

    def _collect(self, job_id: int, collection_id: int, folder: CollectionFolder) -> None:
        """Raises CollectingRefused, CollectingFailed."""
        with reading(self._sessions) as session:
            folder.write_request(get(session, collection_id))
        self._note(collection_id, phase="collecting", machine=socket.gethostname())
        paths = {"--request": folder.request, "--progress": folder.progress, "--jsonl": folder.rows}
        options = [str(part) for option in paths.items() for part in option]
        arguments = ["collect", "flickr", str(folder.photos), *options]
        try:
            with self._process(arguments, folder.printed, self._access()) as child:
                self._note(collection_id, process_group=child.group)
                for _ in polls(child):
                    self._note_progress(collection_id, folder)
                    self._may_continue(job_id)
        finally:  # what is half there is continued, or fetched anew
            self._note_progress(collection_id, folder, process_group=None)
        if child.exit_code != 0:
            kind = CollectingRefused if child.exit_code == _REFUSED else CollectingFailed
            raise failure(kind, child, folder.last_line())

    def _access(self) -> dict[str, str]:
        """The key goes to the process in its environment, and nowhere else."""
        settings = self._settings
        secrets = {"KEY": settings.flickr_key, "SECRET": settings.flickr_secret}
        values = {name: secret.get_secret_value() for name, secret in secrets.items() if secret is not None}
        values |= {"CONTACT": settings.flickr_contact, "API_URL": settings.flickr_api_url}
        return {f"WINGCHECK_FLICKR_{name}": value for name, value in values.items() if value}

    def _may_continue(self, job_id: int) -> None:
        """Raises Cancelled or jobs.Interrupted."""
        self._check_leaving()
        self._check_job(job_id)

    def _note_progress(self, collection_id: int, folder: CollectionFolder, **values: Any) -> None:
        report = folder.reported()
        if keywords := report.get("keywords", []):
            values |= {
                "found": sum(keyword["found"] for keyword in keywords),
                "kept": sum(keyword["kept"] for keyword in keywords),
                "left_out": _left_out(keywords),
                "keyword": report["now"][:200],
                "pause": report["pause"][:300],
            }
        with outage_survived(f"collection {collection_id}"):
            self._note(collection_id, log=folder.log(), **values)

    def _check_photos(self, job_id: int, collection_id: int, folder: CollectionFolder) -> None:
        """Have the version in service check every photo that none has checked yet.

        Raises ModelUnavailable, Overloaded, or OSError where a file is gone.
        """
        unchecked = select(CollectedPhoto).where(
            CollectedPhoto.collection_id == collection_id, CollectedPhoto.model_version_id.is_(None)
        )
        while True:
            self._may_continue(job_id)
            with reading(self._sessions) as session:
                batch = list(session.scalars(unchecked.order_by(CollectedPhoto.id).limit(_BATCH)))
            if not batch:
                return
            served = self._classifiers.current()
            sources = [(partial(_read, folder, photo.file_name), None) for photo in batch]
            answers = self._classifiers.answer(served, sources)
            with transaction(self._sessions) as session:
                for photo, answer in zip(batch, answers, strict=True):
                    row = session.get(CollectedPhoto, photo.id)
                    if row is not None:
                        _note_answer(row, served, answer)
                session.flush()
                get(session, collection_id).note(looked=_count_checked(session, collection_id))


def _left_out(keywords: list[dict[str, Any]]) -> dict[str, int]:
    counts = Counter[str]()
    for keyword in keywords:
        counts.update(keyword["skipped"])
        counts.update(keyword["failed"])
    return dict(counts)


# --- photos as rows ---------------------------------------------------------------------------------------------------


def enter(sessions: SessionFactory, collection_id: int, listed: Iterable[Mapping[str, Any]]) -> None:
    """Have a row for each photo that was kept, and none for others. Idempotent."""
    kept, left_out = {}, Counter[str]()
    for line in listed:
        if line["status"] == "kept":
            kept[line["id"]] = line
        else:
            left_out[line["reason"] or line["status"]] += 1
    with transaction(sessions) as session:
        collection = get(session, collection_id)
        rows = session.scalars(select(CollectedPhoto).where(CollectedPhoto.collection_id == collection_id))
        known = {row.flickr_id: row for row in rows}
        for number in known.keys() - kept.keys():
            session.delete(known[number])
        session.add_all(_row(collection_id, line) for number, line in kept.items() if number not in known)
        collection.kept, collection.left_out = len(kept), dict(left_out)
        collection.keyword = collection.pause = ""
        collection.touch()


_AS_LISTED = (
    "taxon", "owner_nsid", "owner_name", "title", "licence_name", "licence_url", "page_url", "file_name", "width", "height",
    "sha256",
)  # fmt: skip


def _row(collection_id: int, line: Mapping[str, Any]) -> CollectedPhoto:
    values = {name: line[name] for name in _AS_LISTED}
    return CollectedPhoto(collection_id=collection_id, flickr_id=line["id"], taken=line["date_taken"] or "", **values)


def _read(folder: CollectionFolder, name: str) -> bytes:
    return folder.file(name).read_bytes()


def _count_checked(session: Session, collection_id: int) -> int:
    """How many photos a model has checked."""
    query = select(func.count(CollectedPhoto.model_version_id)).where(CollectedPhoto.collection_id == collection_id)
    return session.scalar(query) or 0


def _note_answer(row: CollectedPhoto, served: Served, answer: Answer | PhotoError) -> None:
    row.model_version_id = served.id
    if isinstance(answer, PhotoError):
        row.doubt = 1.0
        return
    probabilities = answer.opinion.probabilities
    row.probability = probabilities.get(row.taxon)
    row.top_taxon = max(probabilities, key=lambda name: probabilities[name])
    row.top_probability = probabilities[row.top_taxon]
    row.in_scope = answer.opinion.in_scope
    row.doubt = doubt(row.probability, row.in_scope)


# --- removing ---------------------------------------------------------------------------------------------------------


class Removing(LongWork):
    """Handles PHOTOGRAPHER jobs. `wingcheck collect remove` removes files; database and data sets follow. Idempotent."""

    def __init__(self, sessions: SessionFactory, settings: Settings, open_runs: OpenRuns) -> None:
        super().__init__(sessions, settings, settings.data_dir / "collections" / ".removing")
        self._open_runs = open_runs

    def run(self, job_id: int, removal_id: int) -> None:
        """Remove their photos and finish the job. Raises RemovalFailed, jobs.Interrupted, or what an outage raises."""
        with reading(self._sessions) as session:
            removal = session.get(PhotographerRemoval, removal_id)
            if removal is None:
                raise RemovalFailed("This collection no longer exists.", "collection_gone")
            collection = get(session, removal.collection_id)
            folder = folder_of(collection, self._settings)
            try:
                check_unused(collection, self._open_runs(session, folder.path))
            except Conflict as error:
                raise RemovalFailed(error.detail, error.code, **error.params) from error
        self._remove_files(folder, removal.owner_nsid)
        enter(self._sessions, removal.collection_id, folder.listed())
        with transaction(self._sessions) as session:
            self._note_removed(session, removal, folder)
            jobs.finish(session, session.get_one(Job, job_id))

    def _remove_files(self, folder: CollectionFolder, nsid: str) -> None:
        arguments = ["collect", "remove", "--jsonl", str(folder.rows), "--", str(folder.photos), nsid]
        deadline = time.monotonic() + _LONGEST_REMOVAL_SECONDS
        with self._process(arguments, folder.printed) as child:
            for _ in polls(child):
                self._check_leaving()
                if time.monotonic() > deadline:
                    break
        if child.exit_code != 0:
            raise failure(RemovalFailed, child, folder.last_line())

    def _note_removed(self, session: Session, removal: PhotographerRemoval, folder: CollectionFolder) -> None:
        collection = get(session, removal.collection_id)
        collection.looked = _count_checked(session, collection.id)
        data_sets.leave_out(session, folder, collection, removal.owner_nsid, self._open_runs)
        collection.touch()
        details = {"photographer": removal.owner_nsid, "photos": removal.photos}
        subject = f"collection:{collection.id}"
        audit.record(session, removal.user_id, "collection.photographer_removed", subject, details)
