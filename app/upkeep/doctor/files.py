"""Checks of what lies in the storage and in the data folder, against what the rows say."""

import hashlib
import re
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from sqlalchemy import select

from app.collecting.tables import Collection
from app.core.db import reading
from app.core.tables import Job, JobStatus
from app.predictions.inference import PhotoError, pixel_limits
from app.submissions import photos
from app.submissions.tables import Photo
from app.upkeep.backup import COOKIE_KEY, free_bytes
from app.upkeep.doctor.findings import SETTLED, Finding, Patient
from app.versions.run_folder import RunFolder, run_folders
from app.versions.tables import TrainingRun

LEAST_FREE = 1_000_000_000
_OURS = re.compile(r"(original|display|thumb)/[0-9a-f]{2}/([0-9a-f]{64})(\.jpg)?")
_ENDED = {JobStatus.CANCELLED: "cancelled", JobStatus.FAILED: "given up"}
_RESTORE = "Restore it from a backup; nobody else has it."


def check_photos(patient: Patient, *, contents: bool) -> Iterator[Finding]:
    """Every file that a row needs is there and undamaged, and every file is needed. ``contents``: read them, too."""
    try:
        patient.storage.check()
        here = {file.key: file.modified_at for file in patient.storage.files()}
    except OSError as error:
        yield Finding("storage", "photos", f"Photos can't be stored: {error.strerror or error}.")
        return
    # Rows after files: what is put meanwhile is in neither or in both.
    needed = _wanted(patient)
    for key, modified in here.items():
        if _OURS.fullmatch(key) is None:
            yield Finding("strange files", key, "This file is none of Wingcheck's.", "Move it elsewhere.")
        elif key not in needed and modified < patient.settled:
            yield Finding(
                "orphans",
                key,
                "No submission needs this file.",
                mend=partial(_remove, patient, key, "The file was removed."),
            )
    for key in sorted(needed):
        problem = _problem(patient, key, key in here, contents)
        if problem:
            yield _broken(patient, key, problem, here)


def _wanted(patient: Patient) -> set[str]:
    """Keys of the files that rows need."""
    with reading(patient.sessions) as session:
        query = select(Photo.sha256, Photo.original_removed_at).where(Photo.removed_at.is_(None))
        rows = session.execute(query).all()
    needed = {photos.key_of(sha256, variant) for sha256, _ in rows for variant in photos.VARIANTS}
    return needed | {photos.key_of(sha256, "original") for sha256, removed in rows if removed is None}


def _problem(patient: Patient, key: str, there: bool, contents: bool) -> str:
    if not there and not patient.storage.exists(key):
        return "missing"
    if not contents:
        return ""
    try:
        data = patient.storage.get(key)
    except FileNotFoundError:
        return ""  # withdrawn meanwhile
    if key.startswith("original/"):
        return "" if hashlib.sha256(data).hexdigest() == key.rpartition("/")[2] else "damaged"
    return "" if data[:2] == b"\xff\xd8" and data[-2:] == b"\xff\xd9" else "damaged"


def _broken(patient: Patient, key: str, problem: str, here: dict[str, datetime]) -> Finding:
    match = _OURS.fullmatch(key)
    assert match is not None
    variant, sha256 = match[1], match[2]
    found = Finding(f"{problem} files", key, f"The {variant} file of a photo is {problem}.")
    if variant == "original":
        found.advice = _RESTORE
    elif photos.key_of(sha256, "original") in here:
        found.mend = partial(_make_copy, patient, sha256, variant)
        found.advice = "It can be made anew from the original."
    else:
        found.advice = "Its original is gone too. " + _RESTORE
    return found


def _make_copy(patient: Patient, sha256: str, variant: str) -> str:
    original = patient.storage.get(photos.key_of(sha256, "original"))
    if hashlib.sha256(original).hexdigest() != sha256:
        raise OSError("its original is damaged")
    try:
        prepared = photos.prepare(original, pixel_limits(patient.settings))
    except PhotoError as error:
        raise OSError(error.detail) from error
    key = photos.key_of(sha256, variant)
    patient.storage.delete(key)  # a damaged file of the same size would count as written
    patient.storage.put(key, prepared.display if variant == "display" else prepared.thumb)
    return "It was recreated from the original."


