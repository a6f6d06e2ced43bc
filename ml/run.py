"""A whole training run: data, training, export, figures."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ml.checkpoints import forget
from ml.config import Config
from ml.datasets.examples import FindSquare, divide, parts_of
from ml.datasets.sources import resolved
from ml.finding import part as finding
from ml.machines import weights_digest
from ml.stopping import Stopped
from ml.training import RunOptions, prepare, train
from ml.version_folder import NewVersion, VersionPart, parts_of_version, refuse_used, write_version


def train_version(
    config: Config, data: Path, folder: Path, *, command: str, rounds: int = 1000, options: RunOptions | None = None
) -> dict[str, Any]:
    """Train a config and write its model version to ``folder``.

    Args:
        config: the run.
        data: folder that holds the config's folders.
        folder: of the new version; new or empty.
        command: the command line that a reader may repeat, without paths of this machine.
        rounds: bootstrap rounds of the intervals.
        options: checkpoints, progress, and a way to stop.

    Returns:
        metrics.json's content; of a run on several machines only machine 0 writes, and the others return nothing.

    Raises:
        DataError, TrainingError, ExportError, Stopped: see there.
    """
    options = options or RunOptions()
    journal = options.journal
    try:
        refuse_used(folder)
        journal.write("reading")
        options.say(f"Reading photos for {config.name} …")
        config = resolved(config, data)
        parts = {} if options.start is None else parts_of_version(options.start)
        if options.parts is not None:
            parts |= parts_of_version(options.parts)
        if config.finder is not None and finding.FOLDER not in parts:
            parts[finding.FOLDER] = _own_finder(config, data, folder, options)
        divided = divide(config, data, find=_finding_with(parts))
        for part, counts in divided.counts.items():
            options.say(f"  {part}: " + ", ".join(f"{count} {name}" for name, count in counts.items()))
        trained = train(config, divided.train, divided.calibration, options)
        weights = weights_digest(trained.network)  # before export rounds them
        metrics: dict[str, Any] = {}
        if trained.machine == 0:
            options.say("Exporting and measuring …")
            journal.write("exporting")
            metrics = write_version(NewVersion(trained, config, divided, folder, data, parts), command, rounds)
        if options.checkpoints is not None:
            forget(options.checkpoints, trained.machine)
        shutil.rmtree(_unfinished_finder(folder, options), ignore_errors=True)
        journal.write("done", folder=str(folder), weights=weights)
        return metrics
    except Stopped:
        journal.write("stopped")
        raise
    except Exception as error:
        journal.write("failed", reason=str(error))
        raise


def _own_finder(config: Config, data: Path, folder: Path, options: RunOptions) -> VersionPart:
    """The config's own finder, trained now or before the run was stopped. Raises Stopped."""
    options.say("Teaching the finder …")
    own = _unfinished_finder(folder, options)
    if not options.resume:
        shutil.rmtree(own, ignore_errors=True)
    prepare(config.seed, options.threads)

    def report(step: int, steps: int, loss: float) -> None:
        options.journal.write("finding", step=step, steps=steps, loss=round(loss, 4))
        options.say(f"  step {step}/{steps}  loss {loss:.3f}")

    with options.stop.patience():
        facts = finding.make_finder(
            config, parts_of(config, data), own, report=report, stopped=lambda: options.stop.asked
        )
    if facts is None:
        raise Stopped
    return VersionPart(own, facts)


def _unfinished_finder(folder: Path, options: RunOptions) -> Path:
    beside = options.checkpoints or folder.with_name(f"{folder.name}.checkpoint")
    return beside.with_name(f"{beside.name}.{finding.FOLDER}")


def _finding_with(parts: Mapping[str, VersionPart]) -> FindSquare | None:
    part = parts.get(finding.FOLDER)
    return None if part is None else finding.squares_with(finding.load_finder(part.folder, part.facts))
