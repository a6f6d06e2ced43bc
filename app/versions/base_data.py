"""Base data sets, which runs may learn from beside verified photos: folders that the settings name, and the photos of
collections that an admin uses for training.
"""

import hashlib
from dataclasses import asdict, dataclass
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.collecting import data_sets
from app.core.errors import Conflict
from app.core.long_work import OPEN
from app.core.settings import Settings, listed
from app.core.tables import Job
from app.versions.tables import TrainingRun


@dataclass(frozen=True)
class BaseData:
    """A folder, how many files it has, and a hash over their names and contents."""

    path: str
    files: int
    fingerprint: str

    def as_json(self) -> dict[str, object]:
        """As a row keeps it."""
        return asdict(self)


def named(settings: Settings, session: Session) -> list[Path]:
    """The folders: the root of the configs' own data first, where there is one, and collections last."""
    root = [settings.training_root] if settings.training_root else []
    named = [Path(path) for path in [*root, *listed(settings.training_bases)]]
    return [*named, *data_sets.in_use(session, settings)]


def look_at(folder: Path) -> BaseData:
    """A folder as it is now. Raises Conflict where there is none."""
    if not folder.is_dir():
        raise Conflict(f"The base data set {folder} does not exist.", "base_gone", path=str(folder))
    hashed, count = hashlib.sha256(), 0
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        hashed.update(f"{path.relative_to(folder).as_posix()}\0{content}\n".encode())
        count += 1
    return BaseData(str(folder.resolve()), count, "sha256:" + hashed.hexdigest())


def open_runs_with(session: Session, folder: Path) -> list[int]:
    """Runs that wait or are under way and learn from a base data set in this folder."""
    mark = f"{folder.resolve()}/"
    runs = session.scalars(select(TrainingRun).join(Job, TrainingRun.job_id == Job.id).where(Job.status.in_(OPEN)))
    return [run.id for run in runs if any(base["path"].startswith(mark) for base in run.snapshot.bases)]
