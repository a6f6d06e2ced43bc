"""Reading a model version: an immutable folder with an artefact, its labels, its policy and its figures."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import TypeAdapter

from ml.checks.limits import read_json
from ml.errors import ModelVersionError
from ml.inference.activation import ACTIVATION_FILE, activation_map, read_activation_weights
from ml.inference.finder import FinderInfo
from ml.inference.names import NamesInfo, read_names
from ml.inference.networks import Output
from ml.inference.pixels import Resize

FORMAT = 1
_LARGEST_SIDE = 2048
PRETRAINED = Path(__file__).resolve().parent.parent / "pretrained"


@dataclass(frozen=True)
class Label:
    """One taxon a model knows. ``vernacular_names`` and ``marks`` are per language code ("en", "nl")."""

    scientific_name: str
    taxon_rank: str
    gbif_key: int | None
    vernacular_names: Mapping[str, str]
    marks: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Threshold:
    """Top probability from which photos outside training bound the error at ``error_rate`` with 95 % confidence.

    ``probability`` is None and ``supported`` False where too few photos were there to say so. ``coverage`` is the
    share of those photos at or above it, ``photos`` their number.
    """

    error_rate: float
    probability: float | None
    supported: bool
    coverage: float
    photos: int


@dataclass(frozen=True)
class Policy:
    """How a model version's probabilities become decisions, until a coordinator says otherwise.

    From ``in_scope_threshold`` a photo counts as showing one of the labels; look-alikes among them are told apart by
    ``confident_in_scope_threshold``, which is at least as high: below it no answer is certain.
    """

    default_error_rate: float
    in_scope_threshold: float
    disagree_below: float
    default_claim_reliability: float
    thresholds: tuple[Threshold, ...]
    confident_in_scope_threshold: float = 0.0

    def threshold_for(self, error_rate: float) -> Threshold | None:
        """The strictest threshold that promises at most this error rate, or None where none was computed."""
        fitting = [threshold for threshold in self.thresholds if threshold.error_rate <= error_rate + 1e-9]
        return max(fitting, key=lambda threshold: threshold.error_rate, default=None)


@dataclass(frozen=True)
class FirstLook:
    """When a look in one way is certain enough, so that others add nothing: from an in-scope score and top probability on,
    and where the in-scope score is below ``out_of_scope``.
    """

    in_scope: float
    probability: float
    out_of_scope: float = 0.0

    def is_enough(self, in_scope: float, probability: float) -> bool:
        """Whether a first look with this in-scope score and top probability is certain."""
        return in_scope < self.out_of_scope or (in_scope >= self.in_scope and probability >= self.probability)


@dataclass(frozen=True)
class ModelVersionInfo:
    """What is known of a model version without loading its network.

    ``labels`` stand in class-index order; ``input_size`` and ``training_resolution`` are sides in pixels; ``digest``
    names the content of the whole version ("sha256:…"); ``metrics`` is metrics.json as it was written. ``resize`` is how
    a photo becomes square, see :func:`ml.inference.network_input`. ``activation_weights`` ``(c, k)`` turn a feature map
    into a map per label; None where the version has none. ``finder`` and ``names`` are None for a version without; so is
    ``first_look`` for one that always looks in all its ways.
    """

    folder: Path
    task: str
    name: str
    version: str
    labels: tuple[Label, ...]
    policy: Policy
    input_size: int
    training_resolution: int
    head: str
    digest: str
    metrics: Mapping[str, Any]
    has_litert: bool
    resize: Resize = "crop"
    activation_weights: np.ndarray | None = field(default=None, compare=False, repr=False)
    finder: FinderInfo | None = None
    names: NamesInfo | None = field(default=None, compare=False, repr=False)
    first_look: FirstLook | None = None

    def activation(self, output: Output, class_index: int) -> np.ndarray | None:
        """Where the network looked: how much each place of a photo spoke for a label.

        Args:
            output: this version's answer for the photo.
            class_index: position of the label in ``labels``.

        Returns:
            float32 ``(h, w)`` within 0…1 over the square that the network saw (see
            :func:`ml.inference.activation.activation_map`); None for a version without activation weights.

        Raises:
            ValueError: the output is another version's, or there is no such label.
        """
        if self.activation_weights is None:
            return None
        return activation_map(output.feature_map, self.activation_weights, class_index)


def bundled_versions() -> list[Path]:
    """Folders of the model versions that come with Wingcheck, by name."""
    return sorted(manifest.parent for manifest in PRETRAINED.glob("*/model.json"))


def read_version(folder: Path) -> ModelVersionInfo:
    """Read and check a model version: manifest, policy, metrics, and every file against its recorded hash.

    Raises:
        ModelVersionError: something is missing, malformed or was changed after export.
    """
    folder = Path(folder)
    manifest, policy, metrics = (_json(folder / name) for name in ("model.json", "policy.json", "metrics.json"))
    if manifest.get("format") != FORMAT or policy.get("format") != FORMAT:
        raise ModelVersionError(f"{folder.name} is written in a format this version of Wingcheck does not read.")
    try:
        _check_files(folder, manifest["files"])
        return _info(folder, manifest, policy, metrics)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ModelVersionError(f"{folder.name} has an incomplete manifest or policy: {error!r}.") from error


def _json(path: Path) -> dict[str, Any]:
    try:
        value = read_json(path)
    except FileNotFoundError as error:
        raise ModelVersionError(f"{path.parent.name} has no {path.name}.") from error
    except (OSError, ValueError) as error:
        raise ModelVersionError(f"{path.parent.name}/{path.name} can't be read: {error}.") from error
    if not isinstance(value, dict):
        raise ModelVersionError(f"{path.parent.name}/{path.name} is not a JSON object.")
    return value


def _check_files(folder: Path, files: Mapping[str, str]) -> None:
    if not any(name.startswith("saved_model/") for name in files):
        raise ModelVersionError(f"{folder.name} lists no saved_model.")
    for name, expected in files.items():
        path = folder / name
        if _may_be_absent(path):
            continue
        if ".." in Path(name).parts or Path(name).is_absolute() or not path.is_file():
            raise ModelVersionError(f"{folder.name} has no {name}.")
        if file_digest(path) != expected:
            raise ModelVersionError(f"{folder.name}/{name} is not the file that was exported: its hash differs.")


def _may_be_absent(path: Path) -> bool:
    """An installation without TensorFlow may leave out what only TensorFlow reads of the bundled versions."""
    is_for_tensorflow = path.suffix == ".keras" or "saved_model" in path.parts
    return (
        is_for_tensorflow and path.is_relative_to(PRETRAINED) and not path.exists() and find_spec("tensorflow") is None
    )


def file_digest(path: Path) -> str:
    """``sha256:…`` of a file's content."""
    with path.open("rb") as stream:
        return "sha256:" + hashlib.file_digest(stream, "sha256").hexdigest()


