"""What networks with ImageNet weights share: where the weights come from, and which layers learn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ml.architectures.registry import Network
from ml.architectures.task import Task
from ml.backend import tensorflow

SMALLEST = 32


def pretrained(
    application: Callable[..., Any], task: Task, weights: str | None, *, downloadable: bool = True, **keywords: Any
) -> Any:
    """A backbone of Keras, without its head.

    Args:
        application: one of ``keras.applications``, or a function like them.
        task: what the network is built for.
        weights: "imagenet" downloads them once; a path reads a weights file (``.weights.h5``, or the ``notop.h5`` that
            Keras publishes); None starts from chance.
        downloadable: whether ImageNet weights exist for it.
        keywords: others of the application.

    Raises:
        ValueError: the weights can't be downloaded or read, or the input is too small.
    """
    if task.size is not None and task.size < SMALLEST:
        raise ValueError(f"this network needs an input of at least {SMALLEST} pixels, not {task.size}")
    if weights == "imagenet" and not downloadable:
        raise ValueError("there are no ImageNet weights to download for this network: give a file, or none")
    shape = (task.size, task.size, 3)
    fetched = "imagenet" if weights == "imagenet" else None
    try:
        backbone = application(include_top=False, weights=fetched, input_shape=shape, **keywords)
        if weights not in (None, "imagenet"):
            backbone.load_weights(weights)
    except Exception as error:  # Keras raises plain exceptions for a failed download, h5py its own for a bad file
        if weights is None:
            raise
        source = "the ImageNet weights can't be downloaded" if fetched else f"{weights} holds no weights that fit"
        raise ValueError(f"{source}: {error}") from error
    return backbone


def freeze_layers(backbone: Any, freeze: int | str, batch_statistics: bool) -> None:
    """Settle which layers learn.

    Args:
        backbone: its layers, counted from the input.
        freeze: how many do not learn; "all" of them.
        batch_statistics: whether batch normalisation learns; otherwise it keeps the statistics it came with.

    Raises:
        ValueError: ``freeze`` is neither a count nor "all".
    """
    if freeze != "all" and (not isinstance(freeze, int) or isinstance(freeze, bool) or freeze < 0):
        raise ValueError(f'freeze is {freeze!r}; it is a number of layers, or "all"')
    normalising = tensorflow().keras.layers.BatchNormalization
    for index, layer in enumerate(backbone.layers):
        learns = freeze != "all" and index >= int(freeze)
        # Only a frozen BatchNormalization stays in inference mode: Keras passes `training` down past any argument here.
        layer.trainable = learns and (batch_statistics or not isinstance(layer, normalising))


def learns_statistics(chosen: bool | None, weights: str | None) -> bool:
    """Whether batch normalisation learns: as chosen, else only in a network that starts from chance. A few hundred photos
    are too few to estimate again what came with weights.
    """
    return weights is None if chosen is None else chosen


def pooled(task: Task, backbone: Any, pixels: Any, x: Any, dropout: float, name: str) -> Network:
    """The usual end: the mean over the backbone's feature map, and a dense layer per output."""
    keras = tensorflow().keras
    grid = backbone(x)
    features = keras.layers.GlobalAveragePooling2D(name="embedding")(grid)
    dropped = keras.layers.Dropout(dropout)(features)
    return keras.Model(pixels, task.outputs(features, grid, dropped), name=name)
