"""The only door from ``app`` into ``ml``: open a photo, make the network's input, load a model version, ask it.

Importing this never imports TensorFlow; only loading a version under the ``savedmodel`` runtime does.
"""

from ml.errors import ModelVersionError
from ml.inference.activation import activation_map
from ml.inference.classifier import Classifier, Runtime, load_classifier
from ml.inference.finder import Found
from ml.inference.names import LooksLike
from ml.inference.networks import Output
from ml.inference.orientation import square_for
from ml.inference.photos import PhotoError, PhotoInfo, PixelLimits, open_photo, reduced
from ml.inference.pixels import Resize, Square, network_input, seen_box
from ml.inference.recogniser import Animal, Look, Recogniser, SquareOrigin, load_recogniser
from ml.inference.strangers import read_strangers_version, try_out
from ml.inference.turns import holding, keep_large_blocks_apart, turn
from ml.inference.versions import (
    Label,
    ModelVersionInfo,
    Policy,
    Threshold,
    bundled_versions,
    read_version,
)

__all__ = [
    "Animal",
    "Classifier",
    "Found",
    "Label",
    "Look",
    "LooksLike",
    "ModelVersionError",
    "ModelVersionInfo",
    "Output",
    "PhotoError",
    "PhotoInfo",
    "PixelLimits",
    "Policy",
    "Recogniser",
    "Resize",
    "Runtime",
    "Square",
    "SquareOrigin",
    "Threshold",
    "activation_map",
    "bundled_versions",
    "holding",
    "keep_large_blocks_apart",
    "load_classifier",
    "load_recogniser",
    "network_input",
    "open_photo",
    "read_strangers_version",
    "read_version",
    "reduced",
    "seen_box",
    "square_for",
    "try_out",
    "turn",
]
