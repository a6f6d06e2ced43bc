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
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ml.architectures.registry import options_of
from ml.config_checks import check
from ml.config_files import SUFFIXES, merged, read_table
from ml.config_values import ConfigError as ConfigError
from ml.config_values import build, replaced


@dataclass(frozen=True)
class SpeciesData:
    """Which photos the labels come from: ``folder`` under the data root (or a listing there, or any other source that
    ``wingcheck dataset`` reads; "." for the root itself), ``labels`` in class-index order (none: all that are found, by
    name), ``label_depth`` how many folders of a hierarchy make a label, ``kind`` to restrict a folder in the second layout.
    Where the data say themselves what trains and what measures, that holds; else of each label's photos ``calibration``
    and ``test`` are shares (0…1) that never train; ``block`` is how many sequence numbers stay together; ``split_seed``
    names the division. ``review`` is a table of labels a person has judged, beside the experiments or under the data root. With
    ``doubtful`` photos that a screening found doubtful take part like any other. ``more`` are further sources, by path or
    under the data root: their photos of the labels join the others, each divided as its own source says, and what shows none
    of the labels joins the outsiders, where there are any. A copy of one of their photos in ``folder`` is left out.
    ``several`` says whether a photo may show several labels at once, written ``a|b``; unless said, the data tell.
    """

    folder: str
    labels: tuple[str, ...] = ()
    kind: str | None = None
    block: int = 25
    calibration: float = 0.2
    test: float = 0.2
    split_seed: int = 1
    review: str | None = None
    several: bool | None = None
    label_depth: int | None = None
    doubtful: bool = False
    more: tuple[str, ...] = ()


