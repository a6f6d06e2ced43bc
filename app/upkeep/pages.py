"""For monitoring: liveness, readiness, metrics."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST

from app.core import jobs
from app.core.tables import JobStatus
from app.core.web import problems
from app.core.web.dependencies import ReadSession
from app.core.web.metrics import Metrics
from app.upkeep.readiness import Readiness

router = APIRouter(tags=["operations"])


@router.get("/healthz", summary="Alive")
async def healthz() -> dict[str, str]:
    """Answers as long as the process runs; uses nothing else."""
    return {"status": "alive"}


@router.get("/readyz", summary="Ready", responses=problems.described({503: "Not ready; the detail says why."}))
async def readyz(request: Request) -> Response:
    """Ready when the database has the newest schema, photos can be written and a model version is loaded."""
    readiness: Readiness = request.app.state.readiness
    served = await readiness.check()
    model = {"name": served.info.name, "version": served.info.version}
    return JSONResponse({"status": "ready", "model": model, "runtime": served.recogniser.runtime})


@router.get("/metrics", summary="Prometheus metrics", response_class=PlainTextResponse)
def metrics(request: Request, session: ReadSession) -> Response:
    """Requests, latency, predictions by decision, queue length, jobs by status; of all web processes together."""
    collected: Metrics = request.app.state.metrics
    counts = jobs.count_by_status(session)
    for status in JobStatus:
        collected.jobs.labels(status.value).set(counts.get(status.value, 0))
    return Response(collected.text(), media_type=CONTENT_TYPE_LATEST)
