"""Showing how a training run is doing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rich.console import Console


@dataclass(frozen=True)
class EpochReport:
    """One finished epoch: mean training ``loss`` and species ``accuracy``, the same on the calibration part, pictures
    per second while training, and an estimate of the seconds left.
    """

    epoch: int
    epochs: int
    loss: float
    accuracy: float
    calibration_loss: float
    calibration_accuracy: float
    images_per_second: float
    seconds_left: float


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


def silent(report: EpochReport) -> None:
    """For callers that show nothing."""
