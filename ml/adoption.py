"""Taking in a SavedModel that was made elsewhere: a plain image classifier becomes a model version that can be served.

Its graph is kept as it is, behind a signature like ours: pixels 0…255 in, probabilities in label order out. What it lacks is
left out (embedding, feature map) or said plainly (everything is in scope; no threshold is supported until there are
calibration photos). It is converted to LiteRT and served from there. TensorFlow runs it for the conversion alone, after all
its operations were looked at, and for the command in a process of its own.
"""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from ml.backend import tensorflow
from ml.checks.saved_model import check_saved_model
from ml.datasets.synthetic import drawn_butterfly, plain_pictures
from ml.errors import UserError
from ml.evaluation.calibration import learn_threshold
from ml.export import ExportError, Parity, check_parity, convert
from ml.inference import load_classifier
from ml.inference.versions import FORMAT
from ml.limited import LimitError, limited
from ml.taxa import label_of, manifest_labels
from ml.version_folder import ERROR_RATES, PARITY_PHOTOS, digests, dump, refuse_used

_MEGABYTES, _SECONDS = 16_000, 1_800
RANGES = {"0..255": (0.0, 255.0), "0..1": (0.0, 1.0), "-1..1": (-1.0, 1.0)}


class AdoptionError(UserError):
    """The SavedModel can't be taken in; the message says why and what to say on the command line."""


@dataclass(frozen=True)
class Description:
    """What a stranger's SavedModel does not say of itself.

    ``labels`` are scientific names or whole manifest entries, in the order of its outputs. ``pixels`` is a key of RANGES.
    ``signature`` and ``output`` name the one to use where there are several; ``size`` is the side of its input where the
    signature leaves it open; ``logits`` says that it answers with logits, None finds out.
    """

    labels: tuple[str | dict[str, Any], ...]
    name: str
    task: str
    version: str = "1.0.0"
    pixels: str | None = None
    size: int | None = None
    training_resolution: int | None = None
    signature: str | None = None
    output: str | None = None
    logits: bool | None = None


@dataclass(frozen=True)
class _Plain:
    """The part of a SavedModel that is used: a function with one picture input and one answer per label."""

    loaded: Any
    function: Any
    input_name: str
    dtype: Any
    size: int
    channels: int
    output: str
    logits: bool


def adopt(
    saved_model: Path, folder: Path, description: Description, *, parity_photos: np.ndarray | None = None
) -> Parity:
    """Make a model version of a SavedModel.

    Args:
        saved_model: its folder.
        folder: of the version; new or empty.
        description: what it does not say of itself.
        parity_photos: float32 pixels ``(n, size, size, 3)``, 0…255, to compare the conversion on; drawn ones by default.

    Returns:
        how well the LiteRT conversion agrees.

    Raises:
        UnsafeModel: the SavedModel is not loaded because of what it holds.
        AdoptionError: it is no plain image classifier, LiteRT can't answer for it, or something must be said of it.
        ExportError: the folder is in use.
    """
    refuse_used(folder)
    check_saved_model(saved_model)
    plain = _plain(saved_model, description)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        _write_graph(plain, description, folder / "saved_model")
        parity = _convert(folder, _photos(plain.size) if parity_photos is None else parity_photos)
        _write_texts(plain, description, folder, parity)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return parity


def adopt_apart(saved_model: Path, folder: Path, description: Description) -> Parity:
    """As :func:`adopt`, in a process of its own with limits. Raises LimitError as well."""
    try:
        return limited(adopt, saved_model, folder, description, megabytes=_MEGABYTES, seconds=_SECONDS)
    except LimitError:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _plain(saved_model: Path, description: Description) -> _Plain:
    tf = tensorflow()
    try:
        loaded = tf.saved_model.load(str(saved_model))
    except (OSError, ValueError, RuntimeError) as error:
        raise AdoptionError(f"TensorFlow can't load {saved_model}: {error}.") from error
    function = _one_of(dict(loaded.signatures), description.signature or "serving_default", "signature")
    inputs = function.structured_input_signature[1]
    if len(inputs) != 1:
        raise AdoptionError(f"Its signature takes {len(inputs)} inputs ({', '.join(inputs)}); one picture is expected.")
    name, spec = next(iter(inputs.items()))
    shape = spec.shape.as_list() if spec.shape.rank == 4 else []
    if (
        not shape
        or shape[0] is not None
        or shape[3] not in (1, 3)
        or not (spec.dtype.is_floating or spec.dtype == tf.uint8)
    ):
        raise AdoptionError(
            f"Its input is {spec.dtype.name} {spec.shape}; pictures (any number, height, width, 1 or 3) are expected."
        )
    size = shape[1] or description.size
    if size is None or (shape[2] or size) != size:
        raise AdoptionError("Its input has no one size; say which square: --size 224.")
    if spec.dtype.is_floating and description.pixels not in RANGES:
        raise AdoptionError(f"Say how it wants its pixels: --pixels {' or '.join(RANGES)}. Nothing in the file tells.")
    output, logits = _answer(function, name, spec.dtype, size, shape[3], description)
    return _Plain(loaded, function, name, spec.dtype, size, shape[3], output, logits)


def _one_of(options: dict[str, Any], name: str, what: str) -> Any:
    if name in options:
        return options[name]
    if len(options) == 1:
        return next(iter(options.values()))
    raise AdoptionError(f"It has no {what} {name!r}; say which: {', '.join(sorted(options)) or 'there is none'}.")


