"""A whole training run: data, training, export, figures."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ml.config import Config, from_dict
from ml.datasets.examples import divide
from ml.evaluation.card import model_card
from ml.evaluation.scores import figures
from ml.inference import Runtime, load_classifier
from ml.progress import Report, print_epoch
from ml.training import train
from ml.version_folder import write_version

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
) -> dict[str, Any]:
    """Train a config and write its model version to ``folder``. Returns metrics.json's content.

    Raises:
        DataError, TrainingError, ExportError: see there.
    """
    say(f"Reading photos for {config.name} …")
    divided = divide(config, data)
    for part, counts in divided.counts.items():
        say(f"  {part}: " + ", ".join(f"{count} {name}" for name, count in counts.items()))
    trained = train(config, divided.train, divided.calibration, report=report, threads=threads)
    say("Exporting and measuring …")
    return write_version(trained, config, divided, folder, command=command, rounds=rounds)


def evaluate_version(folder: Path, data: Path, *, runtime: Runtime = "auto", rounds: int = 1000) -> dict[str, Any]:
    """Measure a model version on the test part of a data folder, divided as for its training.

    Returns:
        the figures, with ``same_data``: whether the photos are those the version was trained with.

    Raises:
        ModelVersionError, DataError, ConfigError: see there.
    """
    classifier = load_classifier(folder, runtime)
    manifest = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    divided = divide(from_dict(manifest["training"]), data)
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
