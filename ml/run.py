"""A whole training run: data, training, export, figures."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ml.checkpoints import forget
from ml.config import Config
from ml.datasets.examples import Divided, FindSquare, divide, parts_of
from ml.datasets.sources import resolved
from ml.finding import part as finding
from ml.machines import weights_digest
from ml.progress import Report, print_epoch
from ml.stopping import Stopped
from ml.training import Following, Trained, prepare, train
from ml.version_folder import VersionPart, parts_of_version, refuse_used, write_version

Say = Callable[[str], None]


def train_version(
    config: Config,
    data: Path,
    folder: Path,
    *,
    command: str,
    say: Say = print,
    report: Report = print_epoch,
    threads: int = 1,
    rounds: int = 1000,
    following: Following | None = None,
) -> dict[str, Any]:
    """Train a config and write its model version to ``folder``. Returns metrics.json's content; of a run on several
    machines only machine 0 writes, and the others return nothing.

    Raises:
        DataError, TrainingError, ExportError, Stopped: see there.
    """
    following = following or Following()
    journal = following.journal
    try:
        refuse_used(folder)
        journal.write("reading")
        say(f"Reading photos for {config.name} …")
        config = resolved(config, data)
        parts = {} if following.start is None else parts_of_version(following.start)
        if following.parts is not None:
            parts |= parts_of_version(following.parts)
        parts |= _own_finder(config, data, folder, following, parts, threads, say)
        divided, trained = _trained(config, data, say, report, threads, following, parts)
        learnt = weights_digest(trained.network)  # before export rounds them
        metrics: dict[str, Any] = {}
        if trained.machine == 0:
            say("Exporting and measuring …")
            journal.write("exporting")
            metrics = write_version(
                trained, config, divided, folder, command=command, rounds=rounds, root=data, parts=parts
            )
        if following.checkpoints is not None:
            forget(following.checkpoints, trained.machine)
        shutil.rmtree(_unfinished_finder(folder, following), ignore_errors=True)
        journal.write("done", folder=str(folder), weights=learnt)
        return metrics
    except Stopped:
        journal.write("stopped")
        raise
    except Exception as error:
        journal.write("failed", reason=str(error))
        raise


def _own_finder(
    config: Config,
    data: Path,
    folder: Path,
    following: Following,
    parts: Mapping[str, VersionPart],
    threads: int,
    say: Say,
) -> dict[str, VersionPart]:
    """The config's own finder, trained now or before the run was stopped; nothing where a finder was taken over."""
    if config.finder is None or finding.FOLDER in parts:
        return {}
    say("Teaching the finder …")
    own = _unfinished_finder(folder, following)
    if not following.resume:
        shutil.rmtree(own, ignore_errors=True)
    prepare(config.seed, threads)
    with following.stop.patience():
        made = finding.make_finder(
            config,
            parts_of(config, data),
            own,
            report=lambda step, steps, loss: _tell(following, say, step, steps, loss),
            stopped=lambda: following.stop.asked,
        )
    if made is None:
        raise Stopped
    return {finding.FOLDER: VersionPart(own, made)}


def _unfinished_finder(folder: Path, following: Following) -> Path:
    beside = following.checkpoints or folder.with_name(f"{folder.name}.checkpoint")
    return beside.with_name(f"{beside.name}.{finding.FOLDER}")


def _tell(following: Following, say: Say, step: int, steps: int, loss: float) -> None:
    following.journal.write("finding", step=step, steps=steps, loss=round(loss, 4))
    say(f"  step {step}/{steps}  loss {loss:.3f}")


def _trained(
    config: Config,
    data: Path,
    say: Say,
    report: Report,
    threads: int,
    following: Following,
    parts: Mapping[str, VersionPart],
) -> tuple[Divided, Trained]:
    divided = divide(config, data, find=_finding_with(parts))
    for part, counts in divided.counts.items():
        say(f"  {part}: " + ", ".join(f"{count} {name}" for name, count in counts.items()))
    trained = train(config, divided.train, divided.calibration, report=report, threads=threads, following=following)
    return divided, trained


def _finding_with(parts: Mapping[str, VersionPart]) -> FindSquare | None:
    part = parts.get(finding.FOLDER)
    return None if part is None else finding.squares_with(finding.load_finder(part.folder, part.facts))
