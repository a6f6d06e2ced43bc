"""The examination behind `wingcheck doctor`: what is wrong, and what can safely be repaired."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

from sqlalchemy import Engine

from app.core.db import make_session_factory, utcnow
from app.core.settings import Settings
from app.core.storage import Storage
from app.upkeep.doctor.files import check_leftovers, check_machine, check_photos
from app.upkeep.doctor.findings import Finding, Installation
from app.upkeep.doctor.rows import (
    check_database,
    check_deletions,
    check_desk,
    check_mail,
    check_models,
    check_submissions,
)
from app.upkeep.doctor.work import check_work

log = logging.getLogger(__name__)

Check = Callable[[Installation], Iterator[Finding]]


@dataclass
class Examination:
    """The findings, and the checks that were ``skipped`` because of them."""

    findings: list[Finding] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)

    @property
    def left(self) -> list[Finding]:
        """Findings that are not repaired."""
        return [finding for finding in self.findings if finding.repaired is None]


def examine(settings: Settings, engine: Engine, storage: Storage, *, contents: bool = True) -> Examination:
    """Check everything and change nothing. ``contents``: read every file and compare its hash, which takes time."""
    installation = Installation(settings, engine, make_session_factory(engine), storage, utcnow())
    database = list(check_database(installation))
    examination = Examination([*check_machine(installation), *database])
    checks: dict[str, Check] = {
        "deletions": check_deletions,
        "models": check_models,
        "photos": partial(check_photos, contents=contents),
        "leftovers": check_leftovers,
        "jobs": check_work,
        "mail": check_mail,
        "submissions": check_submissions,
        "desk": check_desk,
    }
    if any(finding.check in {"database", "schema", "integrity"} for finding in database):
        examination.skipped = list(checks)
        return examination
    for check in checks.values():
        examination.findings += check(installation)
    return examination


def repair(examination: Examination) -> None:
    """Do every safe repair. If one fails, its finding says so and the others go on."""
    for finding in examination.findings:
        if finding.mend is None:
            continue
        try:
            finding.repaired = finding.mend()
        except Exception as error:  # whether disk, bucket or database, the next repair is worth trying
            log.debug("repairing %s failed", finding.subject, exc_info=True)
            finding.advice = f"The repair failed: {error}. {finding.advice}".strip()
