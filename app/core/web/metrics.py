"""What Prometheus reads at /metrics."""

import os
import time

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Metrics:
    """The service's metrics, in a registry of their own so that several apps can live in one process.

    Several web processes write theirs into one folder, which Prometheus's client finds in the environment, and whichever is
    asked adds up what is there.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "wingcheck_requests", "Requests by route and status", ["method", "route", "status"], registry=self.registry
        )
        self.latency = Histogram(
            "wingcheck_request_seconds", "Time to the end of the answer", ["route"], registry=self.registry
        )
        self.predictions = Counter(
            "wingcheck_predictions", "Photos answered, by decision", ["decision"], registry=self.registry
        )
        self.waiting = Gauge(
            "wingcheck_prediction_queue",
            "Photos waiting or computed now",
            registry=self.registry,
            multiprocess_mode="livesum",
        )
        self.jobs = Gauge(
            "wingcheck_jobs", "Jobs by status", ["status"], registry=self.registry, multiprocess_mode="livemostrecent"
        )
        self._folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")

    def text(self) -> bytes:
        """What Prometheus reads."""
        if self._folder is None:
            return generate_latest(self.registry)
        together = CollectorRegistry()
        MultiProcessCollector(together, self._folder)
        return generate_latest(together)


def route_of(scope: Scope) -> str:
    """The template of the route that answered; links in raw paths are secrets, and strangers may invent any number of paths."""
    if scope["path"].startswith("/static/"):
        return "/static"
    return getattr(scope.get("route"), "path", "unknown")


class MeasureRequests:
    """Counts and times every request under its route's template, never under the raw path (unguessable links stay out)."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        status = 500

        async def watching(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, watching)
        finally:
            route = route_of(scope)
            self.metrics.requests.labels(scope["method"], route, str(status)).inc()
            self.metrics.latency.labels(route).observe(time.perf_counter() - started)
