"""Model versions to look at: which there are, how each came to serve, and what lies in a version's folder."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.core.errors import ModelUnavailable
from app.core.settings import Settings
from app.predictions import registry
from app.predictions.inference import ModelVersionError, ModelVersionInfo, read_version
from app.predictions.tables import ModelActivation, ModelVersion
from app.submissions.tables import Photo
from app.versions.tables import TrainingRun


@dataclass(frozen=True)
class Listed:
    """A version, how it last came to serve (None: it never did), and the run that made it (None: it came from elsewhere)."""

    version: ModelVersion
    latest: ModelActivation | None
    run_id: int | None


@dataclass(frozen=True)
class VersionFile:
    """A file of a version; ``digest`` is the hash that its manifest records."""

    name: str
    size: int
    digest: str


@dataclass(frozen=True)
class Folder:
    """What a version's folder holds. ``info`` is None, and ``problem`` says why, where it can't be read or was changed."""

    info: ModelVersionInfo | None
    problem: str
    manifest: dict[str, Any]
    card: str
    files: list[VersionFile]


def everything(session: Session) -> list[Listed]:
    """Every version: those that serve first, then the newest first."""
    newest = select(func.max(ModelActivation.id)).group_by(ModelActivation.model_version_id)
    latest = {
        row.model_version_id: row
        for row in session.scalars(select(ModelActivation).where(ModelActivation.id.in_(newest)))
    }
    made = select(TrainingRun.model_version_id, TrainingRun.id).where(TrainingRun.model_version_id.is_not(None))
    run_ids = {row[0]: row[1] for row in session.execute(made)}
    query = select(ModelVersion).order_by(ModelVersion.active.desc(), ModelVersion.id.desc())
    return [Listed(version, latest.get(version.id), run_ids.get(version.id)) for version in session.scalars(query)]


def activations_of(session: Session, version_id: int) -> list[ModelActivation]:
    """Every time this version was put into service, the latest first."""
    query = select(ModelActivation).where(ModelActivation.model_version_id == version_id)
    return list(session.scalars(query.order_by(ModelActivation.id.desc())))


MOST_NAMED = 60
"""So many photos of a list are shown at most."""


def find(session: Session, name: str, number: str) -> ModelVersion | None:
    """The version of that name and number."""
    return session.scalar(select(ModelVersion).where(ModelVersion.name == name, ModelVersion.version == number))


def run_of(session: Session, version_id: int) -> TrainingRun | None:
    """The training run that made a version."""
    return session.scalar(select(TrainingRun).where(TrainingRun.model_version_id == version_id))


def compared_with(session: Session, run: TrainingRun) -> ModelVersion | None:
    """The version that a run's own was compared with."""
    against = (run.comparison or {}).get("against") or {}
    return find(session, str(against.get("name", "")), str(against.get("version", "")))


@dataclass(frozen=True)
class Paired:
    """Two versions asked about the same photos. ``found`` as `wingcheck evaluate --against` has it; ``turned``: the second
    one is the one that it was measured for.
    """

    found: dict[str, Any]
    turned: bool


def paired(session: Session, one: ModelVersion, other: ModelVersion) -> Paired | None:
    """How they compare on the same photos; None where no run measured that."""
    for version, against in ((one, other), (other, one)):
        run = run_of(session, version.id)
        if run is None or not run.comparison:
            continue
        compared = compared_with(session, run)
        if compared is not None and compared.id == against.id:
            return Paired(run.comparison, version is other)
    return None


def photos_named(session: Session, named: Any) -> dict[str, Photo]:
    """Photos of a list of mistakes or differences that are still kept here, by the hash of their bytes."""
    paths = [str(each.get("path", "")) for each in named if isinstance(each, dict)] if isinstance(named, list) else []
    hashes = {Path(path).stem for path in paths[:MOST_NAMED]}
    query = select(Photo).where(Photo.sha256.in_(hashes), Photo.removed_at.is_(None)).order_by(Photo.id.desc())
    return {photo.sha256: photo for photo in session.scalars(query)} if hashes else {}


def photos_numbered(session: Session, numbers: list[int]) -> dict[str, Photo]:
    """Photos by their numbers, written as text, as far as they are still kept here."""
    query = select(Photo).where(Photo.id.in_(numbers[:MOST_NAMED]), Photo.removed_at.is_(None))
    return {str(photo.id): photo for photo in session.scalars(query)} if numbers else {}


def folder(version: ModelVersion, settings: Settings) -> Folder:
    """What lies in the version's folder; every file is compared with its recorded hash."""
    try:
        path = registry.folder_of(version, settings)
    except ModelUnavailable as error:
        return Folder(None, error.detail, {}, "", [])
    manifest = _json(path / "model.json")
    try:
        info, problem = read_version(path), ""
    except ModelVersionError as error:
        info, problem = None, str(error)
    return Folder(info, problem, manifest, _text(path / "MODEL_CARD.md"), _files(path, manifest))


def _files(path: Path, manifest: dict[str, Any]) -> list[VersionFile]:
    recorded = manifest.get("files")
    if not isinstance(recorded, dict):
        return []
    return [
        VersionFile(str(name), (path / name).stat().st_size if (path / name).is_file() else 0, str(digest))
        for name, digest in sorted(recorded.items())
    ]


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(_text(path) or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _text(path: Path) -> str:
    """A file's text; empty where there is none that can be read."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
