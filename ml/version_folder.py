"""Writing a model version: artefacts, manifest, policy, figures and card, complete or not at all."""

from __future__ import annotations

import dataclasses
import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from ml.activation import write_activation_weights
from ml.architectures.task import pixel_range
from ml.config import Config, to_dict
from ml.datasets.examples import Divided
from ml.evaluation.breakdown import breakdown, told_from
from ml.evaluation.calibration import (
    choose_scope_threshold,
    fit_temperature,
    learn_threshold,
    probabilities_from,
    questions,
)
from ml.evaluation.card import card_data, model_card
from ml.evaluation.details import more_species_figures
from ml.evaluation.mistakes import worst_mistakes
from ml.evaluation.scores import figures, figures_of, score
from ml.export import ExportError, check_parity, convert, served_graph, viewing_graph, write_saved_model
from ml.inference import load_classifier
from ml.inference.versions import FORMAT, file_digest
from ml.taxa import manifest_labels
from ml.training import Trained, predict_raw

ERROR_RATES = (0.01, 0.02, 0.05, 0.1)
PARITY_PHOTOS = 64
MISTAKES = 12


def write_version(
    trained: Trained, config: Config, divided: Divided, folder: Path, *, command: str, rounds: int = 1000
) -> dict[str, Any]:
    """Export a trained network as a model version.

    Args:
        trained: the network with its history.
        config: what it was trained with.
        divided: the data; the policy comes from its calibration part, the figures from its test part.
        folder: where to; it must not hold anything yet.
        command: the command line that a reader may repeat, without paths of this machine.
        rounds: bootstrap rounds of the intervals.

    Returns:
        metrics.json's content.

    Raises:
        ExportError: the folder is in use, or the conversion disagrees with the SavedModel.
    """
    refuse_used(folder)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        return _write(trained, config, divided, folder, command, rounds)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def refuse_used(folder: Path) -> None:
    """Raise ExportError where the folder holds something already."""
    if folder.exists() and any(folder.iterdir()):
        raise ExportError(f"{folder} already holds something; a model version is never overwritten.")


def _write(
    trained: Trained, config: Config, divided: Divided, folder: Path, command: str, rounds: int
) -> dict[str, Any]:
    logits = predict_raw(viewing_graph(trained.network, config), divided.calibration.pixels)
    classes = divided.calibration.classes
    shown = classes >= 0
    told_apart = logits["species"][shown], classes[shown]
    temperature = fit_temperature(*(questions(*told_apart) if config.species.several else told_apart))
    served = served_graph(trained.network, config, temperature)
    write_saved_model(served, config, folder / "saved_model")
    convert(folder / "saved_model", folder / "model.tflite")
    trained.network.save(folder / "model.keras")
    write_activation_weights(trained.network, config.input_size, folder)
    parity = check_parity(folder, _parity_photos(divided))
    if not parity.passed:
        raise ExportError(f"LiteRT and SavedModel differ by {parity.max_abs_difference:.2g}, or gave no numbers.")
    policy = make_policy(config, logits, classes, temperature)
    manifest = {
        "format": FORMAT,
        "task": config.task,
        "name": config.model_name,
        "version": config.version,
        "created_at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "head": config.head,
        "labels": manifest_labels(config.species.labels, divided.taxa),
        "input": {
            "size": config.input_size,
            "training_resolution": config.training_resolution,
            "resize": config.resize,
            "range": list(pixel_range(trained.network)),
        },
        "temperature": round(temperature, 6),
        "parity": dataclasses.asdict(parity),
        "seed": config.seed,
        "data_fingerprint": divided.fingerprint,
        "data_sources": dict(divided.sources),
        "config": config.name,
        "training": _without_paths(to_dict(config)),
        "files": digests(folder),
    }
    dump(folder / "model.json", manifest)
    dump(folder / "policy.json", policy)
    dump(folder / "metrics.json", {})
    metrics = _metrics(folder, divided, rounds) | {
        "command": command,
        "epochs": len(trained.history),
        "kept_epoch": trained.epoch,
        "photos": divided.counts,
        "data_fingerprint": divided.fingerprint,
    }
    dump(folder / "metrics.json", metrics)
    (folder / "MODEL_CARD.md").write_text(model_card(manifest, policy, metrics), encoding="utf-8")
    dump(folder / "model_card.json", card_data(manifest, policy, metrics))
    return metrics


