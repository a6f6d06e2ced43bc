"""A whole training run: data, training, export, figures."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ml.checkpoints import forget
from ml.config import Config, from_dict
from ml.datasets.examples import Divided, divide
from ml.datasets.sources import resolved
from ml.evaluation.card import model_card
from ml.evaluation.scores import figures
from ml.inference import Runtime, load_classifier
from ml.machines import weights_digest
from ml.progress import Report, print_epoch
from ml.stopping import Stopped
from ml.training import Following, Trained, train
from ml.version_folder import refuse_used, write_version

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
        divided, trained = _trained(config, data, say, report, threads, following)
        metrics: dict[str, Any] = {}
        if trained.machine == 0:
            say("Exporting and measuring …")
            journal.write("exporting")
            metrics = write_version(trained, config, divided, folder, command=command, rounds=rounds)
        if following.checkpoints is not None:
            forget(following.checkpoints, trained.machine)
        journal.write("done", folder=str(folder), weights=weights_digest(trained.network))
        return metrics
    except Stopped:
        journal.write("stopped")
        raise
    except Exception as error:
        journal.write("failed", reason=str(error))
        raise


def _trained(
    config: Config, data: Path, say: Say, report: Report, threads: int, following: Following
) -> tuple[Divided, Trained]:
    divided = divide(config, data)
    for part, counts in divided.counts.items():
        say(f"  {part}: " + ", ".join(f"{count} {name}" for name, count in counts.items()))
    trained = train(config, divided.train, divided.calibration, report=report, threads=threads, following=following)
    return divided, trained


def evaluate_version(folder: Path, data: Path, *, runtime: Runtime = "auto", rounds: int = 1000) -> dict[str, Any]:
    """Measure a model version on the test part of a data folder, divided as for its training.

    Returns:
        the figures, with ``same_data``: whether the photos are those the version was trained with.

    Raises:
        ModelVersionError, DataError, ConfigError: see there.
    """
    classifier = load_classifier(folder, runtime)
    manifest = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    divided = divide(from_dict(manifest["training"]), data, to_train=False)
    measured: dict[str, Any] = {
        "model": {"name": classifier.info.name, "version": classifier.info.version},
        "runtime": classifier.runtime,
        "data_fingerprint": divided.fingerprint,
        "same_data": divided.fingerprint == manifest["data_fingerprint"],
        "photos": divided.counts,
        **figures(classifier, divided.test, rounds),
    }
    if divided.reviewed:
        before = figures(classifier, divided.test_before_review.species, rounds)
        measured |= {"species_before_review": before["species"], "review": divided.reviewed}
    return measured


def checked_runtime(name: str) -> Runtime:
    """The runtime of this name. Raises ValueError for an unknown one."""
    known: dict[str, Runtime] = {"auto": "auto", "litert": "litert", "savedmodel": "savedmodel"}
    if name not in known:
        raise ValueError(f"There is no runtime {name}; there are {', '.join(known)}.")
    return known[name]


def card_text(folder: Path, metrics: dict[str, Any]) -> str:
    """A version's model card with other figures than those of its training."""
    manifest, policy, trained = (
        json.loads((folder / name).read_text(encoding="utf-8"))
        for name in ("model.json", "policy.json", "metrics.json")
    )
    return model_card(manifest, policy, trained | metrics)
