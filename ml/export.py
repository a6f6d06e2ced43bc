"""Turning a trained network into what is served: a SavedModel, its LiteRT conversion, and proof that they agree.

The SavedModel is written with ``keras.export.ExportArchive`` and converted from disk. A ``tf.Module`` around a Keras 3
model converts without complaint to a LiteRT file that answers NaN, which is why every value is checked, not only close.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ml.architectures import Network
from ml.backend import tensorflow
from ml.config import Config
from ml.inference.classifier import OUTPUTS

LARGEST_DIFFERENCE = 1e-3


class ExportError(Exception):
    """The network can't be exported; the message says why."""


@dataclass(frozen=True)
class Parity:
    """How far the LiteRT conversion is from the SavedModel: largest difference of any probability or in-scope score
    over ``photos`` photos, and whether every output is finite and the difference at most 1e-3.
    """

    max_abs_difference: float
    photos: int
    passed: bool


def viewing_graph(network: Network, config: Config) -> Network:
    """The network, looking at each photo in the config's several ways: pixels 0…255 to the mean of its outputs.

    The views are the whole square, the middle of it for each of ``zoom_views``, and with ``flip_average`` the mirror image
    of each. They pass through the network as one batch, so the file holds its graph once. ``feature_map`` is the whole
    square's.
    """
    keras = tensorflow().keras
    size = config.input_size
    pixels = keras.Input((size, size, 3), name="pixels")
    views = [pixels, *(_middle(pixels, size, share) for share in config.zoom_views)]
    if config.flip_average:
        views += [keras.ops.flip(view, axis=2) for view in views]
    if len(views) == 1:
        return network
    seen = network(keras.ops.concatenate(views, axis=0))

    def apart(name: str) -> Any:
        return keras.ops.reshape(seen[name], (len(views), -1, *seen[name].shape[1:]))

    outputs = {name: keras.ops.mean(apart(name), axis=0) for name in ("species", "scope", "embedding")}
    return keras.Model(pixels, outputs | {"feature_map": apart("feature_map")[0]}, name="views")


def _middle(pixels: Any, size: int, share: float) -> Any:
    """The middle ``share`` of each side, enlarged to the whole."""
    side = round(size * share)
    start = (size - side) // 2
    return tensorflow().keras.ops.image.resize(
        pixels[:, start : start + side, start : start + side], (size, size), interpolation="bilinear"
    )


def served_graph(network: Network, config: Config, temperature: float) -> Network:
    """The network as it is served: pixels 0…255 to the four outputs, calibrated, averaged over its views. Without
    outsiders to learn from, everything is in scope.
    """
    keras = tensorflow().keras
    pixels = keras.Input((config.input_size, config.input_size, 3), name="pixels")
    seen = viewing_graph(network, config)(pixels)
    logits = seen["species"] / temperature
    if config.head == "sigmoid":
        second = keras.ops.sigmoid(logits)
        probabilities = keras.ops.concatenate([1.0 - second, second], axis=1)
    elif config.head == "sigmoids":
        probabilities = keras.ops.sigmoid(logits)
    else:
        probabilities = keras.ops.softmax(logits, axis=1)
    scope = keras.ops.sigmoid(seen["scope"][:, 0])
    outputs = {
        "probabilities": probabilities,
        "in_scope": scope if config.outsiders is not None else keras.ops.ones_like(scope),
        "embedding": seen["embedding"],
        "feature_map": seen["feature_map"],
    }
    return keras.Model(pixels, outputs, name="served")


def write_saved_model(served: Network, config: Config, folder: Path) -> None:
    """Write the SavedModel with two signatures: ``serving_default`` takes ``pixels`` float32 ``(n, size, size, 3)``,
    ``serve_bytes`` takes ``encoded`` strings ``(n,)``, JPEG or PNG files.
    """
    tf = tensorflow()
    size = config.input_size
    pixels = tf.TensorSpec((None, size, size, 3), tf.float32, name="pixels")
    # One function for both signatures, or the file holds the graph twice; no track(), or it holds the weights twice.
    answer = tf.function(lambda pixels: served(pixels, training=False), input_signature=[pixels], autograph=False)
    archive = tf.keras.export.ExportArchive()
    archive.add_endpoint("serving_default", answer, input_signature=[pixels])

    def serve_bytes(encoded: Any) -> Any:
        pixels = tf.map_fn(
            lambda each: decode_in_graph(each, config),
            encoded,
            fn_output_signature=tf.TensorSpec((size, size, 3), tf.float32),
        )
        return answer(pixels)

    archive.add_endpoint(
        "serve_bytes", serve_bytes, input_signature=[tf.TensorSpec((None,), tf.string, name="encoded")]
    )
    archive.write_out(str(folder), verbose=False)


