"""Residual networks: ResNet-34, and ResNet-50 in its three versions.

v1 halves the grid in the first 1×1 convolution of a block, v1.5 in its 3×3 convolution, v2 normalises before each
convolution instead of after it. Keras has weights for v1 and v2.
"""

from __future__ import annotations

from typing import Any

from ml.architectures.backbones import freeze_layers, learns_statistics, pooled, pretrained
from ml.architectures.registry import Network, register
from ml.architectures.task import Task
from ml.backend import tensorflow


@register
def resnet50(
    task: Task,
    *,
    weights: str | None = "imagenet",
    freeze: int | str = 0,
    dropout: float = 0.0,
    batch_statistics: bool | None = None,
) -> Network:
    """ResNet-50 v1; 25,636,712 parameters with 1,000 labels.

    Args:
        task: what the network is built for.
        weights: "imagenet" downloads them; a path reads a weights file; None starts from chance.
        freeze: how many of the backbone's layers, from the input, do not learn; "all" of them.
        dropout: on the pooled features.
        batch_statistics: whether batch normalisation learns; unless said, only from chance.
    """
    return _from_keras("ResNet50", "caffe", task, weights, freeze, dropout, batch_statistics, "resnet50")


@register
def resnet50_v2(
    task: Task,
    *,
    weights: str | None = "imagenet",
    freeze: int | str = 0,
    dropout: float = 0.0,
    batch_statistics: bool | None = None,
) -> Network:
    """ResNet-50 v2; 25,613,800 parameters with 1,000 labels. Its options are those of v1."""
    return _from_keras("ResNet50V2", "symmetric", task, weights, freeze, dropout, batch_statistics, "resnet50_v2")


@register
def resnet50_v1_5(
    task: Task,
    *,
    weights: str | None = None,
    freeze: int | str = 0,
    dropout: float = 0.0,
    width: float = 1.0,
    batch_statistics: bool | None = None,
) -> Network:
    """ResNet-50 v1.5; 25,610,152 parameters with 1,000 labels. No ImageNet weights to download: a file, or none.

    Its options are those of v1, and ``width``, which multiplies the filters of every layer.
    """
    return _own((3, 4, 6, 3), _bottleneck, task, weights, freeze, dropout, width, batch_statistics, "resnet50_v1_5")


@register
def resnet34(
    task: Task,
    *,
    weights: str | None = None,
    freeze: int | str = 0,
    dropout: float = 0.0,
    width: float = 1.0,
    batch_statistics: bool | None = None,
) -> Network:
    """ResNet-34; 21,814,696 parameters with 1,000 labels. No ImageNet weights to download: a file, or none.

    Its options are those of ResNet-50 v1.5.
    """
    return _own((3, 4, 6, 3), _basic, task, weights, freeze, dropout, width, batch_statistics, "resnet34")


def _from_keras(
    application: str,
    own: str,
    task: Task,
    weights: str | None,
    freeze: int | str,
    dropout: float,
    batch_statistics: bool | None,
    name: str,
) -> Network:
    backbone = pretrained(getattr(tensorflow().keras.applications, application), task, weights)
    freeze_layers(backbone, freeze, learns_statistics(batch_statistics, weights))
    pixels = task.pixels()
    return pooled(task, backbone, pixels, task.scaled(pixels, own, channels=3), dropout, name)


def _own(
    depths: tuple[int, ...],
    block: Any,
    task: Task,
    weights: str | None,
    freeze: int | str,
    dropout: float,
    width: float,
    batch_statistics: bool | None,
    name: str,
) -> Network:
    def application(*, input_shape: tuple[int | None, int | None, int], **_: Any) -> Any:
        return _residual(input_shape, depths, block, width)

    backbone = pretrained(application, task, weights, downloadable=False)
    freeze_layers(backbone, freeze, learns_statistics(batch_statistics, weights))
    pixels = task.pixels()
    return pooled(task, backbone, pixels, task.scaled(pixels, "imagenet", channels=3), dropout, name)


def _residual(shape: tuple[int | None, int | None, int], depths: tuple[int, ...], block: Any, width: float) -> Any:
    """Stem and four groups of blocks; each group but the first halves the grid."""
    keras = tensorflow().keras
    picture = keras.Input(shape)
    x = _normalised(_convolution(picture, round(64 * width), 7, stride=2))
    x = keras.layers.MaxPooling2D(3, 2, padding="same")(x)
    for group, depth in enumerate(depths):
        for number in range(depth):
            stride = 2 if group and not number else 1
            x = block(x, round(64 * width) * 2**group, stride)
    return keras.Model(picture, x, name="backbone")


def _basic(x: Any, filters: int, stride: int) -> Any:
    y = _normalised(_convolution(x, filters, 3, stride=stride))
    y = _normalised(_convolution(y, filters, 3), relu=False)
    return _joined(x, y, filters, stride)


def _bottleneck(x: Any, filters: int, stride: int) -> Any:
    y = _normalised(_convolution(x, filters, 1))
    y = _normalised(_convolution(y, filters, 3, stride=stride))
    y = _normalised(_convolution(y, 4 * filters, 1), relu=False)
    return _joined(x, y, 4 * filters, stride)


def _joined(x: Any, y: Any, filters: int, stride: int) -> Any:
    layers = tensorflow().keras.layers
    if stride > 1 or x.shape[-1] != filters:
        x = _normalised(_convolution(x, filters, 1, stride=stride), relu=False)
    return layers.ReLU()(layers.Add()([x, y]))


def _convolution(x: Any, filters: int, kernel: int, stride: int = 1) -> Any:
    layer = tensorflow().keras.layers.Conv2D
    return layer(filters, kernel, stride, padding="same", use_bias=False, kernel_initializer="he_normal")(x)


def _normalised(x: Any, *, relu: bool = True) -> Any:
    layers = tensorflow().keras.layers
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(x)
    return layers.ReLU()(x) if relu else x
