"""What a training process reports, line by line, as a run's row keeps it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from app.versions.runs import touch
from app.versions.tables import TrainingRun

_CURVES = (
    "epoch",
    "loss",
    "accuracy",
    "calibration_loss",
    "calibration_accuracy",
    "learning_rate",
    "images_per_second",
)


@dataclass(frozen=True)
class Progress:
    """How far the process is: the last line's figures, and one entry per finished epoch."""

    phase: str = ""
    epoch: int = 0
    epochs: int = 0
    images_per_second: float | None = None
    seconds_left: float | None = None
    curves: list[dict[str, float]] = field(default_factory=list)


def read_progress(lines: Sequence[dict[str, Any]]) -> Progress:
    """The lines of all attempts as one story: an epoch that was done twice counts as it was done last."""
    if not lines:
        return Progress()
    finished = {line["epoch"]: line for line in lines if line.get("calibration_loss") is not None}
    training = [line for line in lines if line.get("epoch") is not None]
    newest = training[-1] if training else {}
    reached = int(newest.get("epoch") or 0)
    curves = [
        {name: line[name] for name in _CURVES if line.get(name) is not None}
        for epoch, line in sorted(finished.items())
        if epoch <= reached
    ]
    return Progress(
        phase=str(lines[-1]["phase"]),
        epoch=reached,
        epochs=int(newest.get("epochs") or 0),
        images_per_second=newest.get("images_per_second"),
        seconds_left=newest.get("seconds_left") if lines[-1]["phase"] == "training" else None,
        curves=curves,
    )


def note(run: TrainingRun, found: Progress, log: str) -> None:
    """Write it into the row, and count the change where there is one."""
    if found.phase:
        values = {
            "phase": found.phase,
            "epoch": found.epoch,
            "epochs": found.epochs or run.epochs,
            "images_per_second": found.images_per_second,
            "seconds_left": found.seconds_left,
            "curves": found.curves,
            "log": log,
        }
    else:
        values = {"log": log}
    changed = [name for name, value in values.items() if getattr(run, name) != value]
    for name in changed:
        setattr(run, name, values[name])
    if changed:
        touch(run)
