"""Each check of the doctor beside two submissions, of which one is broken: only that one is named, and only that one mended.

A check that looks at all rows together would say that all is well because of the healthy one, or would mend both.
"""

import ast
import inspect
from datetime import timedelta

import pytest
from sqlalchemy import delete, select, update

from app.core.db import Base, reading, transaction, utcnow
from app.core.storage.deletions import make_journal
from app.core.tables import Job, JobStatus
from app.predictions.rules import ClaimKind
from app.predictions.tables import ModelVersion
from app.review.tables import ReviewTask
from app.submissions import photos
from app.submissions.rules import SubmissionStatus
from app.submissions.tables import ClaimRecord, Submission, VerdictRecord
from app.upkeep.doctor import files, repair, rows, work
from tests.app.sending import row, submit
from tests.app.upkeep.examining import aged, examined, found, storage_of
from tests.factories import photo


@pytest.fixture
def two(lite):
    """Two submissions that wait for an expert: ``healthy`` and ``broken``. Nothing is wrong with either yet."""
    unsure = {"claim_kind": ClaimKind.UNKNOWN, "claimed_name": None}
    tokens = [submit(lite, photo(n), idempotency_key=f"k{n}", **unsure).token for n in (1, 2)]
    lite.work()
    lite.healthy, lite.broken = (row(lite, token) for token in tokens)
    assert found(lite) == set()
    return lite


def file_of(two, submission, variant):
    return two.settings.photo_dir / photos.key_of(submission.photos[0].sha256, variant)


def _jobs(two, **values):
    with transaction(two.sessions) as session:
        session.execute(update(Job).where(Job.subject_id == two.broken.id, Job.kind == "screening").values(values))


def failed_jobs(two):
    _jobs(two, status=JobStatus.FAILED, attempts=5, error="OSError: broken")
    return {f"job {job_of(two, two.broken).id}"}


def stuck_jobs(two):
    long_ago = utcnow() - timedelta(hours=1)
    _jobs(two, status=JobStatus.RUNNING, created_at=long_ago, sent_at=long_ago, heartbeat_at=long_ago)
    return {f"job {job_of(two, two.broken).id}"}


def workers(two):
    stuck_jobs(two)
    return {"none"}


def queue(two):
    two.worker.dispatcher.send(7001)
    return {"1 message"}


def forgotten_submissions(two):
    claims = select(ClaimRecord.id).where(ClaimRecord.submission_id == two.broken.id)
    with transaction(two.sessions) as session:
        session.execute(delete(VerdictRecord).where(VerdictRecord.claim_id.in_(claims)))
    return {f"submission {two.broken.id}"}


def forgotten_items(two):
    with transaction(two.sessions) as session:
        session.execute(delete(ReviewTask).where(ReviewTask.submission_id == two.broken.id))
    return {f"submission {two.broken.id}"}


def items_of_withdrawn_submissions(two):
    with transaction(two.sessions) as session:
        session.execute(
            update(Submission).where(Submission.id == two.broken.id).values(status=SubmissionStatus.WITHDRAWN)
        )
    return {f"submission {two.broken.id}"}


def missing_files(two):
    file_of(two, two.broken, "thumb").unlink()
    return {photos.key_of(two.broken.photos[0].sha256, "thumb")}


def damaged_files(two):
    file_of(two, two.broken, "display").write_bytes(b"\0" * 5000)
    return {photos.key_of(two.broken.photos[0].sha256, "display")}


def orphans(two):
    keys = {photos.key_of("ab" * 32, variant) for variant in ("original", "thumb")}
    for key in keys:
        storage_of(two).put(key, b"nobody's")
        aged(two.settings.photo_dir / key)
    aged(file_of(two, two.healthy, "original"))  # as old, and needed
    return keys


def quarantine(two):
    for hours, name in ((31 * 24, "a"), (1, "b")):
        key = f"quarantine/{photos.key_of(name * 64, 'thumb')}"
        storage_of(two).put(key, b"nobody's")
        aged(two.settings.photo_dir / key, hours=hours)
    return {f"quarantine/{photos.key_of('a' * 64, 'thumb')}"}


