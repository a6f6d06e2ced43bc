"""Whether this process can serve requests: schema, database, photo storage, model version."""

import asyncio
import time

from app.core import beats
from app.core.db import SessionFactory, reading, why_not_writable
from app.core.errors import NotReady
from app.core.migrations import is_current
from app.core.storage import Storage
from app.predictions.classifiers import Classifiers, Served

# Anybody may ask, as often as they like. A write that succeeded is not tried again for so long: in SQLite it takes the only
# write lock, in a bucket it costs money. Checks that only read run each time.
KEPT_SECONDS = 2.0


class Readiness:
    """Runs one check at a time: concurrent requests share its result. For one event loop."""

    def __init__(self, sessions: SessionFactory, storage: Storage, classifiers: Classifiers) -> None:
        self._sessions = sessions
        self._storage = storage
        self._classifiers = classifiers
        self._looking: asyncio.Task[Served] | None = None
        self._written_at = self._stored_at = float("-inf")

    async def check(self) -> Served:
        """The model version in service, if everything else works too.

        Raises NotReady or ModelUnavailable with a sentence for the operator, SQLAlchemyError if the database is unreachable.
        """
        if self._looking is None:
            self._looking = asyncio.create_task(asyncio.to_thread(self._look))
            self._looking.add_done_callback(self._looked)
        return await asyncio.shield(self._looking)  # a client that hangs up must not cancel it for the others

    def _looked(self, task: asyncio.Task[Served]) -> None:
        self._looking = None
        if not task.cancelled():
            task.exception()  # retrieved, so that asyncio does not log it

    def _look(self) -> Served:
        with reading(self._sessions) as session:
            if not is_current(session.connection()):
                raise NotReady("The database has another schema; run 'wingcheck db upgrade'.")
            engine = session.get_bind().engine
            silence = beats.silence(session)
        if silence is not None:
            raise NotReady(
                f"No worker has responded for {silence.total_seconds():.0f} seconds. Submissions are kept and wait."
            )
        if _is_long_ago(self._written_at):
            reason = why_not_writable(engine)
            if reason is not None:
                raise NotReady(f"The database can't be written: {reason}.")
            self._written_at = time.monotonic()
        if _is_long_ago(self._stored_at):
            try:
                self._storage.check()
            except OSError as error:
                raise NotReady(f"Photos can't be stored: {error.strerror or error}.") from error
            self._stored_at = time.monotonic()
        return self._classifiers.current()


def _is_long_ago(moment: float) -> bool:
    return time.monotonic() - moment >= KEPT_SECONDS
