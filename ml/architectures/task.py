"""What every architecture shares: how pixels come in, and what goes out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ml.backend import tensorflow

# Either a name, or mean and deviation per channel, both in 0…255.
Scaling = str | tuple[tuple[float, ...], tuple[float, ...]]
SCALINGS = ("own", "unit", "symmetric", "imagenet", "caffe")
COLOURS = ("rgb", "grey")

# Of ImageNet's photos, red, green and blue; the second pair is what Keras's oldest weights were trained with.
_MEAN, _DEVIATION = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
_CAFFE_MEAN = (103.939, 116.779, 123.68)
# Rec. 601, what Pillow makes of RGB in mode L.
_LUMA = (0.299, 0.587, 0.114)


@dataclass(frozen=True)
class Task:
    """What a network is built for.

    ``size`` is the side of its input in pixels, None for any; ``units`` logits name the species, ``subjects`` others.
    ``colour`` is "rgb" or "grey". ``scaling`` is what happens to pixels first: "own", whatever the architecture is used
    to; "unit", 0…1; "symmetric", −1…1; "imagenet", standardised by ImageNet's mean and deviation; "caffe", BGR less
    ImageNet's mean; or mean and deviation to standardise by.
    """

    size: int | None
    units: int
    subjects: int = 0
    colour: str = "rgb"
    scaling: Scaling = "own"

    def __post_init__(self) -> None:
        """Raise ValueError for an unknown colour or scaling."""
        if self.colour not in COLOURS:
            raise ValueError(f"there is no colour mode {self.colour!r}; there are {', '.join(COLOURS)}")
        if isinstance(self.scaling, str) and self.scaling not in SCALINGS:
            raise ValueError(f"there is no scaling {self.scaling!r}; there are {', '.join(SCALINGS)}")

    def fixed_size(self, name: str) -> int:
        """The side of the input, or ValueError: an architecture that counts pixels needs one."""
        if self.size is None:
            raise ValueError(f"{name} counts pixels, so it needs a size")
        return self.size

    def pixels(self) -> Any:
        """The input: RGB, 0…255."""
        return tensorflow().keras.layers.Input((self.size, self.size, 3), name="pixels")

    def scaled(self, pixels: Any, own: str, *, channels: int | None = None) -> Any:
        """Pixels as the network's first layer sees them.

        Args:
            pixels: what :meth:`pixels` gave.
            own: the architecture's own scaling.
            channels: 3 where its first layer expects three even of a grey picture, because its weights do.
        """
        scaling = own if self.scaling == "own" else self.scaling
        if self.colour == "grey":
            pixels = sum(weight * pixels[..., index : index + 1] for index, weight in enumerate(_LUMA))
        x = _rescaling(scaling, grey=self.colour == "grey")(pixels)
        if self.colour == "grey" and channels == 3:
            x = tensorflow().keras.ops.repeat(x, 3, axis=-1)
        return _bgr(x) if scaling == "caffe" else x

    def outputs(self, features: Any, grid: Any, dropped: Any, scope_sees: Any = None) -> dict[str, Any]:
        """The outputs from ``features`` ``(n, d)`` and the last feature map ``grid`` ``(n, h, w, c)``.

        Args:
            features: called the embedding.
            grid: where the network looked, or None for one without: then it is the embedding as a map of one cell.
            dropped: ``features`` after dropout, what the species are named from.
            scope_sees: what the scope is judged from, if not ``dropped``.
        """
        keras = tensorflow().keras
        layers = keras.layers
        # In float32 even where the rest computes in 16 bits: a softmax of rounded logits learns badly.
        outputs = {
            "species": layers.Dense(self.units, name="species", dtype="float32")(dropped),
            "scope": layers.Dense(1, name="scope", dtype="float32")(dropped if scope_sees is None else scope_sees),
            "embedding": features,
            "feature_map": layers.Reshape((1, 1, features.shape[-1]))(features) if grid is None else grid,
        }
        if self.subjects:
            outputs["subjects"] = layers.Dense(self.subjects, name="subjects", dtype="float32")(dropped)
        return outputs


def pixel_range(network: Any) -> tuple[float, float]:
    """Smallest and largest value that pixels of 0…255 become in a network, over all channels."""
    import numpy as np  # here, so that the list of architectures is quick

    layer = network.get_layer("scaled")
    scale, offset = (np.atleast_1d(np.asarray(values, np.float64)) for values in (layer.scale, layer.offset))
    ends = np.concatenate([offset, 255 * scale + offset])
    return round(float(ends.min()), 6), round(float(ends.max()), 6)


def _line(scaling: Scaling) -> tuple[list[float], list[float]]:
    """Factor and offset per channel."""
    if scaling == "unit":
        return [1 / 255], [0.0]
    if scaling == "symmetric":
        return [1 / 127.5], [-1.0]
    if scaling == "caffe":
        return [1.0] * 3, [-mean for mean in reversed(_CAFFE_MEAN)]
    means, deviations = (_MEAN, _DEVIATION) if isinstance(scaling, str) else scaling
    pairs = zip(means, deviations, strict=True)
    return [1 / max(deviation, 1e-3) for deviation in deviations], [
        -mean / max(deviation, 1e-3) for mean, deviation in pairs
    ]


def _rescaling(scaling: Scaling, *, grey: bool) -> Any:
    scale, offset = _line(scaling)
    if grey and len(scale) == 3:
        scale, offset = [sum(scale) / 3], [sum(offset) / 3]
    layer = tensorflow().keras.layers.Rescaling
    if len(scale) == 1:
        return layer(scale[0], offset=offset[0], name="scaled")
    return layer(scale, offset=offset, name="scaled")


def _bgr(pictures: Any) -> Any:
    return tensorflow().keras.ops.flip(pictures, axis=-1)