def make_policy(
    config: Config, logits: dict[str, np.ndarray], classes: np.ndarray, temperature: float
) -> dict[str, Any]:
    """policy.json from calibration photos: ``species`` and ``scope`` logits with one row each, classes ``(n,)``."""
    shown = classes >= 0
    answers, right = logits["species"][shown], classes[shown]
    if config.species.several:
        answers, right = questions(answers, right)
    probabilities = probabilities_from(answers, temperature)
    wrong = probabilities.argmax(1) != right
    scope = 1 / (1 + np.exp(-logits["scope"][:, 0].astype(np.float64)))
    chosen = choose_scope_threshold(scope[shown], scope[~shown], config.keep_share)
    thresholds = [learn_threshold(probabilities.max(1), wrong, rate) for rate in ERROR_RATES]
    return {
        "format": FORMAT,
        "default_error_rate": 0.05,
        "in_scope_threshold": round(chosen.threshold, 6),
        "disagree_below": 0.5,
        "default_claim_reliability": 0.85,
        "thresholds": [dataclasses.asdict(threshold) for threshold in thresholds],
    }


def _parity_photos(divided: Divided) -> np.ndarray:
    """Half of the labels, half of other subjects where there are any."""
    species, others = divided.test.species.pixels, divided.test.others.pixels
    half = PARITY_PHOTOS // 2
    return np.concatenate(
        [species[:: max(1, len(species) // half)][:half], others[:: max(1, len(others) // half)][:half]]
    )


def _metrics(folder: Path, divided: Divided, rounds: int) -> dict[str, Any]:
    classifier = load_classifier(folder)
    info, test = classifier.info, divided.test
    labels, several = [label.scientific_name for label in info.labels], info.head == "sigmoids"
    scores = score(classifier, test)
    told = told_from(scores.where(test.classes >= 0).probabilities, test.species, labels, several=several)
    thresholds = [dataclasses.asdict(each) for each in info.policy.thresholds]
    metrics: dict[str, Any] = {
        "format": FORMAT,
        **figures_of(scores, test, info.policy, rounds, several=several),
        **breakdown(info, told, labels, thresholds, rounds),
    }
    metrics["species"] |= more_species_figures(told.answers, told.classes, told.bundles, rounds)
    if not several:
        mistakes = worst_mistakes(scores, test, labels, info.policy.in_scope_threshold, MISTAKES)
        metrics["mistakes"] = [dataclasses.asdict(mistake) for mistake in mistakes]
    if divided.reviewed:
        before = figures(classifier, divided.test_before_review.species, rounds)
        metrics |= {"species_before_review": before["species"], "review": divided.reviewed}
    return metrics


def _without_paths(config: dict[str, Any]) -> dict[str, Any]:
    options = dict(config["architecture_options"])
    if options.get("weights") not in (None, "imagenet"):
        options["weights"] = Path(options["weights"]).name
    species = config["species"] | {"folder": _name(config["species"]["folder"]), "more": []}
    outsiders = config["outsiders"]
    if outsiders is not None:
        outsiders = outsiders | {"folder": _name(outsiders["folder"])}
    return config | {"architecture_options": options, "species": species, "outsiders": outsiders}


def _name(folder: str) -> str:
    return Path(folder).name if Path(folder).is_absolute() else folder


def digests(folder: Path) -> dict[str, str]:
    """sha256 of every file below a version's folder, by its path there."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): file_digest(path) for path in files}


def dump(path: Path, value: object) -> None:
    """Write one of a version's JSON files."""
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
