"""Networks that can start from ImageNet weights: MobileNet, EfficientNet, ResNet and VGG.

ResNet-50 comes in three versions: v1 halves the grid in the first 1×1 convolution of a block, v1.5 in its 3×3 convolution, v2
normalises before each convolution instead of after it. Keras has weights for v1 and v2.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ml.architectures.registry import FineTuning, Network, register
from ml.architectures.task import Task
from ml.backend import tensorflow
from ml.keras_files import load_weights

SMALLEST = 32
VARIANTS = ("B0", "B1", "B2", "B3", "S", "M", "L")


@register(FineTuning(freeze=54, dropout=0.2, batch_statistics=False))
def mobilenet_v2(task: Task, tuning: FineTuning, *, alpha: float = 1.0) -> Network:
    """MobileNetV2: batch normalisation in inference mode, mean pooling, and a dense layer per output.

    9 MB, and under 2 ms a photo on one core at 96 px. ``alpha`` is the width of the backbone.
    """
    application = tensorflow().keras.applications.MobileNetV2
    return _pooled(task, tuning, _backbone(task, tuning, application, alpha=alpha), "symmetric", "mobilenet_v2")


@register(FineTuning(dropout=0.2))
def mobilenet_v3(
    task: Task, tuning: FineTuning, *, variant: str = "large", alpha: float = 1.0, minimalistic: bool = False
) -> Network:
    """MobileNetV3, large or small: mean pooling and a dense layer per output.

    Args:
        task: what the network is built for.
        tuning: see there.
        variant: "large" or "small".
        alpha: width of the backbone.
        minimalistic: without squeeze-and-excitation and hard swish.
    """
    applications = tensorflow().keras.applications
    variants = {"large": applications.MobileNetV3Large, "small": applications.MobileNetV3Small}
    if variant not in variants:
        raise ValueError(f"there is no MobileNetV3 {variant!r}; there are {', '.join(variants)}")
    options = {"alpha": alpha, "minimalistic": minimalistic, "include_preprocessing": False}
    backbone = _backbone(task, tuning, variants[variant], **options)
    return _pooled(task, tuning, backbone, "symmetric", "mobilenet_v3")


@register(FineTuning(dropout=0.2))
def efficientnet_v2(task: Task, tuning: FineTuning, *, variant: str = "B0") -> Network:
    """EfficientNetV2, B0 to B3, S, M or L: mean pooling and a dense layer per output.

    More accurate than a MobileNet, and several times slower. ``variant`` is one of VARIANTS.
    """
    if variant not in VARIANTS:
        raise ValueError(f"there is no EfficientNetV2 {variant!r}; there are {', '.join(VARIANTS)}")
    application = getattr(tensorflow().keras.applications, f"EfficientNetV2{variant}")
    backbone = _backbone(task, tuning, application, include_preprocessing=False)
    return _pooled(task, tuning, backbone, "imagenet" if variant.startswith("B") else "symmetric", "efficientnet_v2")


@register(FineTuning())
def resnet50(task: Task, tuning: FineTuning) -> Network:
    """ResNet-50 v1; 25,636,712 parameters with 1,000 labels."""
    backbone = _backbone(task, tuning, tensorflow().keras.applications.ResNet50)
    return _pooled(task, tuning, backbone, "caffe", "resnet50")


@register(FineTuning())
def resnet50_v2(task: Task, tuning: FineTuning) -> Network:
    """ResNet-50 v2; 25,613,800 parameters with 1,000 labels."""
    backbone = _backbone(task, tuning, tensorflow().keras.applications.ResNet50V2)
    return _pooled(task, tuning, backbone, "symmetric", "resnet50_v2")


@register(FineTuning(weights=None))
def resnet50_v1_5(task: Task, tuning: FineTuning, *, width: float = 1.0) -> Network:
    """ResNet-50 v1.5; 25,610,152 parameters with 1,000 labels. No ImageNet weights to download: a file, or none.

    ``width`` multiplies the filters of every layer.
    """
    return _pooled(task, tuning, _residual_backbone(task, tuning, _bottleneck, width), "imagenet", "resnet50_v1_5")


@register(FineTuning(weights=None))
def resnet34(task: Task, tuning: FineTuning, *, width: float = 1.0) -> Network:
    """ResNet-34; 21,814,696 parameters with 1,000 labels. No ImageNet weights to download: a file, or none.

    ``width`` multiplies the filters of every layer.
    """
    return _pooled(task, tuning, _residual_backbone(task, tuning, _basic_block, width), "imagenet", "resnet34")


@register(FineTuning(dropout=0.5, batch_statistics=True))
def vgg16(task: Task, tuning: FineTuning, *, units: Sequence[int] = (4096, 4096)) -> Network:
    """VGG16; 138,357,544 parameters at 224×224 and 1,000 labels.

    ``units`` of the dense layers, with dropout after each; none of them pools the feature map, and any input size will do.
    """
    return _vgg(task, tuning, tensorflow().keras.applications.VGG16, units, "vgg16")


@register(FineTuning(dropout=0.5, batch_statistics=True))
def vgg19(task: Task, tuning: FineTuning, *, units: Sequence[int] = (4096, 4096)) -> Network:
    """VGG19; 143,667,240 parameters at 224×224 and 1,000 labels. ``units`` as for VGG16."""
    return _vgg(task, tuning, tensorflow().keras.applications.VGG19, units, "vgg19")


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
            load_weights(backbone, Path(str(weights)))
    except Exception as error:  # Keras raises plain exceptions for a failed download, h5py its own for a bad file
        if weights is None:
            raise
        source = "the ImageNet weights can't be downloaded" if fetched else f"{weights} holds no weights that fit"
        raise ValueError(f"{source}: {error}") from error
    return backbone


def _backbone(task: Task, tuning: FineTuning, application: Callable[..., Any], **keywords: Any) -> Any:
    """A backbone with the layers frozen that do not learn. Raises ValueError as :func:`pretrained`."""
    backbone = pretrained(application, task, tuning.weights, **keywords)
    freeze = tuning.freeze
    if freeze != "all" and (not isinstance(freeze, int) or isinstance(freeze, bool) or freeze < 0):
        raise ValueError(f'freeze is {freeze!r}; it is a number of layers, or "all"')
    normalising = tensorflow().keras.layers.BatchNormalization
    for index, layer in enumerate(backbone.layers):
        learns = freeze != "all" and index >= int(freeze)
        # Only a frozen BatchNormalization stays in inference mode: Keras passes `training` down past any argument here.
        layer.trainable = learns and (tuning.learns_statistics or not isinstance(layer, normalising))
    return backbone


def _pooled(task: Task, tuning: FineTuning, backbone: Any, own_scaling: str, name: str) -> Network:
    """The usual end: the mean over the backbone's feature map, and a dense layer per output."""
    keras = tensorflow().keras
    pixels = task.pixels()
    grid = backbone(task.scaled(pixels, own_scaling, channels=3))
    features = keras.layers.GlobalAveragePooling2D(name="embedding")(grid)
    dropped = keras.layers.Dropout(tuning.dropout)(features)
    return keras.Model(pixels, task.outputs(features, grid, dropped), name=name)


