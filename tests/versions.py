"""Model versions for tests: the bundled network under another policy is another version, with another number."""

import json
import shutil
from pathlib import Path
from typing import Any

from sqlalchemy import select

from app.core.db import SessionFactory, transaction
from app.core.settings import Settings
from app.predictions import registry
from app.predictions.tables import ModelVersion
from ml.inference import bundled_versions, read_version
from ml.inference.versions import file_digest

BUNDLED = bundled_versions()[0]
BUNDLED_NUMBER = read_version(BUNDLED).version

# With these the network's answer decides nothing but the order of the species, so outcomes are certain on a drawing.
ALWAYS_IN_SCOPE = {"in_scope_threshold": 0.0, "confident_in_scope_threshold": 0.0}
NEVER_IN_SCOPE = {"in_scope_threshold": 1.1, "confident_in_scope_threshold": 1.1}
PERHAPS_IN_SCOPE = {"in_scope_threshold": 0.0, "confident_in_scope_threshold": 1.1}
BELIEVES_THE_CLAIM = ALWAYS_IN_SCOPE | {
    "default_claim_reliability": 1.0,
    "thresholds": [{"error_rate": 0.05, "probability": 0.0, "supported": True, "coverage": 1.0, "photos": 300}],
}
BELIEVES_THE_MODEL = ALWAYS_IN_SCOPE | {
    "default_error_rate": 0.0,
    "default_claim_reliability": 0.5,
    "disagree_below": 1.0,
    "thresholds": [{"error_rate": 0.0, "probability": 0.0, "supported": True, "coverage": 1.0, "photos": 300}],
}


def make_version(parent: Path, version: str = "99.0.0", name: str | None = None, **policy: Any) -> Path:
    """A folder with the bundled network, this version number and these policy values; without what only training reads."""
    folder = parent / f"version-{version}"
    shutil.copytree(BUNDLED, folder, ignore=shutil.ignore_patterns("*.keras"))
    values = json.loads((folder / "policy.json").read_text()) | policy
    (folder / "policy.json").write_text(json.dumps(values))
    manifest = json.loads((folder / "model.json").read_text())
    manifest["version"] = version
    manifest["name"] = name or manifest["name"]
    manifest["files"] = {path: file_digest(folder / path) for path in manifest["files"] if (folder / path).exists()}
    (folder / "model.json").write_text(json.dumps(manifest))
    return folder


def registered(sessions: SessionFactory) -> list[tuple[str, bool]]:
    """Number of every registered version, and whether it serves."""
    with sessions() as session:
        rows = session.scalars(select(ModelVersion).order_by(ModelVersion.id))
        return [(row.version, row.active) for row in rows]


def put_into_service(sessions: SessionFactory, settings: Settings, folder: Path) -> None:
    """Import the version and make it the one that answers."""
    with transaction(sessions) as session:
        registry.activate(session, registry.import_version(session, folder, settings))