def _answer(
    function: Any, name: str, dtype: Any, size: int, channels: int, description: Description
) -> tuple[str, bool]:
    """Name of the output to use, and whether it holds logits; found out by trying it."""
    tf = tensorflow()
    low, high = RANGES[description.pixels or "0..255"]
    picture = np.random.default_rng(1).uniform(low, high, (8, size, size, channels))
    outputs = {key: value.numpy() for key, value in function(**{name: tf.cast(picture, dtype)}).items()}
    count = len(description.labels)
    fitting = {
        key: value
        for key, value in outputs.items()
        if value.ndim == 2 and value.shape[1] in {count, 1 if count == 2 else count}
    }
    if description.output is None and not fitting:
        shapes = ", ".join(f"{key} {value.shape[1:]}" for key, value in outputs.items())
        raise AdoptionError(f"None of its outputs ({shapes}) answers {count} labels.")
    values = _one_of(fitting, description.output or "probabilities", "output")
    output = next(key for key, value in fitting.items() if value is values)
    if description.logits is not None:
        return output, description.logits
    sums = values.sum(1) if values.shape[1] > 1 else np.ones(len(values))
    bounded = values.min() >= 0 and values.max() <= 1 and np.allclose(sums, 1, atol=1e-3)
    return output, not bounded


def _write_graph(plain: _Plain, description: Description, folder: Path) -> None:
    """Write a SavedModel with our signature around theirs."""
    tf = tensorflow()
    low, high = RANGES[description.pixels or "0..255"]
    module = tf.Module()
    module.inner = plain.loaded  # so that its variables are saved with it

    def serve(pixels: Any) -> Any:
        values = tf.image.rgb_to_grayscale(pixels) if plain.channels == 1 else pixels
        values = tf.round(values) if plain.dtype == tf.uint8 else low + values * ((high - low) / 255.0)
        answer = tf.cast(plain.function(**{plain.input_name: tf.cast(values, plain.dtype)})[plain.output], tf.float32)
        if answer.shape[1] == 1:
            second = tf.sigmoid(answer) if plain.logits else answer
            probabilities = tf.concat([1.0 - second, second], axis=1)
        else:
            probabilities = tf.nn.softmax(answer) if plain.logits else answer
        return {"probabilities": probabilities, "in_scope": tf.ones_like(probabilities[:, 0])}

    spec = tf.TensorSpec((None, plain.size, plain.size, 3), tf.float32, name="pixels")
    module.serve = tf.function(serve, input_signature=[spec], autograph=False)
    tf.saved_model.save(module, str(folder), signatures={"serving_default": module.serve})


def _convert(folder: Path, photos: np.ndarray) -> Parity:
    try:
        convert(folder / "saved_model", folder / "model.tflite")
        parity = check_parity(folder, photos)
    except (ExportError, RuntimeError, ValueError) as error:
        raise AdoptionError(f"LiteRT can't run it, and it would be served from nothing else: {error}.") from error
    if not parity.passed:
        raise AdoptionError(
            f"LiteRT gives other answers than TensorFlow (up to {parity.max_abs_difference:.2g} apart), so it can't be served."
        )
    return parity


def _photos(size: int) -> np.ndarray:
    random = np.random.default_rng(1)
    drawn = [
        np.asarray(drawn_butterfly(orange=bool(n % 2), spots=1 + n % 2, size=size, random=random))
        for n in range(PARITY_PHOTOS // 2)
    ]
    return np.concatenate([np.stack(drawn), plain_pictures(PARITY_PHOTOS // 2, size, 1)]).astype(np.float32)


def _write_texts(plain: _Plain, description: Description, folder: Path, parity: Parity) -> None:
    low, high = RANGES[description.pixels or "0..255"]
    manifest = {
        "format": FORMAT,
        "task": description.task,
        "name": description.name,
        "version": description.version,
        "created_at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "head": "sigmoid" if len(description.labels) == 2 else "softmax",
        "labels": _labels(description.labels),
        "input": {
            "size": plain.size,
            "training_resolution": description.training_resolution or plain.size,
            "resize": "crop",
            "range": [low, high],
        },
        "temperature": 1.0,
        "parity": dataclasses.asdict(parity),
        "made_elsewhere": True,
        "files": digests(folder),
    }
    thresholds = [dataclasses.asdict(learn_threshold(np.zeros(0), np.zeros(0, bool), rate)) for rate in ERROR_RATES]
    dump(folder / "model.json", manifest)
    dump(folder / "policy.json", {
        "format": FORMAT, "default_error_rate": 0.05, "in_scope_threshold": 0.0, "disagree_below": 0.5,
        "default_claim_reliability": 0.85, "thresholds": thresholds,
    })  # fmt: skip
    dump(folder / "metrics.json", {"format": FORMAT, "species": {}, "scope": None})
    (folder / "MODEL_CARD.md").write_text(_card(manifest), encoding="utf-8")
    load_classifier(folder).predict(np.zeros((1, plain.size, plain.size, 3), np.float32))


def _labels(labels: Sequence[str | dict[str, Any]]) -> list[dict[str, Any]]:
    whole = []
    for label in labels:
        if isinstance(label, dict):
            whole.append(
                manifest_labels(("",), {"": {}})[0]
                | {"taxon_rank": "species", "gbif_key": None, "vernacular_names": {}, "marks": {}}
                | label
            )
        else:
            (entry,) = manifest_labels((label_of(label),))
            whole.append(
                entry if entry["scientific_name"].lower() == label.lower() else entry | {"scientific_name": label}
            )
    return whole


def _card(manifest: dict[str, Any]) -> str:
    names = ", ".join(label["scientific_name"] for label in manifest["labels"])
    return (
        f"# {manifest['name']} {manifest['version']}\n\n"
        f"Made elsewhere and taken in; tells {names} apart. Task: {manifest['task']}.\n\n"
        "Nothing is known here of how it was trained. It has no in-scope score: whatever it is shown counts as in scope. No\n"
        "threshold is supported, so it never decides alone. `wingcheck evaluate --photos` measures it on photos of yours.\n"
    )
