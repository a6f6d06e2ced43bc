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
from app.versions.tables import TrainingRun


@dataclass(frozen=True)
class ListedVersion:
    """A version, how it last came to serve (None: it never did), and the run that made it (None: it came from elsewhere)."""

    version: ModelVersion
    activation: ModelActivation | None
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


def all_versions(session: Session) -> list[ListedVersion]:
    """Every version: those that serve first, then the newest first."""
    newest = select(func.max(ModelActivation.id)).group_by(ModelActivation.model_version_id)
    rows = session.scalars(select(ModelActivation).where(ModelActivation.id.in_(newest)))
    activations = {row.model_version_id: row for row in rows}
    made = select(TrainingRun.model_version_id, TrainingRun.id).where(TrainingRun.model_version_id.is_not(None))
    run_ids = {row.model_version_id: row.id for row in session.execute(made)}
    query = select(ModelVersion).order_by(ModelVersion.active.desc(), ModelVersion.id.desc())
    return [
        ListedVersion(version, activations.get(version.id), run_ids.get(version.id))
        for version in session.scalars(query)
    ]


def activations_of(session: Session, version_id: int) -> list[ModelActivation]:
    """Every time this version was put into service, the latest first."""
    query = select(ModelActivation).where(ModelActivation.model_version_id == version_id)
    return list(session.scalars(query.order_by(ModelActivation.id.desc())))


def run_of(session: Session, version_id: int) -> TrainingRun | None:
    """The training run that made a version."""
    return session.scalar(select(TrainingRun).where(TrainingRun.model_version_id == version_id))


def compared_with(session: Session, run: TrainingRun) -> ModelVersion | None:
    """The version that a run's own was compared with."""
    against = (run.comparison or {}).get("against") or {}
    named = (ModelVersion.name == str(against.get("name", "")), ModelVersion.version == str(against.get("version", "")))
    return session.scalar(select(ModelVersion).where(*named))


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
        content = json.loads(_text(path) or "{}")
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def _text(path: Path) -> str:
    """A file's text; empty where there is none that can be read."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
