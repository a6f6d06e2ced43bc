"""Writing a model version: artefacts, manifest, policy, figures and card, complete or not at all."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ml import naming
from ml.activation import write_activation_weights
from ml.architectures.task import pixel_range
from ml.config import Config, to_dict
from ml.datasets.examples import Divided
from ml.evaluation.calibration import (
    choose_scope_threshold,
    fit_temperature,
    learn_threshold,
    questions,
)
from ml.evaluation.card import card_data, model_card
from ml.evaluation.evaluation import figures_and_answers, species_before
from ml.evaluation.firsthand import choose_first_look, see
from ml.evaluation.mistakes import worst_mistakes
from ml.evaluation.scores import Scores, score
from ml.evaluation.small import small_scope
from ml.export import (
    JUDGED,
    ExportError,
    Parity,
    convert_smallest,
    round_to_half,
    served_graph,
    viewing_graph,
    write_saved_model,
)
from ml.finding import part as finding
from ml.inference import load_recogniser
from ml.inference.classifier import FIRST_LOOK
from ml.inference.versions import FORMAT, file_digest
from ml.steps import predict_raw
from ml.taxa import manifest_labels
from ml.training import Trained

ERROR_RATES = (0.01, 0.02, 0.05, 0.1)
PARITY_PHOTOS = 64
MISTAKES = 12


def write_version(new: NewVersion, command: str, rounds: int = 1000) -> dict[str, Any]:
    """Export a trained network as a model version.

    Args:
        new: what it is made of.
        command: the command line that a reader may repeat, without paths of this machine.
        rounds: bootstrap rounds of the intervals.

    Returns:
        metrics.json's content.

    Raises:
        ExportError: the folder is in use, or the conversion disagrees with the SavedModel.
        ConfigError: the files of the names are missing.
    """
    refuse_used(new.folder)
    new.folder.mkdir(parents=True, exist_ok=True)
    try:
        return _Writer(new).write(command, rounds)
    except BaseException:
        shutil.rmtree(new.folder, ignore_errors=True)
        raise


def refuse_used(folder: Path) -> None:
    """Raise ExportError where the folder holds something already."""
    if folder.exists() and any(folder.iterdir()):
        raise ExportError(f"{folder} already holds something; a model version is never overwritten.")


@dataclass(frozen=True)
class VersionPart:
    """A finder or names: the folder that holds it, and what a manifest says of it."""

    folder: Path
    facts: dict[str, Any]


def parts_of_version(folder: Path) -> dict[str, VersionPart]:
    """The parts that a version has, for another version to take over. Raises ExportError where it can't be read."""
    try:
        manifest = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ExportError(f"{folder.name} can't be read: {error}.") from error
    return {name: VersionPart(folder / name, facts) for name, facts in manifest.get("parts", {}).items()}


@dataclass(frozen=True)
class NewVersion:
    """A version to be written: the trained network, what it was trained with, the data (the policy comes from their calibration
    part, the figures from their test part), the folder to write, the ``root`` of the data, where the names' files are looked
    for, and ``parts`` that are there already.
    """

    trained: Trained
    config: Config
    divided: Divided
    folder: Path
    root: Path
    parts: Mapping[str, VersionPart]


class _Writer:
    """Writes one version: networks, manifest, policy, figures and card, in this order."""

    def __init__(self, new: NewVersion) -> None:
        self.trained, self.config, self.divided = new.trained, new.config, new.divided
        self.folder, self.root, self.given = new.folder, new.root, new.parts
        self.first_look: dict[str, float] | None = None
        self.parts: dict[str, dict[str, Any]] = {}

    def write(self, command: str, rounds: int) -> dict[str, Any]:
        """Returns the metrics. Raises ExportError, ConfigError."""
        folder, divided = self.folder, self.divided
        round_to_half(self.trained.network)
        self.temperature = self._temperature()
        self.parity = self._networks()
        self._parts()
        dump(folder / "policy.json", _PROVISIONAL)
        dump(folder / "metrics.json", {})
        dump(folder / "model.json", self._manifest())
        self._calibrate()
        manifest, policy = (
            json.loads((folder / name).read_text(encoding="utf-8")) for name in ("model.json", "policy.json")
        )
        metrics = _metrics(folder, divided, rounds) | {
            "command": command,
            "epochs": len(self.trained.history),
            "kept_epoch": self.trained.epoch,
            "photos": divided.counts,
            "data_fingerprint": divided.fingerprint,
        }
        dump(folder / "metrics.json", metrics)
        (folder / "MODEL_CARD.md").write_text(model_card(manifest, policy, metrics), encoding="utf-8")
        dump(folder / "model_card.json", card_data(manifest, policy, metrics))
        return metrics

    def _temperature(self) -> float:
        calibration = self.divided.calibration.species
        logits = predict_raw(viewing_graph(self.trained.network, self.config), calibration.pixels)["species"]
        answers = (logits, calibration.classes)
        return fit_temperature(*(questions(*answers) if self.config.species.several else answers))

    def _networks(self) -> Parity:
        config, folder, network = self.config, self.folder, self.trained.network
        served = served_graph(network, config, self.temperature)
        one_way = dataclasses.replace(config, flip_average=False, zoom_views=())
        first = served_graph(network, one_way, self.temperature) if config != one_way else None
        write_saved_model(served, config, folder / "saved_model", first)
        signatures = ["serving_default"] if first is None else ["serving_default", FIRST_LOOK]
        network.save(folder / "model.keras")
        write_activation_weights(network, config.input_size, folder)
        return convert_smallest(folder, _parity_photos(self.divided), signatures, JUDGED)

    def _parts(self) -> None:
        for name, part in self.given.items():
            shutil.copytree(part.folder, self.folder / name, ignore=shutil.ignore_patterns(finding.FACTS))
            self.parts[name] = part.facts
        if self.config.names is not None and naming.FOLDER not in self.parts:
            photos = _resized(_parity_photos(self.divided), self.config.names.size)
            self.parts[naming.FOLDER] = naming.write_names(self.config, self.folder / naming.FOLDER, self.root, photos)

    def _manifest(self) -> dict[str, Any]:
        config, divided = self.config, self.divided
        manifest: dict[str, Any] = {
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
                "range": list(pixel_range(self.trained.network)),
            },
            "temperature": round(self.temperature, 6),
            "parity": dataclasses.asdict(self.parity),
            "seed": config.seed,
            "data_fingerprint": divided.fingerprint,
            "data_sources": dict(divided.sources),
            "config": config.name,
            "training": _without_paths(to_dict(config)),
        }
        if config.notice:
            manifest["notice"] = config.notice
        if self.parts:
            manifest["parts"] = self.parts
        if self.first_look is not None:
            manifest["first_look"] = self.first_look
        return manifest | {"files": digests(self.folder, besides=("model.json", "policy.json", "metrics.json"))}

    def _calibrate(self) -> None:
        """Thresholds and weights, from calibration photos looked at as in service."""
        calibration, folder = self.divided.calibration, self.folder
        opinions = see(load_recogniser(folder), calibration)
        if not self.config.species.several:
            self.first_look = choose_first_look(opinions, calibration.classes)
        options = self.config.names
        others = calibration.classes < 0
        if options is not None and options.kinds:
            others &= np.isin(calibration.kinds, list(options.kinds))
        if opinions.names is not None and opinions.info.names is not None and others.any():
            labels = [getattr(picture, "label", "") for picture in calibration.pictures[others]]
            self.parts[naming.FOLDER] = naming.calibrated(
                self.parts[naming.FOLDER], opinions.info.names, opinions.names[others], labels
            )
        dump(folder / "model.json", self._manifest())
        recogniser = load_recogniser(folder)
        small = small_scope(recogniser, calibration)
        scores = score(recogniser, calibration)
        dump(folder / "policy.json", make_policy(self.config, scores, calibration.classes, small))


