"""How work in the background stands, as its job tells: work has no state of its own."""

from datetime import timedelta

from app.db import utcnow
from app.domain.training import RunState
from app.models import Job, JobStatus
from app.services import jobs

_ENDS = {
    JobStatus.QUEUED: RunState.WAITING,
    JobStatus.DONE: RunState.DONE,
    JobStatus.FAILED: RunState.FAILED,
    JobStatus.CANCELLED: RunState.CANCELLED,
}


def state_of(job: Job, lost_after: timedelta = jobs.LOST_AFTER) -> RunState:
    """How the work of this job stands. Without a heartbeat for ``lost_after`` it has lost its worker."""
    if job.status is not JobStatus.RUNNING:
        return _ENDS[job.status]
    if job.heartbeat_at is None or abs(utcnow() - job.heartbeat_at) > lost_after:
        return RunState.LOST
    return RunState.STOPPING if job.cancel_requested else RunState.RUNNING
