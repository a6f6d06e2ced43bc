"""How a network learns: the settings, and the optimisers and learning rates that they name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args

from pydantic import ConfigDict, Field

from ml.backend import tensorflow

_CLASSES = {
    "sgd": "SGD",
    "rmsprop": "RMSprop",
    "adagrad": "Adagrad",
    "adadelta": "Adadelta",
    "adam": "Adam",
    "adamw": "AdamW",
    "adamax": "Adamax",
    "nadam": "Nadam",
}
OPTIMISERS = tuple(_CLASSES)
Optimiser = Literal["sgd", "rmsprop", "adagrad", "adadelta", "adam", "adamw", "adamax", "nadam"]
Schedule = Literal["constant", "time", "step", "exponential", "cosine", "plateau"]
Precision = Literal["float16", "bfloat16"]
Positive = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=1)]

ADAMW_DECAY = 0.01


@dataclass(frozen=True)
class Optimisation:
    """How a network learns.

    ``optimiser``: a name of OPTIMISERS; ``momentum`` and ``nesterov`` belong to SGD (momentum to RMSprop
    too); ``weight_decay`` None means AdamW's own 0.01 and none for others. ``schedule``: "constant"; "cosine" (warm-up
    over ``warm_up`` epochs, then to zero); "time" (rate / (1 + decay × epoch)); "step" (times ``decay`` every
    ``decay_every`` epochs); "exponential" (times ``decay`` per ``decay_every`` epochs, smoothly); "plateau" (times
    ``decay`` after ``decay_every`` epochs in which the calibration loss did not get better), never below ``lowest_rate``.

    ``steps_per_epoch`` cuts an epoch short. ``scope_weight`` weighs the in-scope loss against the species loss,
    ``class_weights`` ("balanced", or a weight per label) the labels against each other. ``ema`` averages weights over
    steps. ``mixed_precision`` "float16" or "bfloat16" computes in 16 bits.

    ``keep_best`` keeps the epoch with the lowest calibration loss instead of the last; ``patience`` stops after so many
    epochs without one that is better by ``min_delta``. ``checkpoint_every`` so many epochs the run is written down so that
    it can go on (0: never), with ``checkpoint_best_only`` only after the best so far.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    epochs: Count
    batch: Count = 32
    optimiser: Optimiser = "adamw"
    learning_rate: Positive = 4e-4
    schedule: Schedule = "cosine"
    warm_up: Positive = 1.0
    weight_decay: Positive | None = None
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0
    scope_weight: Positive = 1.0
    clip_norm: float | None = None
    keep_best: bool = False
    patience: Count | None = None
    ema: float | None = None
    momentum: Positive = 0.0
    nesterov: bool = False
    decay: Positive = 0.5
    decay_every: Annotated[float, Field(gt=0)] = 5.0
    lowest_rate: Positive = 0.0
    steps_per_epoch: Count | None = None
    class_weights: Literal["balanced"] | Mapping[str, float] | None = None
    min_delta: Positive = 0.0
    mixed_precision: Precision | None = None
    checkpoint_every: Annotated[int, Field(ge=0)] = 1
    checkpoint_best_only: bool = False


def make_optimiser(options: Optimisation, steps: int) -> Any:
    """The optimiser of a run with ``steps`` batches per epoch. Raises ValueError for an unknown one."""
    keras = tensorflow().keras
    if options.optimiser not in _CLASSES:
        raise ValueError(f"there is no optimiser {options.optimiser!r}; there are {', '.join(OPTIMISERS)}")
    keywords: dict[str, Any] = {"learning_rate": learning_rate(options, steps), "global_clipnorm": options.clip_norm}
    if options.ema is not None:
        keywords |= {"use_ema": True, "ema_momentum": options.ema}
    decay = ADAMW_DECAY if options.weight_decay is None and options.optimiser == "adamw" else options.weight_decay
    if decay is not None:
        keywords["weight_decay"] = decay
    if options.optimiser in {"sgd", "rmsprop"}:
        keywords["momentum"] = options.momentum
    if options.optimiser == "sgd":
        keywords["nesterov"] = options.nesterov
    optimiser = getattr(keras.optimizers, _CLASSES[options.optimiser])(**keywords)
    # Small gradients vanish in float16; bfloat16 has the range of float32 and needs no scale.
    return keras.optimizers.LossScaleOptimizer(optimiser) if options.mixed_precision == "float16" else optimiser


def learning_rate(options: Optimisation, steps: int) -> Any:
    """A number, or a Keras schedule that follows the optimiser's steps. Raises ValueError for an unknown schedule."""
    schedules = tensorflow().keras.optimizers.schedules
    first = options.learning_rate
    if options.schedule in {"constant", "plateau"}:
        return first
    if options.schedule == "cosine":
        return _cosine(options, steps)
    if options.schedule == "time":
        schedule = schedules.InverseTimeDecay(first, decay_steps=steps, decay_rate=options.decay)
    elif options.schedule in {"step", "exponential"}:
        every = max(1, round(options.decay_every * steps))
        schedule = schedules.ExponentialDecay(first, every, options.decay, staircase=options.schedule == "step")
    else:
        raise ValueError(f"there is no schedule {options.schedule!r}; there are {', '.join(get_args(Schedule))}")
    return _floored(schedule, options.lowest_rate) if options.lowest_rate else schedule


def _cosine(options: Optimisation, steps: int) -> Any:
    warm_up = int(options.warm_up * steps)
    return tensorflow().keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=0.0 if warm_up else options.learning_rate,
        decay_steps=max(1, options.epochs * steps - warm_up),
        alpha=options.lowest_rate / options.learning_rate if options.learning_rate else 0.0,
        warmup_target=options.learning_rate if warm_up else None,
        warmup_steps=warm_up,
    )


def _floored(schedule: Any, lowest: float) -> Any:
    keras = tensorflow().keras
    base: Any = keras.optimizers.schedules.LearningRateSchedule

    class Floored(base):
        """Another schedule, never below a rate."""

        def __call__(self, step: Any) -> Any:
            return keras.ops.maximum(schedule(step), lowest)

    return Floored()


def current_rate(optimiser: Any) -> float:
    """The learning rate of the next step."""
    return float(optimiser.learning_rate)


def lower_rate(optimiser: Any, options: Optimisation) -> None:
    """What the plateau schedule does when nothing gets better: times ``decay``, never below ``lowest_rate``."""
    optimiser.learning_rate = max(current_rate(optimiser) * options.decay, options.lowest_rate)
