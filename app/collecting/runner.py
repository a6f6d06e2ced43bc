"""The worker's part of a collection: its process, what that reports, and then the photos as rows, looked at by the model.

It may be begun by one worker and finished by another. The process goes on where it was and fetches nothing twice; rows are
entered as often as it takes; a photo that was looked at is not looked at again.
"""

import logging
import socket
import time
from typing import Any

from sqlalchemy.exc import InterfaceError, OperationalError

from app.collecting import photos
from app.collecting.collections import get, touch
from app.collecting.folder import CollectionFolder, folder_of
from app.collecting.tables import Collection
from app.core import jobs
from app.core.db import SessionFactory, reading, transaction
from app.core.errors import NotFound, WingcheckError
from app.core.long_work import LongWork
from app.core.processes import Child
from app.core.settings import Settings
from app.core.tables import Job, JobStatus
from app.predictions.classifiers import Classifiers

log = logging.getLogger(__name__)
_LOOK_SECONDS = 0.5
# `wingcheck collect` ends so where the key or what was asked for is wrong: trying it again would not help.
_REFUSED = 2


class CollectingRefused(jobs.Hopeless):
    """The key or the request is none that Flickr, or the collector, takes."""


class CollectingFailed(WingcheckError):
    """Flickr can't be reached, say. It is tried again, but not for ever."""


class _Cancelled(Exception):
    """Somebody cancelled the collection."""


class Collecting(LongWork):
    """Handles COLLECTION jobs."""

    def __init__(self, sessions: SessionFactory, classifiers: Classifiers, settings: Settings) -> None:
        super().__init__(settings.data_dir / "collections" / ".collecting")
        self._sessions = sessions
        self._classifiers = classifiers
        self._settings = settings

    def run(self, job_id: int, collection_id: int) -> None:
        """Collect, look, and finish the job. Raises as the classes above, jobs.Interrupted, or what an outage raises."""
        with reading(self._sessions) as session:
            folder = folder_of(get(session, collection_id), self._settings)
        try:
            if not folder.rows.is_file():
                self._collect(job_id, collection_id, folder)
            self._note(collection_id, phase="entering")
            photos.enter(self._sessions, collection_id, folder.listed())
            self._note(collection_id, phase="looking")
            photos.look(self._sessions, self._classifiers, collection_id, folder, lambda: self._may_go_on(job_id))
        except _Cancelled:
            with transaction(self._sessions) as session:
                jobs.cancelled(session, job_id)
                touch(get(session, collection_id))
            return
        with transaction(self._sessions) as session:
            collection = get(session, collection_id)
            collection.phase = "done"
            touch(collection)
            jobs.finish(session, session.get_one(Job, job_id))

    def _collect(self, job_id: int, collection_id: int, folder: CollectionFolder) -> None:
        with reading(self._sessions) as session:
            folder.write_request(get(session, collection_id))
        self._note(collection_id, phase="collecting", machine=socket.gethostname())
        paths = {"--request": folder.request, "--progress": folder.progress, "--jsonl": folder.rows}
        arguments = ["collect", "flickr", str(folder.photos), *(str(each) for pair in paths.items() for each in pair)]
        child = Child(*arguments, environment=self._access(), output=folder.printed, keeps=(self._lock.handle,))
        try:
            self._note(collection_id, process_group=child.group)
            while child.exit_code is None:
                time.sleep(_LOOK_SECONDS)
                self._note_progress(collection_id, folder)
                self._may_go_on(job_id)
        finally:
            child.kill_group()  # whatever is half there is taken up again, or fetched anew
            self._note_progress(collection_id, folder, process_group=None)
        self._check_end(child, folder)

    def _access(self) -> dict[str, str]:
        """The key goes to the process in its environment, and nowhere else."""
        settings = self._settings
        secrets = {"KEY": settings.flickr_key, "SECRET": settings.flickr_secret}
        found = {name: value.get_secret_value() for name, value in secrets.items() if value is not None}
        found |= {"CONTACT": settings.flickr_contact, "API_URL": settings.flickr_api_url}
        return {f"WINGCHECK_FLICKR_{name}": value for name, value in found.items() if value}

    def _check_end(self, child: Child, folder: CollectionFolder) -> None:
        code = child.process.returncode
        if code == 0:
            return
        lines = [line for line in folder.log().splitlines() if line.strip()]
        if not lines or (code or 0) <= 0:
            raise CollectingFailed(f"The process {child.ending}.", **child.ending_as_problem)
        reason = lines[-1][:1000]
        raise CollectingRefused(reason) if code == _REFUSED else CollectingFailed(reason)

    def _may_go_on(self, job_id: int) -> None:
        """Raises _Cancelled or jobs.Interrupted. A database that is away stops nothing."""
        if self._leaving.is_set():
            raise jobs.Interrupted("The worker leaves.", "worker_leaves")
        try:
            with reading(self._sessions) as session:
                job = session.get_one(Job, job_id)
        except (OperationalError, InterfaceError) as error:
            log.warning("a collection goes on without a database: %s", error.orig)
            return
        if job.cancel_requested:
            raise _Cancelled
        if job.status is not JobStatus.RUNNING:
            raise jobs.Interrupted("Another worker took the collection over.", "taken_over")

    def _note_progress(self, collection_id: int, folder: CollectionFolder, **values: object) -> None:
        reported = folder.reported()
        keywords = reported.get("keywords", [])
        if keywords:
            values |= {
                "found": sum(each["found"] for each in keywords),
                "kept": sum(each["kept"] for each in keywords),
                "left_out": _left_out(keywords),
                "keyword": reported["now"][:200],
                "pause": reported["pause"][:300],
            }
        try:
            self._note(collection_id, log=folder.log(), **values)
        except (OperationalError, InterfaceError) as error:
            log.warning("collection %s goes on, and can't be noted: %s", collection_id, error.orig)

    def _note(self, collection_id: int, **values: object) -> None:
        """Write what is different into the row, and count the change."""
        with reading(self._sessions) as session:
            row = session.get(Collection, collection_id)
            if row is None:
                raise NotFound("This collection no longer exists.")
            if all(getattr(row, name) == value for name, value in values.items()):
                return
        with transaction(self._sessions) as session:
            row = get(session, collection_id)
            for name, value in values.items():
                setattr(row, name, value)
            touch(row)


def _left_out(keywords: list[dict[str, Any]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for each in keywords:
        for reason, number in [*each["skipped"].items(), *each["failed"].items()]:
            found[reason] = found.get(reason, 0) + number
    return found
