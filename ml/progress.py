"""Showing how a training run is doing: to people as lines, to programs as lines of JSON, to TensorBoard as curves."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console

# Seconds between two lines while an epoch is under way.
_EVERY = 2.0


@dataclass(frozen=True)
class EpochReport:
    """One finished epoch: mean training ``loss`` and species ``accuracy``, the same on the calibration part, pictures
    per second while training, an estimate of the seconds left, and the learning rate after it.
    """

    epoch: int
    epochs: int
    loss: float
    accuracy: float
    calibration_loss: float
    calibration_accuracy: float
    images_per_second: float
    seconds_left: float
    learning_rate: float = math.nan


Report = Callable[[EpochReport], None]


def print_epoch(report: EpochReport, console: Console | None = None) -> None:
    """One line per epoch, readable in a terminal and in a log."""
    minutes, seconds = divmod(round(report.seconds_left), 60)
    (console or Console()).print(
        f"epoch [bold]{report.epoch:>3}[/]/{report.epochs}  loss {report.loss:.4f}  accuracy {report.accuracy:.3f}  "
        f"calibration loss {report.calibration_loss:.4f}  accuracy {report.calibration_accuracy:.3f}  "
        f"{report.images_per_second:.0f} images/s  {minutes}:{seconds:02} left",
        highlight=False,
        soft_wrap=True,
    )


class Journal:
    """A run's progress for programs: JSON lines appended to a file, each complete, so it can be read at any time.

    Every line has ``at`` (UTC) and ``phase``: "reading", "finding" (with ``step``, ``steps`` and ``loss``), "training",
    "exporting", "done", "stopped" or "failed". While
    training also ``epoch``, ``epochs``, ``step``, ``steps``, ``loss``, ``accuracy``, ``images_per_second`` and
    ``seconds_left``; at the end of an epoch ``calibration_loss``, ``calibration_accuracy`` and ``learning_rate``. "failed"
    has ``reason``. What can't be measured yet is null.
    """

    def __init__(self, file: Path | None = None) -> None:
        """Without a file nothing is written."""
        self._file = file
        self._last = -math.inf
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)

    def write(self, phase: str, **figures: Any) -> None:
        """Append a line."""
        if self._file is None:
            return
        self._last = time.monotonic()
        line = {"at": datetime.now(UTC).isoformat(timespec="milliseconds"), "phase": phase}
        line |= {key: _finite(value) for key, value in figures.items()}
        with self._file.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(line) + "\n")

    def epoch(self, report: EpochReport, steps: int) -> None:
        """Append the line of a finished epoch."""
        self.write("training", **{"step": steps, "steps": steps, **asdict(report)})

    def under_way(self, figures: Callable[[], dict[str, Any]]) -> None:
        """Append a line if the last one is some seconds old."""
        if self._file is not None and time.monotonic() - self._last >= _EVERY:
            self.write("training", **figures())


class Curves:
    """A run's curves for TensorBoard, one point per epoch; without a folder nothing is written."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._writer: Any = None

    def epoch(self, report: EpochReport) -> None:
        """Add a point to each curve."""
        if self._folder is None:
            return
        from ml.backend import tensorflow

        tf = tensorflow()
        self._writer = self._writer or tf.summary.create_file_writer(str(self._folder))
        values = {
            "loss/training": report.loss,
            "loss/calibration": report.calibration_loss,
            "accuracy/training": report.accuracy,
            "accuracy/calibration": report.calibration_accuracy,
            "run/images_per_second": report.images_per_second,
            "run/learning_rate": report.learning_rate,
        }
        with self._writer.as_default():
            for name, value in values.items():
                # What tf.summary.scalar writes; that function is part of TensorBoard, which need not be installed here.
                tf.summary.write(name, tf.constant(value, tf.float32), step=report.epoch, metadata=_scalar(tf))
        self._writer.flush()


def _scalar(tf: Any) -> Any:
    plugin = tf.compat.v1.SummaryMetadata.PluginData(plugin_name="scalars")
    return tf.compat.v1.SummaryMetadata(plugin_data=plugin, data_class="DATA_CLASS_SCALAR")


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