def _info(folder: Path, manifest: dict[str, Any], policy: dict[str, Any], metrics: dict[str, Any]) -> ModelVersionInfo:
    labels = _read(tuple[Label, ...], manifest["labels"])
    if len(labels) < 2:
        raise ModelVersionError(f"{folder.name} has fewer than two labels.")
    if manifest["head"] not in ("sigmoid", "softmax", "sigmoids"):
        raise ModelVersionError(f"{folder.name} has an unknown head, {manifest['head']!r}.")
    content = (folder / "model.json").read_bytes() + (folder / "policy.json").read_bytes()
    parts = manifest.get("parts", {})
    return ModelVersionInfo(
        folder=folder,
        task=str(manifest["task"]),
        name=str(manifest["name"]),
        version=str(manifest["version"]),
        labels=labels,
        policy=_read(Policy, {"confident_in_scope_threshold": policy["in_scope_threshold"]} | policy),
        input_size=_side(manifest["input"]["size"]),
        training_resolution=_side(manifest["input"]["training_resolution"]),
        head=str(manifest["head"]),
        digest="sha256:" + hashlib.sha256(content).hexdigest(),
        metrics=metrics,
        has_litert=_all_converted(manifest, parts),
        activation_weights=(
            read_activation_weights(folder, len(labels)) if ACTIVATION_FILE in manifest["files"] else None
        ),
        resize=_read(Resize, manifest["input"].get("resize", "crop")),
        finder=_read(FinderInfo, parts["finder"] | {"size": _side(parts["finder"]["size"])})
        if "finder" in parts
        else None,
        names=(
            read_names(
                folder,
                parts["names"] | {"size": _side(parts["names"]["size"])},
                tuple(label.scientific_name for label in labels),
            )
            if "names" in parts
            else None
        ),
        first_look=_read(FirstLook, manifest["first_look"]) if manifest.get("first_look") else None,
    )


def _side(value: Any) -> int:
    """Side of a network's input in pixels. Raises ValueError for one that takes too much memory."""
    side = int(value)
    if not 1 <= side <= _LARGEST_SIDE:
        raise ValueError(f"an input of {side} pixels a side; {_LARGEST_SIDE} are allowed")
    return side


def _all_converted(manifest: dict[str, Any], parts: dict[str, Any]) -> bool:
    """Whether every network of the version has a conversion that agreed with its artefact."""
    networks = {"model.tflite": manifest} | {f"{name}/model.tflite": part for name, part in parts.items()}
    return all(path in manifest["files"] and network["parity"]["passed"] is True for path, network in networks.items())


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def _read(kind: Any, value: object) -> Any:
    """A dataclass, or another type, from JSON. Raises pydantic's ValidationError, a ValueError."""
    return _adapter(kind).validate_python(value)
