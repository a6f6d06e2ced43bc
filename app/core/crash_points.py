"""Named moments at which a test kills the process, to show that nothing is lost there and nothing is left half done.

``WINGCHECK_CRASH_AT=committed`` in the environment arms one, ``committed:3`` its third time. The environment is read once,
when the process starts, so nothing that a request carries can arm or reach one. Unarmed, a moment is one comparison.
"""

import itertools
import os
import signal
from typing import Literal, get_args

Moment = Literal[
    # a submission, in the web process
    "photo-stored",  # the first file of a photo is on the disk, its copies are not
    "all-photos-stored",  # every file is there, no row says so yet
    "row-written",  # rows and job are written, not committed
    "committed",  # committed, and the message is not sent
    "message-sent",  # sent, and not noted as sent
    "answered",  # the answer has just left
    # the second look, a moved square and the withdrawal, in the web process
    "claim-changed",  # committed, and the message is not sent
    "square-moved",  # the same
    "withdrawn-committed",  # committed, and every file is still there
    "half-of-files-deleted",  # some files of a photo are gone, some are not
    # a job, in the worker
    "job-claimed",  # the job is this worker's, nothing is done yet
    "photos-read",  # a photo is read, no prediction made
    "predicted",  # predicted, nothing written
    "verdict-written",  # written, not committed
    "screened",  # committed, and the queue does not know
    # a training, in the worker
    "run-prepared",  # the snapshot is written, no process runs yet
    "run-started",  # its process runs
    "version-written",  # the version is whole, and nobody knows it
    "version-registered",  # it is a row, not committed
    "run-done",  # committed, and its folder is still there
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
    """Die here, as by a power cut, if the process was started to; otherwise nothing."""
    if moment == _name and next(_times) == _nth:
        os.kill(os.getpid(), signal.SIGKILL)
