"""Named moments at which a test kills the process, to show that nothing is lost or left half done.

``WINGCHECK_CRASH_AT=committed`` in the environment arms one, ``committed:3`` its third time. The environment is read once,
when the process starts, so no request can arm one. Unarmed, a moment is one comparison.
"""

import itertools
import os
import signal
from typing import Literal, get_args

Moment = Literal[
    # a submission, in the web process
    "photo-stored",  # the first file of a photo is on the disk, its copies are not
    "all-photos-stored",  # every file is written, no row is
    "row-written",  # rows and job are written, not committed
    "committed",  # committed, and the message is not sent
    "message-sent",  # sent, and not noted as sent
    "answered",  # the answer has just left
    # the second look, a moved square and the withdrawal, in the web process
    "claim-changed",  # committed, and the message is not sent
    "square-moved",  # the same
    "deletion-noted",  # the journal has it, the database does not
    "withdrawn-committed",  # committed, and every file still exists
    "half-of-files-deleted",  # some files of a photo are deleted, some are not
    # a job, in the worker
    "job-claimed",  # the job is this worker's, nothing is done
    "photos-read",  # a photo is read, no prediction made
    "predicted",  # predicted, nothing written
    "verdict-written",  # written, not committed
    "screened",  # committed, and the queue has no answer
    # a mail, in the worker
    "mail-written",  # it is rendered, and the server knows nothing of it
    "mail-claimed",  # the server takes it, its row says "sending", its text has not left
    "mail-accepted",  # the server has accepted it, and that is not noted
    # a training, in the worker
    "run-prepared",  # the snapshot is written, no process runs yet
    "run-started",  # its process runs
    "version-written",  # the version is complete, and has no row
    "version-registered",  # it is a row, not committed
    "run-done",  # committed, and its folder still exists
]
MOMENTS: tuple[str, ...] = get_args(Moment)


def _parse(text: str) -> tuple[str, int]:
    name, _, nth = text.partition(":")
    if name and name not in MOMENTS:
        raise ValueError(f"no crash point {name!r}; there are {', '.join(MOMENTS)}")
    return name, int(nth or 1)


_name, _nth = _parse(os.environ.get("WINGCHECK_CRASH_AT", ""))
_times = itertools.count(1)  # next() on it is atomic, so threads count together


def reach(moment: Moment) -> None:
    """Kill this process, as a power cut would, if this moment is armed."""
    if moment == _name and next(_times) == _nth:
        os.kill(os.getpid(), signal.SIGKILL)
