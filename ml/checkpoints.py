"""A run written down so that it can go on as if it had never stopped.

One file holds everything that the rest of a run depends on: the network's variables (those behind dropout, too), the
optimiser's, the best weights so far, and where in which epoch it was. Order and random changes of the photos follow from
seed, epoch and step. The file is replaced in one move, so a run killed while writing still has the one before.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np

from ml.architectures.registry import Network
from ml.config import Config, to_dict
from ml.datasets.examples import Examples
from ml.progress import EpochReport

FORMAT = 1
# What a config says of the version after its training: another value does not make it another run.
_NOT_LEARNT_FROM = {"data_note", "notice", "version", "model_name", "keep_share", "confident_share", "names"}


class CheckpointError(Exception):
    """A run that can't be gone on with; the message says why."""


@dataclass
class RunState:
    """How far a run is.

    ``epoch`` (from 1) is under way and ``step`` of its batches are done; ``losses``, ``right``, ``shown`` and ``seconds``
    are what it gave so far. ``best`` is the loss and epoch of ``best_weights``; ``waited`` counts epochs of the plateau
    schedule without a better one.
    """

    epoch: int = 1
    step: int = 0
    losses: list[float] = field(default_factory=list)
    right: float = 0.0
    shown: float = 0.0
    seconds: float = 0.0
    history: list[EpochReport] = field(default_factory=list)
    best: tuple[float, int] | None = None
    best_weights: list[np.ndarray] | None = None
    waited: int = 0

    def next_epoch(self) -> None:
        """Go on to the beginning of the next epoch."""
        self.epoch, self.step = self.epoch + 1, 0
        self.losses, self.right, self.shown, self.seconds = [], 0.0, 0.0, 0.0


class Checkpoint:
    """The file of one run, or of one machine's part of it."""

    def __init__(self, folder: Path, config: Config, training: Examples, *, machine: int = 0) -> None:
        """``folder`` is made when it is needed; config and photos are remembered, so that another run is refused."""
        self.file = _file(folder, machine)
        self._identity = {"format": FORMAT, "config": _digest_config(config), "photos": _digest_photos(training)}

    def save(self, state: RunState, network: Network, optimiser: Any) -> None:
        """Write the run down, complete or not at all."""
        arrays: dict[str, Any] = {f"network/{index}": value for index, value in enumerate(_values(network.variables))}
        arrays |= {f"optimiser/{index}": value for index, value in enumerate(_values(optimiser.variables))}
        arrays |= {f"best/{index}": value for index, value in enumerate(state.best_weights or [])}
        plain = {name.name: getattr(state, name.name) for name in fields(state) if name.name != "best_weights"}
        plain["history"] = [asdict(report) for report in state.history]
        arrays["meta"] = np.array(json.dumps({**self._identity, "standing": plain}))
        self.file.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self.file.with_suffix(".unfinished")
        with unfinished.open("wb") as stream:
            np.savez(stream, **arrays)
            stream.flush()
            os.fsync(stream.fileno())
        unfinished.replace(self.file)

    def load(self, network: Network, optimiser: Any) -> RunState | None:
        """Give network and optimiser what was written down, and say how far the run was; None where nothing was.

        Raises:
            CheckpointError: the file is damaged, or of another config or other photos.
        """
        if not self.file.is_file():
            return None
        try:
            with np.load(self.file, allow_pickle=False) as arrays:
                meta = json.loads(str(arrays["meta"]))
                self._refuse_another(meta)
                _assign(network.variables, arrays, "network")
                _assign(optimiser.variables, arrays, "optimiser")
                best = [arrays[name] for name in _numbered(arrays, "best")]
        except (OSError, ValueError, KeyError) as error:
            raise CheckpointError(f"{self.file} can't be read: {error}. Delete it to start over.") from error
        plain = meta["standing"]
        plain["history"] = [EpochReport(**report) for report in plain["history"]]
        plain["best"] = None if plain["best"] is None else tuple(plain["best"])
        return RunState(**plain, best_weights=best or None)

    def _refuse_another(self, meta: dict[str, Any]) -> None:
        for key, what in (("format", "another format"), ("config", "another config"), ("photos", "other photos")):
            if meta.get(key) != self._identity[key]:
                raise CheckpointError(
                    f"{self.file} was written by a run with {what}, so this one can't go on from it. Delete it to start over."
                )


def forget(folder: Path, machine: int = 0) -> None:
    """Remove what was written down of a run that is finished, and the folder when nothing is left in it."""
    _file(folder, machine).unlink(missing_ok=True)
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def _file(folder: Path, machine: int) -> Path:
    return folder / f"run-{machine}.npz"


def _values(variables: Any) -> list[np.ndarray]:
    return [np.asarray(variable.numpy()) for variable in variables]


def _numbered(arrays: Any, prefix: str) -> list[str]:
    count = sum(name.startswith(f"{prefix}/") for name in arrays.files)
    return [f"{prefix}/{index}" for index in range(count)]


def _assign(variables: Any, arrays: Any, prefix: str) -> None:
    for variable, name in zip(variables, _numbered(arrays, prefix), strict=True):
        variable.assign(arrays[name])


def _digest_config(config: Config) -> str:
    """Of all that matters to the weights; what only the card says may change on the way."""
    value = {key: setting for key, setting in to_dict(config).items() if key not in _NOT_LEARNT_FROM}
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=list).encode()).hexdigest()


def _digest_photos(training: Examples) -> str:
    """Of every photo's name and class, and some of the pixels."""
    digest = hashlib.sha256("\n".join(map(str, training.names)).encode())
    digest.update(np.ascontiguousarray(training.classes).tobytes())
    digest.update(np.asarray(training.pixels[:: max(1, len(training) // 16)]).tobytes())
    return digest.hexdigest()
