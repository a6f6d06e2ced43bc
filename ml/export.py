"""Turning a trained network into what is served: a SavedModel, its LiteRT conversion, and proof that they agree.

The SavedModel is written with ``keras.export.ExportArchive`` and converted from disk. A ``tf.Module`` around a Keras 3
model converts without complaint to a LiteRT file that answers NaN, which is why every value is checked, not only close.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ml.architectures.registry import Network
from ml.backend import tensorflow
from ml.checks.saved_model import check_saved_model
from ml.config import Config
from ml.errors import UserError
from ml.inference.classifier import FIRST_LOOK
from ml.inference.networks import LiteRTNetwork, SavedModelNetwork

LARGEST_DIFFERENCE = 1e-3
JUDGED = ("probabilities", "in_scope")


class ExportError(UserError):
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
    outputs_of_views = network(keras.ops.concatenate(views, axis=0))

    def apart(name: str) -> Any:
        return keras.ops.reshape(outputs_of_views[name], (len(views), -1, *outputs_of_views[name].shape[1:]))

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
    raw = viewing_graph(network, config)(pixels)
    logits = raw["species"] / temperature
    if config.head == "sigmoid":
        second = keras.ops.sigmoid(logits)
        probabilities = keras.ops.concatenate([1.0 - second, second], axis=1)
    elif config.head == "sigmoids":
        probabilities = keras.ops.sigmoid(logits)
    else:
        probabilities = keras.ops.softmax(logits, axis=1)
    scope = keras.ops.sigmoid(raw["scope"][:, 0])
    outputs = {
        "probabilities": probabilities,
        "in_scope": scope if config.outsiders is not None else keras.ops.ones_like(scope),
        "embedding": raw["embedding"],
        "feature_map": raw["feature_map"],
    }
    return keras.Model(pixels, outputs, name="served")


def round_to_half(network: Network) -> None:
    """Round a network's weights to 16 bits, in place: a conversion that stores them so then loses nothing, at half the size.

    What scales in a batch normalisation stays: the converter multiplies it into the weights before it, where a rounded
    scale would make them need all of their bits again.
    """
    keras = tensorflow().keras
    for layer in network._flatten_layers(include_self=False):
        if isinstance(layer, keras.layers.BatchNormalization):
            weights = [layer.beta] if layer.center else []
        elif hasattr(layer, "layers"):
            continue  # its own layers come by themselves
        else:
            weights = layer.weights
        for weight in weights:
            weight.assign(weight.numpy().astype(np.float16).astype(np.float32))


def convert_smallest(folder: Path, photos: np.ndarray, signatures: Sequence[str], judged: Sequence[str]) -> Parity:
    """Convert ``folder/saved_model`` with its weights in 16 bits, or where that changes its answers, in 32.

    Args:
        folder: the conversion is written to ``model.tflite`` in it.
        photos: pixels ``(n, size, size, 3)`` to compare on.
        signatures: to convert.
        judged: the outputs that must be near each other.

    Raises:
        ExportError: the conversion fails, or disagrees in 32 bits, too.
    """
    for half in (True, False):
        convert(folder / "saved_model", folder / "model.tflite", signatures, half=half)
        parity = check_parity(folder, photos, judged)
        if parity.passed:
            return parity
    raise ExportError(f"LiteRT and SavedModel differ by {parity.max_abs_difference:.2g}, or gave no numbers.")


def write_part(graph: Network, folder: Path, photos: np.ndarray, judged: Sequence[str]) -> Parity:
    """Write a version's further network: SavedModel, LiteRT conversion, and proof that they agree.

    Args:
        graph: pixels ``(n, size, size, 3)`` to named outputs, with weights rounded to 16 bits.
        folder: where to.
        photos: pixels to compare on.
        judged: the outputs that must be near each other.

    Raises:
        ExportError: the conversion fails, or disagrees.
    """
    archive, _ = _archive({"serving_default": graph})
    archive.write_out(str(folder / "saved_model"), verbose=False)
    return convert_smallest(folder, photos, ("serving_default",), judged)


def _archive(graphs: Mapping[str, Network]) -> tuple[Any, dict[str, Any]]:
    """An archive with a signature for each graph, and their compiled functions. No track(), or it holds the weights twice."""
    archive = tensorflow().keras.export.ExportArchive()
    functions = {name: _compiled(graph) for name, graph in graphs.items()}
    for name, function in functions.items():
        archive.add_endpoint(name, function, input_signature=function.input_signature)
    return archive, functions


def _compiled(graph: Network) -> Any:
    tf = tensorflow()
    pixels = tf.TensorSpec((None, *graph.input_shape[1:]), tf.float32, name="pixels")
    return tf.function(lambda pixels: graph(pixels, training=False), input_signature=[pixels], autograph=False)


def write_saved_model(served: Network, config: Config, folder: Path, first_look: Network | None = None) -> None:
    """Write the SavedModel with its signatures: ``serving_default`` takes ``pixels`` float32 ``(n, size, size, 3)``,
    ``serve_bytes`` takes ``encoded`` strings ``(n,)``, JPEG or PNG files; where there is one, ``first_look`` is like the
    first and looks in one way only.
    """
    tf = tensorflow()
    size = config.input_size
    graphs = {"serving_default": served} | ({FIRST_LOOK: first_look} if first_look is not None else {})
    archive, functions = _archive(graphs)
    answer = functions["serving_default"]  # for both signatures, or the file holds the graph twice

    def serve_bytes(encoded: Any) -> Any:
        pixels = tf.map_fn(
            lambda photo: decode_in_graph(photo, config),
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


def convert(
    saved_model: Path, target: Path, signatures: Sequence[str] = ("serving_default",), *, half: bool = False
) -> None:
    """Convert signatures of a SavedModel to LiteRT; they share their weights there.

    With ``half`` the weights are stored in 16 bits and computed with in 32: see :func:`round_to_half`.

    Raises:
        UnsafeModel: the SavedModel is not loaded because of what it holds.
        ExportError: the conversion fails.
    """
    check_saved_model(saved_model)
    tf = tensorflow()
    try:
        converter = tf.lite.TFLiteConverter.from_saved_model(str(saved_model), signature_keys=list(signatures))
        if half:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.target_spec.supported_types = [tf.float16]
        target.write_bytes(converter.convert())
    except Exception as error:  # the converter raises its own types, Keras's and plain ones
        raise ExportError(f"LiteRT conversion failed: {error}") from error


def compare(
    reference: Mapping[str, np.ndarray], conversion: Mapping[str, np.ndarray], judged: Sequence[str] = JUDGED
) -> Parity:
    """Judge a conversion by both runtimes' outputs for the same photos, ``{name: (n, …)}``: those ``judged`` must be near
    each other, all must be finite. A version made elsewhere may lack some outputs, in both.
    """
    count = len(next(iter(reference.values())))
    if reference.keys() != conversion.keys():
        return Parity(float("inf"), count, False)
    finite = all(np.isfinite(array).all() for arrays in (reference, conversion) for array in arrays.values())
    largest = max(float(np.abs(reference[name] - conversion[name]).max()) for name in judged if name in reference)
    return Parity(largest, count, bool(finite and largest <= LARGEST_DIFFERENCE))


def check_parity(folder: Path, pixels: np.ndarray, judged: Sequence[str] = JUDGED) -> Parity:
    """Run a network's SavedModel and LiteRT conversion on the same pixels ``(n, size, size, 3)`` and compare, each signature
    that the conversion has; the worst counts.
    """
    reference, conversion = SavedModelNetwork(folder), LiteRTNetwork(folder)
    values = np.asarray(pixels, np.float32)
    checks = [
        compare(reference(values, signature), conversion(values, signature), judged)
        for signature in sorted(conversion.signatures)
    ]
    return min(checks, key=lambda parity: (parity.passed, -parity.max_abs_difference))
