"""All checks in their order, and the repairs."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

from sqlalchemy import Engine

from app.core.db import make_session_factory, utcnow
from app.core.settings import Settings
from app.core.storage import Storage
from app.upkeep.doctor.database import check_database, check_models
from app.upkeep.doctor.desk import check_desk
from app.upkeep.doctor.files import check_leftovers, check_machine, check_photos
from app.upkeep.doctor.findings import Finding, Patient
from app.upkeep.doctor.work import check_jobs, check_submissions

log = logging.getLogger(__name__)

Check = Callable[[Patient], Iterator[Finding]]


@dataclass
class Examination:
    """What was found; ``skipped`` could not be looked at because of it."""

    findings: list[Finding] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)

    @property
    def left(self) -> list[Finding]:
        """What is still wrong."""
        return [finding for finding in self.findings if finding.repaired is None]


def examine(settings: Settings, engine: Engine, storage: Storage, *, contents: bool = True) -> Examination:
    """Look at everything and change nothing. ``contents``: read every file and compare its hash, which takes time."""
    patient = Patient(settings, engine, make_session_factory(engine), storage, utcnow())
    found = Examination(list(check_machine(patient)))
    database = list(check_database(patient))
    found.findings += database
    needing_rows: dict[str, Check] = {
        "models": check_models,
        "photos": partial(check_photos, contents=contents),
        "leftovers": check_leftovers,
        "jobs": check_jobs,
        "submissions": check_submissions,
        "desk": check_desk,
    }
    if any(finding.check in {"database", "schema", "integrity"} for finding in database):
        found.skipped = list(needing_rows)
        return found
    for check in needing_rows.values():
        found.findings += check(patient)
    return found


def repair(examination: Examination) -> None:
    """Do every repair that is safe. One that fails says so in its advice and stops nothing."""
    for finding in examination.findings:
        if finding.mend is None:
            continue
        try:
            finding.repaired = finding.mend()
        except Exception as error:  # a disk, a bucket, a database: whatever it is, the next repair is worth trying
            log.debug("repairing %s failed", finding.subject, exc_info=True)
            finding.advice = f"The repair failed: {error}. {finding.advice}".strip()