def _remove(patient: Patient, key: str, done: str) -> str:
    """Looks again first: the same photo may have been sent a moment ago."""
    match = _OURS.fullmatch(key)
    with reading(patient.sessions) as session:
        query = select(Photo.id).where(Photo.sha256 == (match[2] if match else ""), Photo.removed_at.is_(None))
        if match and match[1] == "original":
            query = query.where(Photo.original_removed_at.is_(None))
        if session.scalar(query.limit(1)) is not None:
            return "A submission now uses it, so it was kept."
    patient.storage.delete(key)
    return done


def check_leftovers(patient: Patient) -> Iterator[Finding]:
    """What a killed process left half-written."""
    try:
        for file in patient.storage.leftovers():
            if file.modified_at < patient.settled:
                mend = partial(_remove, patient, file.key, "It was removed.")
                yield Finding("leftovers", file.key, "A photo was never written to its end.", mend=mend)
    except OSError:
        return  # said by check_photos
    for folder, pattern in (
        (patient.settings.model_dir, ".importing-*"),
        (patient.settings.data_dir, f".{COOKIE_KEY}-*"),
    ):
        for path in folder.glob(pattern):
            if datetime.fromtimestamp(path.stat().st_mtime, UTC) < patient.now - SETTLED:
                yield Finding("leftovers", str(path), "This was never finished.", mend=partial(_unlink, path))
    yield from _check_runs(patient)
    yield from _check_collections(patient)


def _check_runs(patient: Patient) -> Iterator[Finding]:
    """Folders of training runs whose version is registered, or that no row knows, and copies of photos of runs that are over.

    A run that was cancelled or given up keeps the rest of its folder: it may be tried again.
    """
    with reading(patient.sessions) as session:
        query = select(TrainingRun.id, Job.status).join(TrainingRun.job)
        rows = session.execute(query.where(TrainingRun.model_version_id.is_(None))).all()
    known = {row.id: row.status for row in rows}
    for folder in run_folders(patient.settings):
        path = folder.path
        if datetime.fromtimestamp(path.stat().st_mtime, UTC) >= patient.now - SETTLED:
            continue
        status = known.get(int(path.name))
        if status is None:
            yield Finding(
                "leftovers", str(path), "The training run of this folder is over.", mend=partial(_unlink, path)
            )
        elif status in _ENDED and folder.is_untidy:
            problem = f"The training run of this folder was {_ENDED[status]}, and copies of photos are left in it."
            yield Finding("leftovers", str(path), problem, mend=partial(_tidy, folder))


def _tidy(folder: RunFolder) -> str:
    folder.tidy()
    return "The copies were removed."


def _check_collections(patient: Patient) -> Iterator[Finding]:
    """Folders of collections that were deleted: whatever wrote into them has ended since."""
    with reading(patient.sessions) as session:
        known = set(session.scalars(select(Collection.folder)))
    for path in (patient.settings.data_dir / "collections").glob("[!.]*"):
        settled = datetime.fromtimestamp(path.stat().st_mtime, UTC) < patient.now - SETTLED
        if settled and path.name not in known:
            yield Finding(
                "leftovers", str(path), "The collection of this folder was deleted.", mend=partial(_unlink, path)
            )


def _unlink(path: Path) -> str:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    return "It was removed."


def check_machine(patient: Patient) -> Iterator[Finding]:
    """Room on the disk, and a cookie key that only its owner can read."""
    folder = patient.settings.data_dir.resolve()
    free = free_bytes(folder)
    if free < LEAST_FREE:
        yield Finding(
            "disk",
            str(folder),
            f"Only {free / 1e6:,.0f} MB are free on this disk.",
            "Make room, or move the data folder.",
        )
    key = folder / COOKIE_KEY
    if key.exists() and key.stat().st_mode & 0o077:
        yield Finding(
            "secret key",
            str(key),
            "Others on this machine can read the key that signs cookies.",
            "If others have accounts here, remove it as well: a new one is made, and volunteers' cookies end.",
            mend=_closing(key),
        )


def _closing(path: Path) -> Callable[[], str]:
    def close() -> str:
        path.chmod(0o600)
        return "Access was restricted to its owner."

    return close
