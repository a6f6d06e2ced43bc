"""For machines that watch: alive, ready, metrics."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from app.db import why_not_writable
from app.migrations import is_current
from app.models import JobStatus
from app.services import jobs
from app.web import problems
from app.web.dependencies import ClassifiersDep, ReadSession, StorageDep

router = APIRouter(tags=["operations"])


@router.get("/healthz", summary="Alive")
async def healthz() -> dict[str, str]:
    """Answers as long as the process does; touches nothing else."""
    return {"status": "alive"}


@router.get("/readyz", summary="Ready", responses=problems.described({503: "Not ready; the detail says why."}))
def readyz(session: ReadSession, classifiers: ClassifiersDep, storage: StorageDep) -> Response:
    """Ready when the database has the newest schema, photos can be written and a model version is loaded."""
    if not is_current(session.connection()):
        return problems.response("unavailable", 503, "The database has another schema; run 'wingcheck db upgrade'.")
    reason = why_not_writable(session.get_bind().engine)
    if reason is not None:
        return problems.response("unavailable", 503, f"The database can't be written: {reason}.")
    try:
        storage.check()
    except OSError as error:
        return problems.response("unavailable", 503, f"Photos can't be stored: {error.strerror or error}.")
    served = classifiers.current()
    return JSONResponse(
        {
            "status": "ready",
            "model": {"name": served.info.name, "version": served.info.version},
            "runtime": served.recogniser.runtime,
        }
    )


@router.get("/metrics", summary="Prometheus metrics", response_class=PlainTextResponse)
def metrics(request: Request, session: ReadSession, classifiers: ClassifiersDep) -> Response:
    """Requests, latency, predictions by decision, queue length, jobs by status."""
    found = request.app.state.metrics
    found.waiting.set(classifiers.waiting)
    counts = jobs.count_by_status(session)
    for status in JobStatus:
        found.jobs.labels(status.value).set(counts.get(status.value, 0))
    return Response(generate_latest(found.registry), media_type=CONTENT_TYPE_LATEST)
