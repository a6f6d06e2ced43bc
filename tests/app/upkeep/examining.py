"""The doctor in tests."""

import hashlib
import os
import time

from app.core.db import make_engine
from app.core.storage import make_storage
from app.upkeep.doctor import examine, repair
from tests.factories import photo

SHA = hashlib.sha256(photo(1)).hexdigest()


def storage_of(service):
    return make_storage(service.settings)


def examined(service, **options):
    return examine(service.settings, make_engine(service.settings.database_url), storage_of(service), **options)


def found(service, **options):
    return {(finding.check, finding.subject) for finding in examined(service, **options).findings}


def repaired(service):
    """What could not be repaired; a second look must find nothing else."""
    examination = examined(service)
    repair(examination)
    left = {(finding.check, finding.subject) for finding in examination.left}
    assert found(service) == left
    return left


def aged(path, hours=2):
    old = time.time() - hours * 3600
    os.utime(path, (old, old))
