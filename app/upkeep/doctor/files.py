"""Checks of the photo storage and the data folder against the rows."""

import hashlib
import re
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from sqlalchemy import func, or_, select

from app.collecting.tables import Collection
from app.core.db import reading
from app.core.storage import DELETIONS, QUARANTINE
from app.core.tables import Job, JobStatus
from app.predictions.inference import PhotoError, pixel_limits
from app.submissions import photos
from app.submissions.tables import Photo, Submission
from app.upkeep.backup import COOKIE_KEY, free_bytes
from app.upkeep.doctor.findings import Finding, Installation
from app.versions.run_folder import RunFolder, run_folders
from app.versions.tables import TrainingRun

LEAST_FREE = 1_000_000_000
_KEY = re.compile(r"(original|display|thumb)/[0-9a-f]{2}/([0-9a-f]{64})(\.jpg)?")
_QUARANTINE_TIME = timedelta(days=30)
# A photo is stored before its row is written; a few more may be of requests that failed.
_AFTER_ITS_ROW, _MANY = timedelta(hours=1), 10
_ENDED = {JobStatus.CANCELLED: "cancelled", JobStatus.FAILED: "given up"}
_RESTORE = "Restore it from a backup; nobody else has it."


# --- photos -----------------------------------------------------------------------------------------------------------------


def check_photos(installation: Installation, *, contents: bool) -> Iterator[Finding]:
    """Every file that a row needs exists and is undamaged, and every file is needed. ``contents``: also read the files."""
    storage = installation.storage
    try:
        storage.check()
        existing = {file.key: file.modified_at for file in storage.files()}
    except OSError as error:
        yield Finding("storage", "photos", f"Photos can't be stored: {error.strerror or error}.")
        return
    # Rows are read after files: a photo stored in between is in neither or in both.
    needed = _needed_keys(installation)
    orphans = {}
    for key, modified_at in existing.items():
        if key.startswith(DELETIONS):
            continue
        if key.startswith(QUARANTINE):
            if modified_at < installation.now - _QUARANTINE_TIME:
                mend = partial(_forget, installation, key)
                yield Finding("quarantine", key, "No submission has needed this file for a month.", mend=mend)
        elif _KEY.fullmatch(key) is None:
            yield Finding("strange files", key, "This file is none of Wingcheck's.", "Move it elsewhere.")
        elif key not in needed and installation.is_settled(modified_at):
            orphans[key] = modified_at
    yield from _orphans(installation, orphans)
    for key in sorted(needed):
        problem = _problem(installation, key, key in existing, contents)
        if problem:
            yield _broken(installation, key, problem, existing)


def _orphans(installation: Installation, orphans: dict[str, datetime]) -> Iterator[Finding]:
    """Files that no row needs. Many that are newer than every row mean that the database is an older one."""
    with reading(installation.sessions) as session:
        newest = session.scalar(select(func.max(Submission.created_at)))
        gone = or_(Photo.removed_at.is_not(None), Photo.original_removed_at.is_not(None))
        forgotten = set(session.scalars(select(Photo.sha256).where(gone)))
    since = newest + _AFTER_ITS_ROW if newest is not None else datetime.min.replace(tzinfo=UTC)
    newer = {key for key, modified_at in orphans.items() if modified_at > since and _sha256_of(key) not in forgotten}
    if len(newer) >= _MANY:
        yield Finding(
            "photos without records",
            f"{len(newer)} files",
            "These files are newer than the newest submission: the database is probably older than the photos.",
            "None of them is removed. Restore a newer backup of the database, or move the files elsewhere.",
        )
    for key in orphans:
        if len(newer) < _MANY or key not in newer:
            keep = None if _sha256_of(key) in forgotten else QUARANTINE + key
            mend = partial(_delete_unneeded, installation, key, keep)
            yield Finding("orphans", key, "No submission needs this file.", mend=mend)


def _sha256_of(key: str) -> str:
    match = _KEY.fullmatch(key)
    return match[2] if match else ""


def _forget(installation: Installation, key: str) -> str:
    installation.storage.delete(key)
    return "It was removed."


def _needed_keys(installation: Installation) -> set[str]:
    """Keys of the files that rows need."""
    with reading(installation.sessions) as session:
        query = select(Photo.sha256, Photo.original_removed_at).where(Photo.removed_at.is_(None))
        rows = session.execute(query).all()
    needed = {photos.key_of(sha256, variant) for sha256, _ in rows for variant in photos.VARIANTS}
    return needed | {photos.key_of(sha256, "original") for sha256, removed_at in rows if removed_at is None}


def _problem(installation: Installation, key: str, exists: bool, contents: bool) -> str:
    if not exists and not installation.storage.exists(key):
        return "missing"
    if not contents:
        return ""
    try:
        data = installation.storage.get(key)
    except FileNotFoundError:
        return ""  # withdrawn in the meantime
    if key.startswith("original/"):
        return "" if hashlib.sha256(data).hexdigest() == key.rpartition("/")[2] else "damaged"
    return "" if data[:2] == b"\xff\xd8" and data[-2:] == b"\xff\xd9" else "damaged"


