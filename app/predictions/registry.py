"""The registered model versions: rows that point at folders, one of them active per task.

A folder never changes once it is registered. Only ``activate`` changes which version is active, and records the switch.
"""

import shutil
from pathlib import Path
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.core.db import utcnow
from app.core.errors import Conflict, ModelUnavailable, NotFound, WingcheckError
from app.core.paths import inside
from app.core.settings import Settings
from app.predictions.inference import (
    ModelVersionError,
    ModelVersionInfo,
    bundled_versions,
    read_strangers_version,
    read_version,
)
from app.predictions.tables import ActivationKind, ModelActivation, ModelVersion
from app.taxa.tables import Taxon, TaxonMark, VernacularName

_BUNDLED = "bundled:"


def register_bundled(session: Session) -> None:
    """Register every bundled version. Activate one where its task has none, or a bundled one that an upgrade replaced."""
    for folder in bundled_versions():
        row = _register(session, read_version(folder), _BUNDLED + folder.name)
        active = session.scalar(select(ModelVersion).where(ModelVersion.task == row.task, ModelVersion.active))
        if active is None or _is_replaced(active):
            activate(session, row)


def _is_replaced(version: ModelVersion) -> bool:
    """Whether a bundled version's folder is gone or contains another one, as after an upgrade of Wingcheck."""
    if not is_bundled(version):
        return False
    folder = _bundled_folder(version)
    return folder is None or read_version(folder).digest != version.digest


def is_bundled(version: ModelVersion) -> bool:
    """Whether it came with Wingcheck."""
    return version.location.startswith(_BUNDLED)


def _bundled_folder(version: ModelVersion) -> Path | None:
    name = version.location.removeprefix(_BUNDLED)
    return next((folder for folder in bundled_versions() if folder.name == name), None)


def import_version(session: Session, folder: Path, settings: Settings) -> ModelVersion:
    """Look at all that a version folder holds, copy it into the model folder and register it; nothing of it runs.

    Raises ModelVersionError or Conflict.
    """
    info = read_strangers_version(folder)
    if info.head == "sigmoids":
        raise ModelVersionError(
            f"{info.name} {info.version} says of each label by itself whether a photo shows it. A verdict weighs labels "
            "against each other, so such a version can be used by other programs, but not served here."
        )
    try:
        target = inside(settings.model_dir, f"{info.name}-{info.version}")
    except WingcheckError as error:
        raise ModelVersionError(str(error)) from error
    if target.exists():
        if read_version(target).digest != info.digest:
            raise Conflict(f"Another model version {info.name} {info.version} is here already; versions never change.")
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(f".importing-{target.name}")
        shutil.rmtree(partial, ignore_errors=True)
        shutil.copytree(folder, partial)
        partial.rename(target)
    return _register(session, read_version(target), target.name)


def lock_task(session: Session, task: str) -> None:
    """Keep others from changing the active version of a task until this transaction ends."""
    session.execute(
        select(ModelVersion.id).where(ModelVersion.task == task).order_by(ModelVersion.id).with_for_update()
    ).all()


def activate(
    session: Session,
    version: ModelVersion,
    kind: ActivationKind = ActivationKind.INSTALLED,
    *,
    user_id: int | None = None,
    reason: str = "",
    gate: dict[str, Any] | None = None,
) -> ModelActivation:
    """Make ``version`` the active one of its task, and record the switch. Does not check the gate: see Promotion."""
    lock_task(session, version.task)
    replaced_id = session.scalar(
        update(ModelVersion)
        .where(ModelVersion.task == version.task, ModelVersion.active)
        .values(active=False)
        .returning(ModelVersion.id)
    )
    version.active = True
    version.activated_at = utcnow()
    activation = ModelActivation(
        task=version.task,
        model_version=version,
        replaced_id=replaced_id if replaced_id != version.id else None,
        kind=kind,
        user_id=user_id,
        reason=reason,
        gate=gate,
    )
    session.add(activation)
    session.flush()
    return activation


def folder_of(version: ModelVersion, settings: Settings) -> Path:
    """The version's folder. Raises ModelUnavailable when it is gone."""
    folder = _bundled_folder(version) if is_bundled(version) else inside(settings.model_dir, version.location)
    if folder is None or not folder.is_dir():
        title = f"{version.name} {version.version}"
        raise ModelUnavailable(f"The folder of model version {title} is missing.", "version_missing", version=title)
    return folder


def serving_for(session: Session, task: str) -> ModelVersion | None:
    """The active version of this task."""
    query = select(ModelVersion).where(ModelVersion.task == task, ModelVersion.active)
    return session.scalar(query.execution_options(populate_existing=True))


def find_version(session: Session, name: str, version: str) -> ModelVersion:
    """The registered version of that name and number. Raises NotFound."""
    row = session.scalar(select(ModelVersion).where(ModelVersion.name == name, ModelVersion.version == version))
    if row is None:
        raise NotFound(f"No model version {name} {version} is registered.")
    return row


def _register(session: Session, info: ModelVersionInfo, location: str) -> ModelVersion:
    row = session.scalar(
        select(ModelVersion).where(ModelVersion.name == info.name, ModelVersion.version == info.version)
    )
    if row is None:
        row = ModelVersion(name=info.name, version=info.version, task=info.task, digest=info.digest, location=location)
        session.add(row)
    elif row.digest != info.digest and row.location != location:
        raise Conflict(f"Another model version {info.name} {info.version} is registered already.")
    row.digest = info.digest
    row.labels = [label.scientific_name for label in info.labels]
    row.metrics = dict(info.metrics)
    _fill_taxa(session, info)
    session.flush()
    return row


def _fill_taxa(session: Session, info: ModelVersionInfo) -> None:
    """Add names and marks of the labels to the taxon table. Never overwrites what people entered there."""
    for label in info.labels:
        taxon = session.scalar(select(Taxon).where(Taxon.scientific_name == label.scientific_name))
        if taxon is None:
            taxon = Taxon(scientific_name=label.scientific_name, taxon_rank=label.taxon_rank, gbif_key=label.gbif_key)
            session.add(taxon)
        for language, name in label.vernacular_names.items():
            if taxon.vernacular_name(language) is None:
                taxon.vernacular_names.append(VernacularName(language=language, name=name))
        known = {m.language for m in taxon.marks}
        for language, marks in label.marks.items():
            if language not in known:
                taxon.marks.extend(
                    TaxonMark(language=language, position=i, text=text) for i, text in enumerate(marks, start=1)
                )
