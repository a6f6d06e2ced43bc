"""The worker's daily look at the version in service, and the webhook that is told when a limit is crossed."""

import json
import logging
import urllib.request
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import select

from app.core import jobs
from app.core.db import SessionFactory, reading, transaction, utcnow
from app.core.settings import Settings
from app.core.tables import Job
from app.predictions.classifiers import Classifiers
from app.submissions.tables import PredictionRecord
from app.versions import watch
from app.versions.promotion import get
from app.versions.tables import WatchAlert

log = logging.getLogger(__name__)
_SECONDS = 10


class Watching:
    """Handles WATCH jobs."""

    def __init__(self, sessions: SessionFactory, classifiers: Classifiers, settings: Settings) -> None:
        self._sessions = sessions
        self._classifiers = classifiers
        self._settings = settings

    def is_worthwhile(self) -> bool:
        """Whether anything was screened more than a day ago."""
        with reading(self._sessions) as session:
            first = session.scalar(select(PredictionRecord.created_at).order_by(PredictionRecord.id).limit(1))
        return first is not None and first < utcnow() - timedelta(days=1)

    def run(self, job_id: int, _subject_id: int) -> None:
        """Look, write down what is past a limit, tell the webhook, finish the job. Raises OSError where it can't be told."""
        served = self._classifiers.current()
        with transaction(self._sessions) as session:
            version = get(session, served.id)
        found = watch.of_serving(self._sessions, version, served.info.policy.in_scope_threshold)
        untold = watch.note_alerts(self._sessions, version, found, self._settings)
        if untold and self._settings.watch_webhook_url:
            _post(self._settings.watch_webhook_url, untold)
            watch.told(self._sessions, untold)
        with transaction(self._sessions) as session:
            jobs.finish(session, session.get_one(Job, job_id))


def _post(url: str, alerts: Sequence[WatchAlert]) -> None:
    """POST the alerts as JSON. Raises OSError."""
    content = {
        "alerts": [
            {
                "week": alert.week.isoformat(),
                "figure": alert.figure,
                "value": alert.value,
                "limit": alert.limit,
                "model": {"name": alert.model_version.name, "version": alert.model_version.version},
            }
            for alert in alerts
        ]
    }
    headers = {"Content-Type": "application/json", "User-Agent": "wingcheck"}
    request = urllib.request.Request(url, json.dumps(content).encode(), headers, method="POST")  # noqa: S310 (http, checked)
    with urllib.request.urlopen(request, timeout=_SECONDS):  # noqa: S310
        log.info("the webhook was told of %s alerts", len(alerts))
