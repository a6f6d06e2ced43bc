"""Where a network looked, drawn over the photo.

Three ways, the first that a version allows: the class activation map from what the served model answers anyway; Grad-CAM
(Selvaraju et al. 2017), for networks with more than pooling and one layer behind their feature map; and, where there is
no feature map at all, the gradient by the pixels themselves. The last two need ``model.keras`` and TensorFlow.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast, get_args

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from ml.backend import tensorflow
from ml.inference import Classifier, ModelVersionError, Output, Square, load_recogniser, open_photo
from ml.inference.activation import activation_map
from ml.keras_files import load_network

Method = Literal["activation", "grad-cam", "gradient"]
METHODS: tuple[Method, ...] = ("activation", "grad-cam", "gradient")
_BLUR = 0.02
_PAPER, _INK, _SOFT = (255, 253, 248), (43, 27, 17), (106, 83, 65)
_LINE = (240, 150, 40)
_DIM, _HALF = 0.35, 0.5


@dataclass(frozen=True)
class Look:
    """What spoke for a label: ``heat`` float32 ``(h, w)``, 0…1, over the square that the network saw; and how it was found."""

    heat: np.ndarray
    method: Method


class Explainer:
    """Explains one model version. A ``model.keras`` is loaded only when it is needed."""

    def __init__(self, classifier: Classifier, method: Method | None = None) -> None:
        """``method`` forces one way instead of the first possible."""
        self._classifier, self._method = classifier, method
        self._network: Any = None

    def look(self, pixels: np.ndarray, output: Output, class_index: int) -> Look:
        """Where in float32 pixels ``(size, size, 3)`` the network looked for a label.

        Raises:
            ModelVersionError: the version has neither activation weights nor a model.keras, or not what a forced method
                needs.
        """
        weights = self._classifier.info.activation_weights
        if self._method in (None, "activation") and weights is not None and _has_places(output.feature_map):
            return Look(activation_map(output.feature_map, weights, class_index), "activation")
        if self._method == "activation":
            raise ModelVersionError(f"{self._classifier.info.name} has no activation weights; try grad-cam.")
        by_pixels = self._method == "gradient" or not _has_places(output.feature_map)
        if by_pixels and self._method != "grad-cam":
            return Look(pixel_gradient(self._loaded(), pixels, class_index), "gradient")
        return Look(grad_cam(self._loaded(), pixels, class_index), "grad-cam")

    def _loaded(self) -> Any:
        if self._network is None:
            self._network = load_network(self._classifier.info.folder)
        return self._network


def _has_places(feature_map: np.ndarray) -> bool:
    return feature_map.ndim == 3 and feature_map.shape[0] * feature_map.shape[1] > 1


def grad_cam(network: Any, pixels: np.ndarray, class_index: int) -> np.ndarray:
    """Grad-CAM: channels of the feature map, weighted by how much the label's logit grows with each.

    Args:
        network: from ``ml.architectures``.
        pixels: ``(size, size, 3)``, 0…255.
        class_index: position of the label; with a single logit label 0 is its opposite.

    Returns:
        float32 ``(h, w)``, 0…1.

    Raises:
        ModelVersionError: the logits do not depend on the feature map.
    """
    tf = tensorflow()
    with tf.GradientTape() as tape:
        batch = tf.constant(pixels[None], tf.float32)
        tape.watch(batch)
        answer = network(batch, training=False)
        logit = _logit(answer["species"], class_index)
    gradient = tape.gradient(logit, answer["feature_map"])
    if gradient is None:
        raise ModelVersionError("This network's answer does not come from its feature map; try the gradient by pixels.")
    weights = gradient.numpy()[0].mean((0, 1))
    return _normalised(np.maximum(answer["feature_map"].numpy()[0] @ weights, 0.0))


def pixel_gradient(network: Any, pixels: np.ndarray, class_index: int) -> np.ndarray:
    """How much the label's logit changes with each pixel, smoothed: float32 ``(size, size)``, 0…1."""
    tf = tensorflow()
    with tf.GradientTape() as tape:
        batch = tf.constant(pixels[None], tf.float32)
        tape.watch(batch)
        logit = _logit(network(batch, training=False)["species"], class_index)
    strength = np.abs(tape.gradient(logit, batch).numpy()[0]).max(2)
    picture = Image.fromarray((255 * _normalised(strength)).astype(np.uint8))
    smooth = picture.filter(ImageFilter.GaussianBlur(max(1.0, _BLUR * len(pixels))))
    return _normalised(np.asarray(smooth, np.float64))


def _logit(logits: Any, class_index: int) -> Any:
    if logits.shape[-1] == 1:
        return logits[0, 0] if class_index == 1 else -logits[0, 0]
    return logits[0, class_index]


def _normalised(heat: np.ndarray) -> np.ndarray:
    most = float(heat.max(initial=0.0))
    return np.asarray(heat / most if most > 0 else heat, np.float32)


