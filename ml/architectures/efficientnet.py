"""EfficientNetV2 with ImageNet weights, fine-tuned: more accurate than a MobileNet, and several times slower."""

from __future__ import annotations

from ml.architectures.backbones import freeze_layers, learns_statistics, pooled, pretrained
from ml.architectures.registry import Network, register
from ml.architectures.task import Task
from ml.backend import tensorflow

VARIANTS = ("B0", "B1", "B2", "B3", "S", "M", "L")


@register
def efficientnet_v2(
    task: Task,
    *,
    variant: str = "B0",
    weights: str | None = "imagenet",
    freeze: int | str = 0,
    dropout: float = 0.2,
    batch_statistics: bool | None = None,
) -> Network:
    """EfficientNetV2, B0 to B3, S, M or L: mean pooling and a dense layer per output.

    Args:
        task: what the network is built for.
        variant: one of VARIANTS.
        weights: "imagenet" downloads them; a path reads a weights file; None starts from chance.
        freeze: how many of the backbone's layers, from the input, do not learn; "all" of them.
        dropout: on the pooled features.
        batch_statistics: whether batch normalisation learns; unless said, only from chance.
    """
    if variant not in VARIANTS:
        raise ValueError(f"there is no EfficientNetV2 {variant!r}; there are {', '.join(VARIANTS)}")
    application = getattr(tensorflow().keras.applications, f"EfficientNetV2{variant}")
    backbone = pretrained(application, task, weights, include_preprocessing=False)
    freeze_layers(backbone, freeze, learns_statistics(batch_statistics, weights))
    pixels = task.pixels()
    own = "imagenet" if variant.startswith("B") else "symmetric"
    x = task.scaled(pixels, own, channels=3)
    return pooled(task, backbone, pixels, x, dropout, "efficientnet_v2")