@dataclass(frozen=True)
class OutsiderData:
    """Which photos show none of the labels: ``folder`` under the data root without ``exclude_labels`` (the same species
    under another name). ``held_out`` is the share of each kind's labels kept wholly for the test. Each epoch shows
    ``per_epoch`` of them, kinds weighted by ``weights`` (1 where not named; so they count where names are calibrated,
    too), and ``plain`` generated pictures. ``more`` are further folders of such photos.
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
    more: tuple[str, ...] = ()


@dataclass(frozen=True)
class FinderData:
    """A light network that finds the animal in a photo, learnt from composites before the rest is trained: the species'
    photos and the outsiders of ``animal_kinds``, laid into those of ``background_kinds``, with things of
    ``distractor_kinds`` beside them. The outsiders of ``photo_kinds`` show an animal somewhere: in a second round it learns
    from its own best guess of where.

    ``size`` is the side of its input in pixels; ``steps`` of ``batch`` pictures with ``learning_rate``, then ``own_steps`` of
    the second round; ``weights`` those of MobileNetV2 that it begins with (the architecture's own unless said);
    ``threshold`` the score from which something counts as an animal.
    """

    size: int = 256
    steps: int = 900
    own_steps: int = 400
    batch: int = 24
    learning_rate: float = 8e-4
    weights: str | None = None
    animal_kinds: tuple[str, ...] = ("butterfly",)
    background_kinds: tuple[str, ...] = ("scene", "flower")
    distractor_kinds: tuple[str, ...] = ("object", "flower", "scene")
    photo_kinds: tuple[str, ...] = ()
    threshold: float = 0.3


@dataclass(frozen=True)
class NamesData:
    """A network that knows many species by name and is asked beside the version's own: MobileNetV2 with ``weights`` (the
    architecture's own unless said) and ``head``, a .npz file with kernel, bias and labels ("Scientific name (common
    name)"). ``said`` is a table of the species that it may name, with their names in each language; ``size`` the side of its
    input in pixels; ``least`` the calibrated probability from which it speaks.
    """

    head: str
    said: str
    weights: str | None = None
    size: int = 224
    least: float = 0.5


# A largest change, to either side of none; or the ends between which it is drawn.
Range = float | tuple[float, float]


@dataclass(frozen=True)
class Augmentation:
    """Random changes to training photos, each drawn evenly. A number is the largest change; a pair are the ends between
    which it is drawn, so ``zoom`` 0.2 means 0.8…1.2, and (0.7, 1.0) zooms in only.

    Moves, fused into one: ``rotation`` degrees; ``shift`` share of the side, or ``shift_x`` and ``shift_y`` each by itself;
    ``shear`` degrees; ``zoom`` what is seen, as a share of the side; ``flip`` mirrors every second picture,
    ``flip_vertical`` turns every second upside down, ``quarter_turns`` turns by 0, 90, 180 or 270 degrees; ``crop`` takes
    away up to this share of the sides, from anywhere; ``affine`` and ``perspective`` move corners by up to this share of
    the side. ``fill`` is what lies outside the picture: "nearest", "reflect", "wrap" or "constant", then ``fill_value``.

    Colours: ``brightness`` share of 255; ``contrast`` 0.2 means 0.8…1.2; ``hue`` share of the colour circle; ``soften``
    share mixed with a blurred copy, towards it or away (sharper).

    ``cutout`` covers a square with up to this share of the side, in the picture's mean colour or ``cutout_value``. ``mixup``
    mixes pictures and what they show, by shares drawn from Beta(mixup, mixup). ``randaugment`` does so many more changes
    to each picture, drawn from fourteen kinds, with ``magnitude`` 0…1. ``share`` of each batch is changed, the rest is not.
    """

    rotation: Range = 0.0
    shift: Range = 0.0
    shear: Range = 0.0
    zoom: Range = 0.0
    flip: bool = True
    brightness: Range = 0.0
    contrast: Range = 0.0
    soften: float = 0.0
    shift_x: Range | None = None
    shift_y: Range | None = None
    flip_vertical: bool = False
    quarter_turns: bool = False
    crop: Range = 0.0
    affine: Range = 0.0
    perspective: Range = 0.0
    fill: str = "nearest"
    fill_value: float = 0.0
    hue: Range = 0.0
    cutout: Range = 0.0
    cutout_value: float | None = None
    mixup: float = 0.0
    randaugment: int = 0
    magnitude: float = 0.5
    share: float = 1.0


@dataclass(frozen=True)
class Optimisation:
    """How a network learns.

    ``optimiser``: one of ``ml.optimisers.OPTIMISERS``; ``momentum`` and ``nesterov`` belong to SGD (momentum to RMSprop
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

    epochs: int
    batch: int = 32
    optimiser: str = "adamw"
    learning_rate: float = 4e-4
    schedule: str = "cosine"
    warm_up: float = 1.0
    weight_decay: float | None = None
    label_smoothing: float = 0.0
    scope_weight: float = 1.0
    clip_norm: float | None = None
    keep_best: bool = False
    patience: int | None = None
    ema: float | None = None
    momentum: float = 0.0
    nesterov: bool = False
    decay: float = 0.5
    decay_every: float = 5.0
    lowest_rate: float = 0.0
    steps_per_epoch: int | None = None
    class_weights: str | Mapping[str, float] | None = None
    min_delta: float = 0.0
    mixed_precision: str | None = None
    checkpoint_every: int = 1
    checkpoint_best_only: bool = False


@dataclass(frozen=True)
class Config:
    """One training run, whole.

    ``input_size`` and ``training_resolution`` are sides in pixels; ``resize`` (crop, pad or stretch) makes a photo square;
    ``colour`` "grey" has the network look at brightness alone; ``normalise`` is what it does to pixels first ("own": what
    its architecture is used to; "unit", "symmetric", "imagenet", "caffe"; "standard": by the training part's mean and
    deviation); ``architecture_options`` go to the architecture of that name; ``flip_average`` answers with the mean over
    the photo and its mirror image, ``zoom_views`` adds the middle share (0…1) of its sides to that mean; ``keep_share`` of
    the labels' calibration photos stay in scope, and no answer on more than ``confident_share`` of them is certain, so that
    look-alikes are kept out; ``data_note`` says in the model card what readers should know, ``notice``
    whose weights the run begins with. ``finder`` and ``names`` are None for a version without.
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
    resize: str = "crop"
    colour: str = "rgb"
    normalise: str = "own"
    flip_average: bool = False
    zoom_views: tuple[float, ...] = ()
    keep_share: float = 0.95
    confident_share: float | None = None
    seed: int = 1
    data_note: str = ""
    notice: str = ""
    finder: FinderData | None = None
    names: NamesData | None = None

    @property
    def head(self) -> str:
        """Kind of output: "sigmoid" for two labels, "softmax" for more, "sigmoids" where a photo may show several."""
        if self.species.several:
            return "sigmoids"
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

    def with_values(self, assignments: Iterable[str]) -> Config:
        """A copy with values replaced as on the command line, ``optimisation.epochs=3``. Raises ConfigError."""
        config = self
        for assignment in assignments:
            config = replaced(config, assignment)
        return checked(config)

    def with_weights(self, weights: str | None) -> Config:
        """A copy whose backbone starts from other weights. Raises ConfigError where the architecture has no backbone."""
        if "weights" not in options_of(self.architecture):
            raise ConfigError(f"{self.architecture} starts from chance and takes no weights.")
        return dataclasses.replace(self, architecture_options={**self.architecture_options, "weights": weights})


def checked(config: Config) -> Config:
    """The config itself, or ConfigError where its values can't work."""
    check(config)
    return config


def load_config(name: str) -> Config:
    """The config of an experiment, by name (``article``), by the path of a Python file that defines ``CONFIG``, or of a
    TOML or YAML file with the same keys; ``base`` in it names the experiment or file that it changes.

    Raises:
        ConfigError: no such experiment, or it defines no Config.
    """
    if name.endswith(SUFFIXES):
        table = {"name": Path(name).stem, **read_table(Path(name))}
        base = table.pop("base", None)
        return from_dict(table if base is None else merged(to_dict(load_config(_beside(name, str(base)))), table))
    module = _module(name)
    config = getattr(module, "CONFIG", None)
    if not isinstance(config, Config):
        raise ConfigError(f"{name} defines no CONFIG of type ml.config.Config.")
    return checked(config)


def _beside(name: str, base: str) -> str:
    """A base's path counts from the file that names it."""
    return str(Path(name).parent / base) if base.endswith((".py", *SUFFIXES)) else base


def _module(name: str) -> types.ModuleType:
    if name.endswith(".py"):
        spec = importlib.util.spec_from_file_location(Path(name).stem, name)
        if spec is None or spec.loader is None or not Path(name).is_file():
            raise ConfigError(f"There is no config file {name}.")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module
    if not name.isidentifier():
        raise ConfigError(f"{name!r} is neither the name of an experiment nor the path of a .py, .toml or .yaml file.")
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
    return checked(typing.cast("Config", build(Config, value, "config")))
