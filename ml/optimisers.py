"""Optimisers and learning rates by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ml.backend import tensorflow

if TYPE_CHECKING:
    from ml.config import Optimisation

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
SCHEDULES = ("constant", "time", "step", "exponential", "cosine", "plateau")
PRECISIONS = ("float16", "bfloat16")

ADAMW_DECAY = 0.01


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
        raise ValueError(f"there is no schedule {options.schedule!r}; there are {', '.join(SCHEDULES)}")
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
