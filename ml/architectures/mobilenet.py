"""MobileNets with ImageNet weights, fine-tuned. V2: 9 MB and under 2 ms a photo on one core at 96 px."""

from __future__ import annotations

from ml.architectures.backbones import freeze_layers, learns_statistics, pooled, pretrained
from ml.architectures.registry import Network, register
from ml.architectures.task import Task
from ml.backend import tensorflow


@register
def mobilenet_v2(
    task: Task,
    *,
    weights: str | None = "imagenet",
    freeze: int | str = 54,
    dropout: float = 0.2,
    alpha: float = 1.0,
    batch_statistics: bool = False,
) -> Network:
    """MobileNetV2: batch normalisation in inference mode, mean pooling, and a dense layer per output.

    A few hundred photos are too few to re-estimate batch statistics, so those of ImageNet stay.

    Args:
        task: what the network is built for.
        weights: "imagenet" downloads them; a path reads a ``.weights.h5`` of the backbone; None starts from chance.
        freeze: how many of the backbone's layers, from the input, do not learn; "all" of them.
        dropout: on the pooled features.
        alpha: width of the backbone.
        batch_statistics: whether batch normalisation learns all the same.
    """
    backbone = pretrained(tensorflow().keras.applications.MobileNetV2, task, weights, alpha=alpha)
    freeze_layers(backbone, freeze, batch_statistics)
    pixels = task.pixels()
    x = task.scaled(pixels, "symmetric", channels=3)
    return pooled(task, backbone, pixels, x, dropout, "mobilenet_v2")


@register
def mobilenet_v3(
    task: Task,
    *,
    variant: str = "large",
    weights: str | None = "imagenet",
    freeze: int | str = 0,
    dropout: float = 0.2,
    alpha: float = 1.0,
    minimalistic: bool = False,
    batch_statistics: bool | None = None,
) -> Network:
    """MobileNetV3, large or small: mean pooling and a dense layer per output.

    Args:
        task: what the network is built for.
        variant: "large" or "small".
        weights: "imagenet" downloads them; a path reads a weights file; None starts from chance.
        freeze: how many of the backbone's layers, from the input, do not learn; "all" of them.
        dropout: on the pooled features.
        alpha: width of the backbone.
        minimalistic: without squeeze-and-excitation and hard swish.
        batch_statistics: whether batch normalisation learns; unless said, only from chance.
    """
    applications = tensorflow().keras.applications
    variants = {"large": applications.MobileNetV3Large, "small": applications.MobileNetV3Small}
    if variant not in variants:
        raise ValueError(f"there is no MobileNetV3 {variant!r}; there are {', '.join(variants)}")
    backbone = pretrained(
        variants[variant], task, weights, alpha=alpha, minimalistic=minimalistic, include_preprocessing=False
    )
    freeze_layers(backbone, freeze, learns_statistics(batch_statistics, weights))
    pixels = task.pixels()
    x = task.scaled(pixels, "symmetric", channels=3)
    return pooled(task, backbone, pixels, x, dropout, "mobilenet_v3")
