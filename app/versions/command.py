"""The command lines of a run's processes: the training, and the comparison with the version in service."""

import json
from pathlib import Path

from app.core.settings import Settings
from app.taxa.rules import label_of
from app.versions.rules import Start
from app.versions.run_folder import RunFolder
from app.versions.runs import version_number
from app.versions.tables import TrainingRun


def training(
    run: TrainingRun,
    folder: RunFolder,
    settings: Settings,
    start_folder: Path | None,
    *,
    strangers: bool,
    serving_folder: Path | None = None,
) -> list[str]:
    """What follows `wingcheck`.

    Args:
        run: the run.
        folder: where it works.
        settings: of the installation.
        start_folder: of the version whose weights it starts with.
        strangers: whether the snapshot has photos that show none of the run's taxa.
        serving_folder: of the version in service, whose finder and names are reused: a season's photos rarely contain
            what these are learnt from.
    """
    root, snapshot = settings.training_root, str(folder.snapshot.resolve())
    root_path = str(Path(root).resolve()) if root else ""
    bases = [base["path"] for base in run.snapshot.bases]
    uses_root, more = root_path in bases, [path for path in bases if path != root_path]
    values: dict[str, object] = {
        "task": run.task,
        "model_name": run.model_name,
        "version": version_number(run),
        "species.labels": [label_of(name) for name in run.labels],
    }
    if uses_root:
        values["species.more"] = [snapshot, *more]
    else:
        # Without the config's own data, other subjects come from the snapshot, or there are none.
        values |= {"species.folder": snapshot, "species.kind": None, "species.review": None, "species.more": more}
        values["outsiders"] = {"folder": snapshot} if strangers else None
    arguments = ["train", run.config, "--data", root if uses_root else snapshot, "--out", str(folder.unfinished)]
    arguments += ["--progress", str(folder.progress), "--checkpoints", str(folder.checkpoints), "--resume"]
    arguments += ["--threads", str(settings.retrain_threads)]
    for name in ("epochs", "seed"):
        if name in run.options:
            arguments += [f"--{name}", str(run.options[name])]
    if run.start is Start.ACTIVE and start_folder is not None:
        arguments += ["--from", str(start_folder)]
    elif settings.retrain_weights:
        arguments += ["--weights", settings.retrain_weights]
    if serving_folder is not None:
        arguments += ["--parts", str(serving_folder)]
    for key, value in values.items():
        arguments += ["--set", f"{key}={_toml(value)}"]
    for key, value in run.options.get("values", {}).items():
        arguments += ["--set", f"{key}={value}"]
    return arguments


def comparison(folder: RunFolder, settings: Settings, serving_folder: Path) -> list[str]:
    """What follows `wingcheck` to compare a run's version with the one in service, on the photos kept for evaluation."""
    root = settings.training_root or str(folder.path)
    arguments = ["evaluate", str(folder.version), "--data", root, "--against", str(serving_folder)]
    return [*arguments, "--json", str(folder.comparison)]


def _toml(value: object) -> str:
    """A value as in TOML: texts, lists of texts, and tables of texts look the same there as in JSON, but for the colon."""
    if value is None:
        return "none"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {_toml(part)}" for key, part in value.items()) + "}"
    return json.dumps(value, ensure_ascii=False)