def overlay(picture: Image.Image, heat: np.ndarray) -> Image.Image:
    """The picture as if a light fell on what spoke for the label: bright there, dim elsewhere, with a line around the half."""
    smooth = Image.fromarray((255 * heat).clip(0, 255).astype(np.uint8)).resize(picture.size, Image.Resampling.BICUBIC)
    strength = np.asarray(smooth, np.float64)[..., None] / 255
    colours = np.asarray(picture.convert("RGB"), np.float64)
    grey = np.asarray(picture.convert("L"), np.float64)[..., None]
    dim = _DIM * grey + (1 - _DIM) * np.array(_INK, np.float64)
    light = np.clip(1.4 * strength, 0, 1)
    lit = dim * (1 - light) + colours * light
    return Image.fromarray(np.where(_outline(strength[..., 0] >= _HALF), _LINE, lit.round()).astype(np.uint8))


def _outline(inside: np.ndarray) -> np.ndarray:
    """Bool ``(h, w, 1)``: pixels of a region that touch its outside."""
    padded = np.pad(inside, 1, mode="edge")
    core = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return np.asarray((inside & ~core)[..., None])


def picture_of(pixels: np.ndarray, side: int) -> Image.Image:
    """What the network saw, ``(size, size, 3)`` 0…255, enlarged to ``side`` pixels."""
    return Image.fromarray(pixels.round().astype(np.uint8)).resize((side, side), Image.Resampling.BICUBIC)


def explained(
    pixels: np.ndarray, looks: list[tuple[str, str, np.ndarray]], *, note: str, side: int = 320
) -> Image.Image:
    """A sheet: what the network saw, and beside it one picture per label with where it looked.

    Args:
        pixels: ``(size, size, 3)``, 0…255.
        looks: for each label its name, a line about it, and its heat.
        note: a line below all.
        side: of each picture in pixels.
    """
    gap, head, foot = 16, 58, 42
    count = 1 + len(looks)
    canvas = Image.new("RGB", (count * (side + gap) + gap, head + side + foot), _PAPER)
    draw = ImageDraw.Draw(canvas)
    large, small = ImageFont.load_default(17), ImageFont.load_default(14)
    picture = picture_of(pixels, side)
    panels = [("What the network saw", f"{pixels.shape[0]} pixels a side", picture)]
    panels += [(name, line, overlay(picture, heat)) for name, line, heat in looks]
    for number, (name, line, panel) in enumerate(panels):
        left = gap + number * (side + gap)
        draw.text((left, 10), name, fill=_INK, font=large)
        draw.text((left, 34), line, fill=_SOFT, font=small)
        canvas.paste(panel, (left, head))
    draw.text((gap, head + side + 13), note, fill=_SOFT, font=small)
    return canvas


_HOW = {
    "activation": "class activation map: what each place of the photo added to the answer",
    "grad-cam": "Grad-CAM: places whose features the answer grows with",
    "gradient": "gradient by pixels: the pixels that move the answer most",
}


def explain_photo(
    photo: Path, folder: Path, out: Path, *, square: str | None = None, method: str | None = None, most: int = 2
) -> list[str]:
    """Write the sheet for a photo; returns what the model says of it, a line per label that is explained.

    Raises:
        PhotoError: the photo can't be read.
        ModelVersionError: the version is damaged, or can't be explained so.
        ValueError: ``square`` or ``method`` makes no sense.
        OSError: a file can't be read or written.
    """
    recogniser = load_recogniser(folder)
    classifier, info = recogniser.classifier, recogniser.info
    image, _ = open_photo(photo, max_side=None)
    chosen = _square(square) or next((animal.square for animal in recogniser.find(image)), None)
    pixels = recogniser.pixels(image, chosen)[0]
    output = classifier.predict(pixels[None])[0]
    explainer = Explainer(classifier, _method(method))
    looks, lines, how = [], [], ""
    for index in output.probabilities.argsort()[::-1][:most].tolist():
        label = info.labels[index]
        name = label.vernacular_names.get("en") or label.scientific_name
        look = explainer.look(pixels, output, index)
        line = f"{100 * output.probabilities[index]:.1f} %"
        spoken = "in the light: what speaks for it" if look.heat.any() else "nothing speaks for it"
        looks.append((f"{name.capitalize()}: {line}", spoken, look.heat))
        lines.append(f"{label.scientific_name}: {line}")
        how = _HOW[look.method]
    scope = "in scope" if output.in_scope >= info.policy.in_scope_threshold else "out of scope: none of its species"
    explained(pixels, looks, note=f"{info.name} {info.version}; {scope}. {how[0].upper()}{how[1:]}.").save(out)
    return [*lines, f"{100 * output.in_scope:.1f} % sure that it shows one of its species ({scope})"]


def _square(text: str | None) -> Square | None:
    if text is None:
        return None
    sides = [float(side) for side in text.split(",")]
    if len(sides) != 4:
        raise ValueError("The square is four numbers: x,y,width,height.")
    return Square(*sides)


def _method(name: str | None) -> Method | None:
    if name is not None and name not in get_args(Method):
        raise ValueError(f"There is no way to explain called {name!r}; there are {', '.join(get_args(Method))}.")
    return cast("Method | None", name)