def _broken(installation: Installation, key: str, problem: str, existing: dict[str, datetime]) -> Finding:
    match = _KEY.fullmatch(key)
    assert match is not None
    variant, sha256 = match[1], match[2]
    finding = Finding(f"{problem} files", key, f"The {variant} file of a photo is {problem}.")
    if variant == "original":
        finding.advice = _RESTORE
    elif photos.key_of(sha256, "original") in existing:
        finding.mend = partial(_make_copy, installation, sha256, variant)
        finding.advice = "It can be made anew from the original."
    else:
        finding.advice = "Its original is gone too. " + _RESTORE
    return finding


def _make_copy(installation: Installation, sha256: str, variant: str) -> str:
    original = installation.storage.get(photos.key_of(sha256, "original"))
    if hashlib.sha256(original).hexdigest() != sha256:
        raise OSError("its original is damaged")
    try:
        prepared = photos.prepare(original, pixel_limits(installation.settings))
    except PhotoError as error:
        raise OSError(error.detail) from error
    key = photos.key_of(sha256, variant)
    installation.storage.delete(key)  # a damaged file of the same size would count as written
    installation.storage.put(key, prepared.display if variant == "display" else prepared.thumb)
    return "It was recreated from the original."


def _delete_unneeded(installation: Installation, key: str, keep_as: str | None) -> str:
    """Checks again first: the same photo may have been sent a moment ago. ``keep_as``: where it is kept for a month."""
    with reading(installation.sessions) as session:
        query = select(Photo.id).where(Photo.sha256 == _sha256_of(key), Photo.removed_at.is_(None))
        if key.startswith("original/"):
            query = query.where(Photo.original_removed_at.is_(None))
        if session.scalar(query.limit(1)) is not None:
            return "A submission now uses it, so it was kept."
    if keep_as is not None:
        installation.storage.put(keep_as, installation.storage.get(key))
    installation.storage.delete(key)
    return "It was removed." if keep_as is None else f"It was moved to {keep_as}, where it is kept for a month."


# --- leftovers ----------------------------------------------------------------------------------------------------------------


def check_leftovers(installation: Installation) -> Iterator[Finding]:
    """Files and folders that a killed process left unfinished, or that outlived their row."""
    try:
        for file in installation.storage.leftovers():
            if installation.is_settled(file.modified_at):
                mend = partial(_delete_unneeded, installation, file.key, None)
                yield Finding("leftovers", file.key, "A photo was never written to its end.", mend=mend)
    except OSError:
        return  # reported by check_photos
    settings = installation.settings
    for path in (*settings.model_dir.glob(".importing-*"), *settings.data_dir.glob(f".{COOKIE_KEY}-*")):
        if installation.is_settled_file(path):
            yield _leftover(path, "This was never finished.")
    yield from _check_runs(installation)
    with reading(installation.sessions) as session:
        collections = set(session.scalars(select(Collection.folder)))
    for path in (settings.data_dir / "collections").glob("[!.]*"):
        if installation.is_settled_file(path) and path.name not in collections:
            yield _leftover(path, "The collection of this folder was deleted.")


def _leftover(path: Path, problem: str) -> Finding:
    return Finding("leftovers", str(path), problem, mend=partial(_remove, path))


def _remove(path: Path) -> str:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    return "It was removed."


def _check_runs(installation: Installation) -> Iterator[Finding]:
    """Folders of training runs that are registered or have no row, and photo copies of runs that are over.

    A run that was cancelled or given up keeps the rest of its folder: it may be tried again.
    """
    with reading(installation.sessions) as session:
        query = select(TrainingRun.id, Job.status).join(TrainingRun.job)
        rows = session.execute(query.where(TrainingRun.model_version_id.is_(None))).all()
    unregistered = {row.id: row.status for row in rows}
    for folder in run_folders(installation.settings):
        path = folder.path
        if not installation.is_settled_file(path):
            continue
        status = unregistered.get(int(path.name))
        if status is None:
            yield _leftover(path, "The training run of this folder is over.")
        elif status in _ENDED and folder.is_untidy:
            problem = f"The training run of this folder was {_ENDED[status]}, and copies of photos are left in it."
            yield Finding("leftovers", str(path), problem, mend=partial(_tidy, folder))


def _tidy(folder: RunFolder) -> str:
    folder.tidy()
    return "The copies were removed."


# --- the machine ----------------------------------------------------------------------------------------------------------------


def check_machine(installation: Installation) -> Iterator[Finding]:
    """Free disk space, and a cookie key that only its owner can read."""
    folder = installation.settings.data_dir.resolve()
    free = free_bytes(folder)
    if free < LEAST_FREE:
        problem = f"Only {free / 1e6:,.0f} MB are free on this disk."
        yield Finding("disk", str(folder), problem, "Make room, or move the data folder.")
    key = folder / COOKIE_KEY
    if key.exists() and key.stat().st_mode & 0o077:
        yield Finding(
            "secret key",
            str(key),
            "Others on this machine can read the key that signs cookies.",
            "If others have accounts here, remove it as well: a new one is made, and volunteers' cookies end.",
            mend=partial(_restrict, key),
        )


def _restrict(path: Path) -> str:
    path.chmod(0o600)
    return "Access was restricted to its owner."
