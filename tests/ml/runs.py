"""Training runs as processes of their own, followed through the progress they write."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from ml.training import RunOptions

_START = [sys.executable, "-c", "from ml.cli import app; app()", "train", "tiny"]


class TrainingProcess:
    """``wingcheck train tiny`` on drawn pictures, in the background."""

    def __init__(
        self, data: Path, folder: Path, *arguments: str, progress: Path, environment: dict[str, str] | None = None
    ) -> None:
        self.folder, self.progress = folder, progress
        command = [*_START, "--data", str(data), "--out", str(folder), "--progress", str(progress), *arguments]
        self._process = subprocess.Popen(
            command,
            env={**os.environ, **(environment or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def lines(self) -> list[dict[str, Any]]:
        """The lines of progress so far."""
        text = self.progress.read_text(encoding="utf-8") if self.progress.is_file() else ""
        return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]

    def epochs(self) -> dict[int, dict[str, Any]]:
        """The last line of every finished epoch, by its number."""
        return {line["epoch"]: line for line in self.lines() if "calibration_loss" in line}

    def wait_for_epoch(self, number: int) -> None:
        """Return as soon as an epoch is finished; fail if the process ends before."""
        while number not in self.epochs():
            assert self._process.poll() is None, self.output()
            time.sleep(0.02)

    def signal(self, number: int) -> int:
        """Send a signal, and wait for the exit code."""
        self._process.send_signal(number)
        self.output()
        return self._process.returncode

    def end(self) -> int:
        """Wait for the exit code; pytest shows what the process printed where a test fails."""
        print(self.output())
        return self._process.returncode

    def output(self) -> str:
        """Wait for the end; what it printed."""
        return self._process.communicate(timeout=250)[0]


def silent(_: object) -> None:
    """Show nothing."""


QUIET = RunOptions(report=silent, say=silent)