_PROVISIONAL = {
    "format": FORMAT,
    "default_error_rate": 0.05,
    "in_scope_threshold": 0.0,
    "disagree_below": 0.5,
    "default_claim_reliability": 0.85,
    "thresholds": [],
}


def make_policy(config: Config, scores: Scores, classes: np.ndarray, small: np.ndarray | None = None) -> dict[str, Any]:
    """policy.json from what the version answers for calibration photos.

    Args:
        config: the run.
        scores: for photos of these classes.
        classes: ``(n,)``.
        small: in-scope scores of the labels' photos with the animal small, ``(m,)``; they count for the scope as well.
    """
    shown = classes >= 0
    answers, right = scores.probabilities[shown], classes[shown]
    if config.species.several:
        yes, right = questions(answers, right)
        answers = np.concatenate([1 - yes, yes], axis=1)
    wrong = answers.argmax(1) != right
    others = scores.scope[~shown]
    scope = np.concatenate([scores.scope[shown], small if small is not None else []])
    chosen = choose_scope_threshold(scope, others, config.keep_share)
    thresholds = [learn_threshold(answers.max(1), wrong, rate) for rate in ERROR_RATES]
    policy = _PROVISIONAL | {
        "in_scope_threshold": round(chosen.threshold, 6),
        "thresholds": [dataclasses.asdict(threshold) for threshold in thresholds],
    }
    if config.confident_share is not None and config.outsiders is not None:
        certain = choose_scope_threshold(scope, others, config.confident_share)
        policy["confident_in_scope_threshold"] = round(max(certain.threshold, chosen.threshold), 6)
    return policy


def _resized(pixels: np.ndarray, size: int) -> np.ndarray:
    """Pictures ``(n, s, s, 3)`` with sides of ``size`` pixels."""
    small = (Image.fromarray(picture.astype(np.uint8)).resize((size, size)) for picture in np.asarray(pixels))
    return np.stack([np.asarray(picture, np.float32) for picture in small])


def _parity_photos(divided: Divided) -> np.ndarray:
    """Half of the labels, half of other subjects where there are any."""
    species, others = divided.test.species.pixels, divided.test.others.pixels
    half = PARITY_PHOTOS // 2
    return np.concatenate(
        [species[:: max(1, len(species) // half)][:half], others[:: max(1, len(others) // half)][:half]]
    )


def _metrics(folder: Path, divided: Divided, rounds: int) -> dict[str, Any]:
    recogniser = load_recogniser(folder)
    info, test = recogniser.info, divided.test
    scores = score(recogniser, test)
    thresholds = [dataclasses.asdict(threshold) for threshold in info.policy.thresholds]
    figures, answers = figures_and_answers(recogniser, scores, test, thresholds, rounds)
    metrics: dict[str, Any] = {"format": FORMAT, **figures}
    if not answers.several:
        labels = [label.scientific_name for label in info.labels]
        mistakes = worst_mistakes(scores, test, labels, info.policy.in_scope_threshold, MISTAKES)
        metrics["mistakes"] = [dataclasses.asdict(mistake) for mistake in mistakes]
    if divided.reviewed:
        before = species_before(recogniser, divided.test_before_review, rounds)
        metrics |= {"species_before_review": before, "review": divided.reviewed}
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


def digests(folder: Path, besides: Sequence[str] = ()) -> dict[str, str]:
    """sha256 of every file below a version's folder, by its path there, ``besides`` some."""
    files = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    return {name: file_digest(path) for name, path in files.items() if name not in besides}


def dump(path: Path, value: object) -> None:
    """Write one of a version's JSON files."""
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