def _vgg(task: Task, tuning: FineTuning, application: Callable[..., Any], units: Sequence[int], name: str) -> Network:
    keras = tensorflow().keras
    layers = keras.layers
    if units:
        task.fixed_size(f"{name} with dense layers")
    backbone = _backbone(task, tuning, application)
    last_convolution = backbone.layers[-2].output
    backbone = keras.Model(backbone.input, [last_convolution, backbone.output], name="backbone")
    pixels = task.pixels()
    grid, x = backbone(task.scaled(pixels, "caffe", channels=3))
    if not units:
        features = layers.GlobalAveragePooling2D(name="embedding")(grid)
        return keras.Model(pixels, task.outputs(features, grid, layers.Dropout(tuning.dropout)(features)), name=name)
    x = layers.Flatten()(x)
    for number, count in enumerate(units, start=1):
        features = layers.Dense(count, activation="relu", name=f"fc{number}")(x)
        x = layers.Dropout(tuning.dropout)(features)
    return keras.Model(pixels, task.outputs(features, grid, x), name=name)


def _residual_backbone(task: Task, tuning: FineTuning, block: Any, width: float) -> Any:
    def application(*, input_shape: tuple[int | None, int | None, int], **_: Any) -> Any:
        return _residual(input_shape, (3, 4, 6, 3), block, width)

    return _backbone(task, tuning, application, downloadable=False)


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


def _basic_block(x: Any, filters: int, stride: int) -> Any:
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
