"""A run's folder: the snapshot as ml reads it, and what the run's process writes.

It may be read and written again after a worker died. What is there is whole, because it was renamed when it was complete.
"""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.errors import Conflict
from app.core.long_work import WorkFolder
from app.core.settings import Settings
from app.core.storage import Storage
from app.submissions import photos
from app.submissions.tables import Photo
from app.taxa.tables import Taxon
from app.versions.snapshots import may_train
from app.versions.tables import SnapshotPhoto, TrainingRun

_SUFFIX = {"JPEG": "jpg", "MPO": "jpg", "PNG": "png", "WEBP": "webp", "HEIC": "heic"}


_CURVES = (
    "epoch",
    "loss",
    "accuracy",
    "calibration_loss",
    "calibration_accuracy",
    "learning_rate",
    "images_per_second",
)


class RunFolder(WorkFolder):
    """Paths of one run."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.snapshot = path / "snapshot"
        self.checkpoints = path / "checkpoints"
        self.progress = path / "progress.jsonl"
        self.unfinished = path / "version.part"
        self.version = path / "version"
        self.comparison = path / "comparison.json"

    def reports(self) -> list[dict[str, Any]]:
        """The lines of progress that are whole."""
        try:
            lines = self.progress.read_text(encoding="utf-8").splitlines(keepends=True)
        except FileNotFoundError:
            return []
        return [json.loads(line) for line in lines if line.endswith("\n")]

    def progress_values(self) -> dict[str, Any]:
        """What the process reports of itself, as columns of the run. An epoch that was repeated counts as it was done last."""
        lines = self.reports()
        if not lines:
            return {"log": self.log()}
        finished = {line["epoch"]: line for line in lines if line.get("calibration_loss") is not None}
        training = [line for line in lines if line.get("epoch") is not None]
        newest = training[-1] if training else {}
        reached = int(newest.get("epoch") or 0)
        values = {
            "phase": str(lines[-1]["phase"]),
            "epoch": reached,
            "images_per_second": newest.get("images_per_second"),
            "seconds_left": newest.get("seconds_left") if lines[-1]["phase"] == "training" else None,
            "curves": [
                {name: line[name] for name in _CURVES if line.get(name) is not None}
                for epoch, line in sorted(finished.items())
                if epoch <= reached
            ],
            "log": self.log(),
        }
        return values | {"epochs": int(newest["epochs"])} if newest.get("epochs") else values

    def failure_reason(self) -> str:
        """Why the process failed, as its journal or its last line says."""
        last = self.reports()[-1:]
        reason = str(last[0].get("reason") or "") if last and last[0].get("phase") == "failed" else ""
        return reason[:1000] or self.last_line()

    def finish_version(self) -> None:
        """Give the complete version the name under which it is looked for."""
        self.unfinished.rename(self.version)

    def compared(self) -> dict[str, Any] | None:
        """The result of the comparison; None where there was none."""
        if not self.comparison.is_file():
            return None
        paired: dict[str, Any] | None = json.loads(self.comparison.read_text(encoding="utf-8")).get("paired")
        return paired

    def tidy_unfinished(self) -> None:
        """Remove what a process began to write and did not finish."""
        shutil.rmtree(self.unfinished, ignore_errors=True)

    def tidy(self) -> None:
        """Remove the copies of photos, too; a run that is tried again makes new ones."""
        for path in self._unneeded:
            shutil.rmtree(path, ignore_errors=True)

    @property
    def is_untidy(self) -> bool:
        """Whether ``tidy`` would remove something."""
        return any(path.exists() for path in self._unneeded)

    @property
    def _unneeded(self) -> tuple[Path, ...]:
        return self.unfinished, self.snapshot, self.snapshot.with_name("snapshot.part")


def run_folders(settings: Settings) -> list[RunFolder]:
    """The folders of all runs on this machine."""
    return [RunFolder(path) for path in (settings.data_dir / "runs").glob("[0-9]*") if path.name.isdecimal()]


def write_snapshot(session: Session, storage: Storage, run: TrainingRun, folder: RunFolder) -> None:
    """Write the run's photos as docs/snapshot.md has it, unless they are there. What was withdrawn since, or may no
    longer train, is left out.

    Raises Conflict where nothing is left, OSError where the storage can't be reached.
    """
    if folder.snapshot.is_dir():
        return
    query = select(SnapshotPhoto).join(SnapshotPhoto.photo).where(SnapshotPhoto.snapshot_id == run.snapshot_id)
    rows = list(session.scalars(query.where(Photo.removed_at.is_(None), may_train()).order_by(SnapshotPhoto.photo_id)))
    if not rows and not run.snapshot.bases:
        raise Conflict("Every photo of this snapshot was withdrawn.", "snapshot_withdrawn")
    part = folder.snapshot.with_name("snapshot.part")
    shutil.rmtree(part, ignore_errors=True)
    (part / "photos").mkdir(parents=True)
    lines = [json.dumps(_line(storage, part, row), ensure_ascii=False) for row in rows]
    (part / "photos.jsonl").write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    _forget_other_photos(folder, lines)
    taxa = session.scalars(select(Taxon).where(Taxon.scientific_name.in_(run.labels)))
    head = {
        "format": 1,
        "task": run.task,
        "created_at": run.snapshot.created_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "photos": len(lines),
        "statuses": sorted({row.code.value for row in rows}),
        "taxa": [_taxon(taxon) for taxon in taxa],
    }
    (part / "snapshot.json").write_text(json.dumps(head, ensure_ascii=False, indent=1), encoding="utf-8")
    part.rename(folder.snapshot)


def _forget_other_photos(folder: RunFolder, lines: Sequence[str]) -> None:
    """Training can't continue from a checkpoint that was made with photos that were withdrawn since."""
    before = folder.path / "photos.jsonl"
    now = "".join(line + "\n" for line in lines)
    if before.is_file() and before.read_text(encoding="utf-8") != now:
        shutil.rmtree(folder.checkpoints, ignore_errors=True)
        folder.progress.unlink(missing_ok=True)
    before.write_text(now, encoding="utf-8")


def _line(storage: Storage, part: Path, row: SnapshotPhoto) -> dict[str, Any]:
    photo = row.photo
    whole = photo.original_removed_at is None
    name = f"photos/{photo.sha256}.{_SUFFIX.get(photo.format, 'jpg') if whole else 'jpg'}"
    (part / name).write_bytes(storage.get(photos.largest(photo)))
    square = dict(zip(("x", "y", "width", "height"), row.square, strict=True)) if row.square else None
    return {
        "path": name,
        "sha256": photo.sha256,
        "scientific_name": row.taxon.scientific_name if row.taxon else None,
        "status": row.code.value,
        "volunteer": row.volunteer,
        "event": row.event,
        "verified_at": row.verified_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "verified_by": row.verified_by.value,
        "square": square,
        "part": row.part.value,
    }


def _taxon(taxon: Taxon) -> dict[str, Any]:
    marks: dict[str, list[str]] = {}
    for mark in taxon.marks:
        marks.setdefault(mark.language, []).append(mark.text)
    return {
        "scientific_name": taxon.scientific_name,
        "taxon_rank": taxon.taxon_rank,
        "gbif_key": taxon.gbif_key,
        "vernacular_names": {name.language: name.name for name in taxon.vernacular_names},
        "marks": marks,
    }