def decode_in_graph(encoded: Any, config: Config) -> Any:
    """Bytes of one JPEG or PNG to pixels ``(size, size, 3)``, for runtimes without Python.

    An approximation of ``open_photo`` and ``network_input``: TensorFlow's JPEG decoder differs from Pillow's, and EXIF
    orientation is not applied.
    """
    tf = tensorflow()
    picture = tf.io.decode_image(encoded, channels=3, expand_animations=False)
    shape = tf.shape(picture)
    if config.resize == "crop":
        side = tf.minimum(shape[0], shape[1])
        top, left = (shape[0] - side) // 2, (shape[1] - side) // 2
        square = tf.cast(picture[top : top + side, left : left + side], tf.float32)
    else:
        side = tf.maximum(shape[0], shape[1])
        square = tf.cast(picture, tf.float32)
    if config.resize == "pad":
        square = 128.0 + tf.image.pad_to_bounding_box(
            square - 128.0, (side - shape[0]) // 2, (side - shape[1]) // 2, side, side
        )
    down = tf.minimum(side, config.training_resolution)
    small = tf.clip_by_value(tf.image.resize(square, [down, down], "bicubic", antialias=True), 0.0, 255.0)
    pixels = tf.image.resize(tf.round(small), [config.input_size] * 2, "bicubic", antialias=True)
    return tf.ensure_shape(tf.round(tf.clip_by_value(pixels, 0.0, 255.0)), (config.input_size, config.input_size, 3))


def convert(saved_model: Path, target: Path) -> None:
    """Convert a SavedModel's ``serving_default`` to LiteRT in float32. Raises ExportError where that fails."""
    tf = tensorflow()
    try:
        converter = tf.lite.TFLiteConverter.from_saved_model(str(saved_model), signature_keys=["serving_default"])
        target.write_bytes(converter.convert())
    except Exception as error:  # the converter raises its own types, Keras's and plain ones
        raise ExportError(f"LiteRT conversion failed: {error}") from error


def compare(reference: dict[str, np.ndarray], conversion: dict[str, np.ndarray]) -> Parity:
    """Judge a conversion by both runtimes' outputs for the same photos, ``{name: (n, …)}``; a version made elsewhere may
    lack embedding and feature map, in both.
    """
    if reference.keys() != conversion.keys():
        return Parity(float("inf"), len(reference["in_scope"]), False)
    finite = all(np.isfinite(array).all() for arrays in (reference, conversion) for array in arrays.values())
    differences = [np.abs(reference[name] - conversion[name]).max() for name in ("probabilities", "in_scope")]
    largest = float(max(differences))
    return Parity(largest, len(reference["in_scope"]), bool(finite and largest <= LARGEST_DIFFERENCE))


def check_parity(folder: Path, pixels: np.ndarray) -> Parity:
    """Run a version's SavedModel and LiteRT conversion on the same pixels ``(n, size, size, 3)`` and compare."""
    import importlib

    tf = tensorflow()
    loaded = tf.saved_model.load(str(folder / "saved_model"))
    values = np.asarray(pixels, np.float32)
    answer = loaded.signatures["serving_default"](pixels=tf.constant(values))
    reference = {name: answer[name].numpy() for name in OUTPUTS if name in answer}
    interpreter = importlib.import_module("ai_edge_litert.interpreter").Interpreter(str(folder / "model.tflite"))
    runner = interpreter.get_signature_runner("serving_default")
    rows = [runner(pixels=values[index : index + 1]) for index in range(len(values))]
    found = [name for name in OUTPUTS if name in rows[0]]
    return compare(reference, {name: np.concatenate([row[name] for row in rows]) for name in found})
