"""The metrics that Prometheus reads at /metrics."""

import os

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector


class Metrics:
    """The service's metrics, in a registry of their own so that several applications can live in one process.

    Several web processes write to one folder, named by an environment variable of Prometheus's client; whichever process is
    asked adds up the files in it.
    """

    def __init__(self) -> None:
        registry = self.registry = CollectorRegistry()
        self.requests = Counter(
            "wingcheck_requests", "Requests by route and status", ["method", "route", "status"], registry=registry
        )
        self.latency = Histogram(
            "wingcheck_request_seconds", "Time to the end of the answer", ["route"], registry=registry
        )
        self.predictions = Counter(
            "wingcheck_predictions", "Photos answered, by decision", ["decision"], registry=registry
        )
        self.waiting = Gauge(
            "wingcheck_prediction_queue",
            "Photos waiting or computed now",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self.jobs = Gauge(
            "wingcheck_jobs", "Jobs by status", ["status"], registry=registry, multiprocess_mode="livemostrecent"
        )
        self._folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")

    def text(self) -> bytes:
        """The metrics in Prometheus's text format."""
        if self._folder is None:
            return generate_latest(self.registry)
        registry = CollectorRegistry()
        MultiProcessCollector(registry, self._folder)
        return generate_latest(registry)
