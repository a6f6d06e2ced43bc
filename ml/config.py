"""What a training run is made of. An experiment is one file that fills in a :class:`Config`.

Everything is a frozen dataclass, so a misspelt key is refused where it is written, and a config read back from a model
version's manifest is refused if it holds anything this code does not know.
"""

from __future__ import annotations

import dataclasses
import importlib
import importlib.util
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


class ConfigError(Exception):
    """A config that can't be run; the message says which key and why."""


@dataclass(frozen=True)
class SpeciesData:
    """Which photos the labels come from: ``folder`` under the data root, ``labels`` in class-index order, ``kind`` to
    restrict a folder in the second layout. Of each label's photos ``calibration`` and ``test`` are shares (0…1) that
    never train; ``block`` is how many sequence numbers stay together; ``split_seed`` names the division.
    ``review`` is a table of labels a person has judged, beside the experiments.
    """

    folder: str
    labels: tuple[str, ...]
    kind: str | None = None
    block: int = 25
    calibration: float = 0.2
    test: float = 0.2
    split_seed: int = 1
    review: str | None = None


@dataclass(frozen=True)
class OutsiderData:
    """Which photos show none of the labels: ``folder`` under the data root without ``exclude_labels`` (the same species
    under another name). ``held_out`` is the share of each kind's labels kept wholly for the test. Each epoch shows
    ``per_epoch`` of them, kinds weighted by ``weights`` (1 where not named), and ``plain`` generated pictures.
    With a ``subjects_weight`` above 0 the network also learns to name the labels of ``subject_kinds``, which teaches it
    what to look at in a butterfly; what it would answer is not exported.
    """

    folder: str
    exclude_labels: tuple[str, ...] = ()
    exclude_kinds: tuple[str, ...] = ()
    held_out: float = 0.2
    calibration: float = 0.15
    test: float = 0.2
    per_epoch: int = 1200
    plain: int = 60
    subjects_weight: float = 0.0
    subject_kinds: tuple[str, ...] = ("butterfly", "butterfly_field")
    weights: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Augmentation:
    """Largest random change, each drawn evenly: ``rotation`` degrees; ``shift`` share of the side; ``shear`` degrees;
    ``zoom`` 0.2 means 0.8…1.2; ``brightness`` share of 255; ``contrast`` 0.2 means 0.8…1.2; ``soften`` share mixed
    with a blurred copy, towards it or away (sharper); ``flip`` mirrors every second picture.
    """

    rotation: float = 0.0
    shift: float = 0.0
    shear: float = 0.0
    zoom: float = 0.0
    flip: bool = True
    brightness: float = 0.0
    contrast: float = 0.0
    soften: float = 0.0


@dataclass(frozen=True)
class Optimisation:
    """``optimiser`` "adamw" or "rmsprop"; ``schedule`` "constant" or "cosine" (warm-up over ``warm_up`` epochs, then to
    zero). ``scope_weight`` weighs the in-scope loss against the species loss. ``keep_best`` keeps the epoch with the
    lowest calibration loss instead of the last; ``patience`` stops after so many epochs without a better one.
    """

    epochs: int
    batch: int = 32
    optimiser: str = "adamw"
    learning_rate: float = 4e-4
    schedule: str = "cosine"
    warm_up: float = 1.0
    weight_decay: float = 0.01
    label_smoothing: float = 0.0
    scope_weight: float = 1.0
    clip_norm: float | None = None
    keep_best: bool = False
    patience: int | None = None
    ema: float | None = None


@dataclass(frozen=True)
class Config:
    """One training run, whole.

    ``input_size`` and ``training_resolution`` are sides in pixels; ``architecture_options`` go to the architecture of that
    name; ``flip_average`` answers with the mean over the photo and its mirror image, ``zoom_views`` adds the middle share
    (0…1) of its sides to that mean; ``keep_share`` of the labels' calibration photos stay in scope; ``data_note`` says in
    the model card what readers should know of the photos.
    """

    name: str
    task: str
    model_name: str
    version: str
    architecture: str
    species: SpeciesData
    optimisation: Optimisation
    outsiders: OutsiderData | None = None
    augmentation: Augmentation = field(default_factory=Augmentation)
    architecture_options: Mapping[str, Any] = field(default_factory=dict)
    input_size: int = 96
    training_resolution: int = 75
    flip_average: bool = False
    zoom_views: tuple[float, ...] = ()
    keep_share: float = 0.95
    seed: int = 1
    data_note: str = ""

    @property
    def head(self) -> str:
        """Kind of output: "sigmoid" for two labels, "softmax" for more."""
        return "sigmoid" if len(self.species.labels) == 2 else "softmax"

    def with_changes(self, **changes: Any) -> Config:
        """A copy with top-level keys replaced; ``epochs`` is understood too. Raises ConfigError for unknown keys."""
        changes = {key: value for key, value in changes.items() if value is not None}
        if "epochs" in changes:
            changes["optimisation"] = dataclasses.replace(self.optimisation, epochs=changes.pop("epochs"))
        try:
            return checked(dataclasses.replace(self, **changes))
        except TypeError as error:
            raise ConfigError(str(error)) from error

    def with_weights(self, weights: str | None) -> Config:
        """A copy whose backbone starts from other weights. Raises ConfigError where the architecture has no backbone."""
        if self.architecture == "article":
            raise ConfigError("The article's network starts from chance and takes no weights.")
        return dataclasses.replace(self, architecture_options={**self.architecture_options, "weights": weights})


