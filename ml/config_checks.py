"""Which values of a config work together. What needs the data is checked where the data are read."""

from __future__ import annotations

import dataclasses
import difflib
import typing
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ml.architectures.registry import architectures, options_of
from ml.architectures.task import COLOURS, SCALINGS
from ml.augmentation.names import FILLS
from ml.config_values import ConfigError, refuse_unknown
from ml.inference import Resize
from ml.optimisers import OPTIMISERS, PRECISIONS, SCHEDULES

if TYPE_CHECKING:
    from ml.config import Augmentation, Config, Optimisation, SpeciesData


# Of photos that show several: they are kept as the bits of a number.
MOST_LABELS = 62


def check(config: Config) -> None:
    """Raise ConfigError where the values of a config can't work, naming the key."""
    _check_species(config.species)
    _check_optimisation(config.optimisation, config.species)
    _check_augmentation(config.augmentation)
    known("resize", config.resize, typing.get_args(Resize))
    known("colour", config.colour, COLOURS)
    known("normalise", config.normalise, (*SCALINGS, "standard"))
    known("architecture", config.architecture, architectures())
    refuse_unknown(config.architecture_options, options_of(config.architecture), "config.architecture_options")


def known(key: str, value: str | None, names: Iterable[str]) -> None:
    """Raise ConfigError unless the value is one of these names."""
    names = list(names)
    if value not in names:
        close = difflib.get_close_matches(str(value), names, n=1, cutoff=0.5)
        hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(names)}."
        raise ConfigError(f"{key} is {value!r}; {hint}")


def _check_species(species: SpeciesData) -> None:
    if len(species.labels) == 1 or len(set(species.labels)) != len(species.labels):
        raise ConfigError("species.labels needs at least two different labels, or none for all that the data have.")
    if species.several and len(species.labels) > MOST_LABELS:
        raise ConfigError(f"species.several works with at most {MOST_LABELS} labels.")
    if not 0 < species.calibration + species.test < 1:
        raise ConfigError("species.calibration and species.test are shares that leave something to train on.")


def _check_optimisation(options: Optimisation, species: SpeciesData) -> None:
    known("optimisation.optimiser", options.optimiser, OPTIMISERS)
    known("optimisation.schedule", options.schedule, SCHEDULES)
    if options.mixed_precision is not None:
        known("optimisation.mixed_precision", options.mixed_precision, PRECISIONS)
    if options.epochs < 1 or options.batch < 1:
        raise ConfigError("optimisation.epochs and optimisation.batch start at 1.")
    _from(
        "optimisation", options, 0, "learning_rate", "lowest_rate", "weight_decay", "momentum", "min_delta", "warm_up"
    )
    _from("optimisation", options, 0, "decay", "checkpoint_every", "label_smoothing", "scope_weight")
    _from("optimisation", options, 1, "steps_per_epoch", "patience")
    if options.decay_every <= 0:
        raise ConfigError("optimisation.decay_every is a number of epochs above 0.")
    if options.label_smoothing >= 1:
        raise ConfigError("optimisation.label_smoothing is a share below 1.")
    weights = options.class_weights
    if isinstance(weights, str):
        known("optimisation.class_weights", weights, ["balanced"])
    elif weights is not None and species.labels:
        refuse_unknown(weights, species.labels, "config.optimisation.class_weights")


def _check_augmentation(changes: Augmentation) -> None:
    known("augmentation.fill", changes.fill, FILLS)
    for key in ("share", "magnitude"):
        if not 0 <= getattr(changes, key) <= 1:
            raise ConfigError(f"augmentation.{key} is a share between 0 and 1.")
    _from("augmentation", changes, 0, "mixup", "randaugment")
    for field in dataclasses.fields(changes):
        value = getattr(changes, field.name)
        if isinstance(value, tuple) and value[0] > value[1]:
            raise ConfigError(f"augmentation.{field.name} is drawn from its first number to its second: {value}.")
    for key, largest in (("crop", 1), ("zoom", 1), ("perspective", 0.5), ("affine", 1), ("cutout", 1), ("hue", 1)):
        ends = getattr(changes, key)
        if not isinstance(ends, tuple) and not 0 <= ends < largest + (key == "cutout"):
            raise ConfigError(f"augmentation.{key} is a share of at least 0 and below {largest}.")


def _from(where: str, target: Any, lowest: float, *keys: str) -> None:
    for key in keys:
        value = getattr(target, key)
        if value is not None and value < lowest:
            raise ConfigError(f"{where}.{key} is {value}; it starts at {lowest}.")