def photos_without_records(two):
    with transaction(two.sessions) as session:
        session.execute(update(Submission).values(created_at=utcnow() - timedelta(days=30)))
    for number in range(10):
        key = photos.key_of(f"{number:064x}", "original")
        storage_of(two).put(key, b"sent later")
        aged(two.settings.photo_dir / key)
    return {"10 files"}


def strange_files(two):
    storage_of(two).put("holiday/beach.jpg", b"sand")
    return {"holiday/beach.jpg"}


def leftovers(two):
    path = two.settings.photo_dir / "original" / ".writing-abc"
    path.write_bytes(b"half")
    aged(path)
    path.with_name(".writing-new").write_bytes(b"half")  # somebody is writing it now
    return {"original/.writing-abc"}


def models(two):
    with transaction(two.sessions) as session:
        session.add(ModelVersion(task="t", name="browns", version="7", location="browns-7", digest="d", labels=[]))
    return {"browns 7"}


def secret_key(two):
    path = two.settings.data_dir / "secret-key"
    path.write_text("key")
    path.chmod(0o644)
    return {str(path)}


def deletions(two):
    make_journal(two.settings).note("submission", two.broken)
    return {f"submission {two.broken.id}"}


BREAKING = [
    failed_jobs, stuck_jobs, workers, queue, forgotten_submissions, forgotten_items, items_of_withdrawn_submissions,
    missing_files, damaged_files, orphans, quarantine, photos_without_records, strange_files, leftovers, models, secret_key,
    deletions,
]  # fmt: skip
# These concern the whole installation, and are tested in test_doctor_work.py.
OF_EVERYTHING = {"mail", "disk", "database", "schema", "integrity", "storage", "references"}
# Only a person can mend these.
STAY = {"workers", "photos without records", "strange files", "models"}


def job_of(two, submission):
    with reading(two.sessions) as session:
        return session.scalars(select(Job).where(Job.subject_id == submission.id, Job.kind == "screening")).one()


def rows_of(two, submission):
    """Every row that names a submission, and its files."""
    with reading(two.sessions) as session:
        named = {
            table.name: session.execute(table.select().where(table.c.submission_id == submission.id)).all()
            for table in Base.metadata.sorted_tables
            if "submission_id" in table.columns
        }
        named["jobs"] = session.execute(Job.__table__.select().where(Job.subject_id == submission.id)).all()
    return named, {kind: file_of(two, submission, kind).read_bytes() for kind in ("original", "display", "thumb")}


def name_of(breaking):
    return breaking.__name__.replace("_", " ")


@pytest.mark.parametrize("breaking", BREAKING, ids=name_of)
def test_only_what_is_broken_is_named_and_mended(two, breaking):
    healthy, check = rows_of(two, two.healthy), name_of(breaking)
    subjects = breaking(two)
    examination = examined(two)
    named = [finding.subject for finding in examination.findings if finding.check == check]
    assert (len(named), set(named)) == (len(subjects), subjects)
    assert rows_of(two, two.healthy) == healthy  # looking changes nothing
    repair(examination)
    assert rows_of(two, two.healthy) == healthy
    left = {finding.check for finding in examination.left}
    assert left <= STAY
    assert (check in left) is (check in STAY)
    two.work()
    with reading(two.sessions) as session:
        assert session.query(Job).where(Job.subject_id == two.healthy.id).count() == 1


def test_every_check_is_broken_here_once():
    """By the first argument of each Finding in the code."""
    trees = [ast.parse(inspect.getsource(module)) for module in (files, rows, work)]
    calls = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]
    findings = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id == "Finding"]
    checks = {call.args[0].value for call in findings if isinstance(call.args[0], ast.Constant)}
    assert checks | {"missing files", "damaged files"} == {name_of(each) for each in BREAKING} | OF_EVERYTHING