def checked(config: Config) -> Config:
    """The config itself, or ConfigError where its values can't work."""
    species = config.species
    if len(species.labels) < 2 or len(set(species.labels)) != len(species.labels):
        raise ConfigError("species.labels needs at least two different labels.")
    if not 0 < species.calibration + species.test < 1:
        raise ConfigError("species.calibration and species.test are shares that leave something to train on.")
    if config.optimisation.epochs < 1 or config.optimisation.batch < 1:
        raise ConfigError("optimisation.epochs and optimisation.batch start at 1.")
    return config


def load_config(name: str) -> Config:
    """The config of an experiment, by name (``article``) or by the path of a Python file that defines ``CONFIG``.

    Raises:
        ConfigError: no such experiment, or it defines no Config.
    """
    module = _module(name)
    config = getattr(module, "CONFIG", None)
    if not isinstance(config, Config):
        raise ConfigError(f"{name} defines no CONFIG of type ml.config.Config.")
    return checked(config)


def _module(name: str) -> types.ModuleType:
    if name.endswith(".py"):
        spec = importlib.util.spec_from_file_location(Path(name).stem, name)
        if spec is None or spec.loader is None or not Path(name).is_file():
            raise ConfigError(f"There is no config file {name}.")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module
    if not name.isidentifier():
        raise ConfigError(f"{name!r} is neither the name of an experiment nor the path of a .py file.")
    try:
        return importlib.import_module(f"ml.experiments.{name}")
    except ModuleNotFoundError as error:
        raise ConfigError(f"There is no experiment {name}; there are {', '.join(experiments())}.") from error


def experiments() -> list[str]:
    """Names of the experiments that come with Wingcheck."""
    folder = Path(__file__).parent / "experiments"
    return sorted(file.stem for file in folder.glob("*.py") if not file.stem.startswith("_"))


def to_dict(config: Config) -> dict[str, Any]:
    """The config as JSON can hold it."""
    return dataclasses.asdict(config)


def from_dict(value: Mapping[str, Any]) -> Config:
    """The config that :func:`to_dict` wrote. Raises ConfigError for missing, unknown or mistyped keys."""
    return checked(typing.cast("Config", _build(Config, value, "config")))


def _build(kind: Any, value: Any, where: str) -> Any:
    if not isinstance(value, Mapping):
        raise ConfigError(f"{where} is not a table of keys.")
    hints = typing.get_type_hints(kind)
    unknown = sorted(set(value) - set(hints))
    if unknown:
        raise ConfigError(f"{where} has unknown keys: {', '.join(unknown)}.")
    try:
        return kind(**{key: _value(hints[key], each, f"{where}.{key}") for key, each in value.items()})
    except TypeError as error:
        raise ConfigError(f"{where}: {error}") from error


def _value(hint: Any, value: Any, where: str) -> Any:
    options = [each for each in typing.get_args(hint) if each is not type(None)] if _optional(hint) else [hint]
    if value is None and _optional(hint):
        return None
    wanted = options[0]
    if dataclasses.is_dataclass(wanted):
        return _build(wanted, value, where)
    if typing.get_origin(wanted) is tuple and isinstance(value, list | tuple):
        return tuple(value)
    if wanted is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    origin = typing.get_origin(wanted) or wanted
    if not isinstance(value, origin) or (isinstance(value, bool) and origin is not bool):
        raise ConfigError(f"{where} is {value!r}, which is not what belongs there.")
    return value


def _optional(hint: Any) -> bool:
    return type(None) in typing.get_args(hint)
