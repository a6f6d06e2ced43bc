"""A run's last step: its version against the one that serves, on the photos that measure, by a process of its own."""

from app.core.db import SessionFactory, reading
from app.core.errors import ModelUnavailable
from app.core.settings import Settings
from app.predictions import registry
from app.versions import snapshots
from app.versions.run_folder import RunFolder
from app.versions.runs import get


def compare(sessions: SessionFactory, settings: Settings, run_id: int, folder: RunFolder) -> list[str] | None:
    """The command that compares them; None where nothing serves, where it tells other labels apart, or where it was done."""
    if folder.comparison.is_file():
        return None
    with reading(sessions) as session:
        run = get(session, run_id)
        serving = snapshots.serving_version(session, run.task)
        if serving is None or serving.labels != run.labels:
            return None
        try:
            against = registry.folder_of(serving, settings)
        except ModelUnavailable:
            return None
    root = settings.training_root or str(folder.path)
    found = ["evaluate", str(folder.version), "--data", root, "--against", str(against)]
    return [*found, "--json", str(folder.comparison)]
