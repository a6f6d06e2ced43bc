"""VGG16 and VGG19: large, old, and a good teacher of what depth alone does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ml.architectures.backbones import freeze_layers, pretrained
from ml.architectures.registry import Network, register
from ml.architectures.task import Task
from ml.backend import tensorflow


@register
def vgg16(
    task: Task,
    *,
    weights: str | None = "imagenet",
    freeze: int | str = 0,
    units: Sequence[int] = (4096, 4096),
    dropout: float = 0.5,
) -> Network:
    """VGG16; 138,357,544 parameters at 224×224 and 1,000 labels.

    Args:
        task: what the network is built for.
        weights: "imagenet" downloads those of the convolutions; a path reads a file of them; None starts from chance.
        freeze: how many of the backbone's layers, from the input, do not learn; "all" of them.
        units: of the dense layers; none of them pools the feature map instead, and any input size will do.
        dropout: after each dense layer, or on the pooled features.
    """
    return _vgg(tensorflow().keras.applications.VGG16, task, weights, freeze, units, dropout, "vgg16")


@register
def vgg19(
    task: Task,
    *,
    weights: str | None = "imagenet",
    freeze: int | str = 0,
    units: Sequence[int] = (4096, 4096),
    dropout: float = 0.5,
) -> Network:
    """VGG19; 143,667,240 parameters at 224×224 and 1,000 labels. Its options are those of VGG16."""
    return _vgg(tensorflow().keras.applications.VGG19, task, weights, freeze, units, dropout, "vgg19")


def _vgg(
    application: Any,
    task: Task,
    weights: str | None,
    freeze: int | str,
    units: Sequence[int],
    dropout: float,
    name: str,
) -> Network:
    keras = tensorflow().keras
    layers = keras.layers
    if units:
        task.fixed_size(f"{name} with dense layers")
    backbone = pretrained(application, task, weights)
    freeze_layers(backbone, freeze, batch_statistics=True)
    last_convolution = backbone.layers[-2].output
    backbone = keras.Model(backbone.input, [last_convolution, backbone.output], name="backbone")
    pixels = task.pixels()
    grid, x = backbone(task.scaled(pixels, "caffe", channels=3))
    if not units:
        features = layers.GlobalAveragePooling2D(name="embedding")(grid)
        return keras.Model(pixels, task.outputs(features, grid, layers.Dropout(dropout)(features)), name=name)
    x = layers.Flatten()(x)
    for number, count in enumerate(units, start=1):
        features = layers.Dense(count, activation="relu", name=f"fc{number}")(x)
        x = layers.Dropout(dropout)(features)
    return keras.Model(pixels, task.outputs(features, grid, x), name=name)
