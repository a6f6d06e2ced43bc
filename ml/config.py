"""The configuration of a training run. An experiment is one file that defines a :class:`Config`.

A config comes from Python, from TOML, or from the manifest of a model version. All of them are validated by pydantic, with
every mistake reported at once.
"""

from __future__ import annotations

import dataclasses
import difflib
import importlib
import importlib.util
import json
import tomllib
import types
import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, ConfigDict, TypeAdapter, ValidationError

from ml.architectures.registry import architectures, options_of
from ml.architectures.task import COLOURS, SCALINGS
from ml.augmentation.settings import Augmentation as Augmentation
from ml.errors import UserError
from ml.inference import Resize
from ml.optimisers import Optimisation as Optimisation

# Photos that show several labels are stored as the bits of a number.
MOST_LABELS = 62


class ConfigError(UserError):
    """A config that can't be run; the message lists the keys and what is wrong with each."""


def _one_of(names: Iterable[str]) -> AfterValidator:
    """Accept one of these names, and suggest the nearest for any other."""

    def check(value: str) -> str:
        if value not in names:
            raise ValueError(f"{value!r} is unknown; {_nearest(value, names)}")
        return value

    return AfterValidator(check)


def _nearest(word: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f"did you mean {close[0]}?" if close else f"there are {', '.join(known)}."


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

    __pydantic_config__ = ConfigDict(extra="forbid")

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
    ``per_epoch`` of them, kinds weighted by ``weights`` (1 where not named), and ``plain`` generated pictures. ``more`` are
    further folders of such photos.
    With a ``subjects_weight`` above 0 the network also learns to name the labels of ``subject_kinds``, which teaches it
    what to look at in a butterfly; what it would answer is not exported.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

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

    __pydantic_config__ = ConfigDict(extra="forbid")

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
    input in pixels; ``least`` the calibrated probability from which it speaks. How often it is right is learnt from other
    subjects of ``kinds`` (none: of all): those that are like what will be sent.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    head: str
    said: str
    weights: str | None = None
    size: int = 224
    least: float = 0.5
    kinds: tuple[str, ...] = ()


@dataclass(frozen=True)
class Config:
    """One training run, whole.

    ``input_size`` and ``training_resolution`` are sides in pixels; ``resize`` (crop, pad or stretch) makes a photo square;
    ``colour`` "grey" has the network look at brightness alone; ``normalise`` is what it does to pixels first ("own": what
    its architecture is used to; "unit", "symmetric", "imagenet", "caffe"; "standard": by the training part's mean and
    deviation); ``architecture_options`` go to the architecture of that name; ``flip_average`` answers with the mean over
    the photo and its mirror image, ``zoom_views`` adds the middle share (0…1) of its sides to that mean; ``keep_share`` of
    the labels' calibration photos stay in scope, and no answer on more than ``confident_share`` of them is certain, so that
    look-alikes are kept out (with a finder, of these photos laid into larger pictures, too); ``data_note`` says in
    the model card what readers should know, ``notice``
    whose weights the run begins with. ``finder`` and ``names`` are None for a version without.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

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
    resize: Resize = "crop"
    colour: Annotated[str, _one_of(COLOURS)] = "rgb"
    normalise: Annotated[str, _one_of((*SCALINGS, "standard"))] = "own"
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
        """A copy with top-level keys replaced, except by None; also accepts ``epochs``. Raises ConfigError."""
        changes = {key: value for key, value in changes.items() if value is not None}
        if "epochs" in changes:
            changes["optimisation"] = dataclasses.replace(self.optimisation, epochs=changes.pop("epochs"))
        try:
            return checked(dataclasses.replace(self, **changes))
        except TypeError as error:
            raise ConfigError(str(error)) from error

    def with_values(self, assignments: Iterable[str]) -> Config:
        """A copy with values replaced as on the command line.

        Args:
            assignments: such as ``optimisation.epochs=3``: a path of keys, and a value as in TOML; text needs no quotes,
                ``none`` means None.

        Raises:
            ConfigError: an unknown key, or a value of another type.
        """
        values = to_dict(self)
        for assignment in assignments:
            path, equals, text = assignment.partition("=")
            if not equals:
                raise ConfigError(f"{assignment!r} is not KEY=VALUE, such as optimisation.epochs=3.")
            *parents, key = path.strip().split(".")
            table = values
            for parent in parents:
                if table.get(parent) is None:
                    table[parent] = {}
                table = table[parent]
                if not isinstance(table, dict):
                    raise ConfigError(f"{parent} holds no keys.")
            table[key] = _parsed(text.strip())
        return from_dict(values)

    def with_weights(self, weights: str | None) -> Config:
        """A copy whose backbone starts from other weights. Raises ConfigError where the architecture has no backbone."""
        if "weights" not in options_of(self.architecture):
            raise ConfigError(f"{self.architecture} starts from chance and takes no weights.")
        return dataclasses.replace(self, architecture_options={**self.architecture_options, "weights": weights})


def load_config(name: str) -> Config:
    """The config of an experiment (``article``), of a Python file that defines ``CONFIG``, or of a TOML file with the same
    keys; ``base`` in it names the experiment or file that it changes.

    Raises:
        ConfigError: no such experiment or file, or it holds no valid config.
    """
    if name.endswith(".toml"):
        table = {"name": Path(name).stem, **_read_toml(Path(name))}
        base = table.pop("base", None)
        return from_dict(table if base is None else _merged(to_dict(load_config(_beside(name, str(base)))), table))
    config = getattr(_module(name), "CONFIG", None)
    if not isinstance(config, Config):
        raise ConfigError(f"{name} defines no CONFIG of type ml.config.Config.")
    return checked(config)


def checked(config: Config) -> Config:
    """The config itself. Raises ConfigError where its values are wrong or don't work together."""
    from_dict(to_dict(config))
    return config


def experiments() -> list[str]:
    """Names of the experiments that come with Wingcheck."""
    folder = Path(__file__).parent / "experiments"
    return sorted(file.stem for file in folder.glob("*.py") if not file.stem.startswith("_"))


def to_dict(config: Config) -> dict[str, Any]:
    """The config as JSON can hold it."""
    return dataclasses.asdict(config)


def from_dict(value: Mapping[str, Any]) -> Config:
    """The config that :func:`to_dict` returned. Raises ConfigError for missing, unknown or wrong values, all at once."""
    try:
        config = _adapter().validate_json(json.dumps(value, default=str), strict=True)
    except ValidationError as error:
        raise ConfigError("\n".join(_problems(error))) from error
    if problems := list(_contradictions(config)):
        raise ConfigError("\n".join(problems))
    return config


@cache
def _adapter() -> TypeAdapter[Config]:
    return TypeAdapter(Config)


def _problems(error: ValidationError) -> list[str]:
    """A line per mistake, beginning with its key."""
    lines: dict[str, str] = {}
    for problem in error.errors(include_url=False):
        path, known = _located(problem["loc"])
        message = "is missing" if problem["type"] == "missing" else problem["msg"].removeprefix("Value error, ")
        if problem["type"] in {"unexpected_keyword_argument", "extra_forbidden"}:
            message = f"unknown key; {_nearest(str(problem['loc'][-1]), known)}"
        elif problem["type"] == "literal_error":
            names = problem["ctx"]["expected"].replace(" or ", ", ").replace("'", "").split(", ")
            message = f"{problem['input']!r} is unknown; {_nearest(str(problem['input']), names)}"
        lines.setdefault(path, f"{path}: {message}")
    return list(lines.values())


def _located(place: tuple[int | str, ...]) -> tuple[str, list[str]]:
    """The path of keys to a mistake, without pydantic's names of the types it tried; and the keys known beside the last."""
    kind: Any = Config
    known: list[str] = []
    path = "config"
    for part in place:
        if isinstance(part, int):
            path += f"[{part}]"
            continue
        if not dataclasses.is_dataclass(kind):
            break
        hints = typing.get_type_hints(kind)
        path, known = f"{path}.{part}", sorted(hints)
        options = (hints.get(part), *typing.get_args(hints.get(part)))
        kind = next((option for option in options if dataclasses.is_dataclass(option)), None)
    return path, known


def _contradictions(config: Config) -> Iterable[str]:
    """Values that don't work together. What needs the data is checked where the data are read."""
    species, weights = config.species, config.optimisation.class_weights
    if len(species.labels) == 1 or len(set(species.labels)) != len(species.labels):
        yield "config.species.labels: give at least two different labels, or none for all that the data have."
    if species.several and len(species.labels) > MOST_LABELS:
        yield f"config.species.several: works with at most {MOST_LABELS} labels."
    if not 0 < species.calibration + species.test < 1:
        yield "config.species: calibration and test are shares that leave something to train on."
    if isinstance(weights, Mapping) and species.labels:
        for label in weights.keys() - set(species.labels):
            yield f"config.optimisation.class_weights.{label}: unknown key; {_nearest(label, species.labels)}"
    if config.architecture not in architectures():
        yield f"config.architecture: {config.architecture!r} is unknown; {_nearest(config.architecture, architectures())}"
        return
    options = options_of(config.architecture)
    for option in config.architecture_options.keys() - options.keys():
        yield f"config.architecture_options.{option}: unknown key; {_nearest(option, options)}"


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigError(f"There is no config file {path}.") from error
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} can't be read: {error}") from error


def _merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """``base`` with ``changes``, table by table: a key that only ``base`` has stays."""
    result = dict(base)
    for key, value in changes.items():
        old = result.get(key)
        result[key] = _merged(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return result


def _beside(name: str, base: str) -> str:
    """A base's path is relative to the file that names it."""
    return str(Path(name).parent / base) if base.endswith((".py", ".toml")) else base


def _module(name: str) -> types.ModuleType:
    if name.endswith(".py"):
        spec = importlib.util.spec_from_file_location(Path(name).stem, name)
        if spec is None or spec.loader is None or not Path(name).is_file():
            raise ConfigError(f"There is no config file {name}.")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module
    if not name.isidentifier():
        raise ConfigError(f"{name!r} is neither the name of an experiment nor the path of a .py or .toml file.")
    try:
        return importlib.import_module(f"ml.experiments.{name}")
    except ModuleNotFoundError as error:
        raise ConfigError(f"There is no experiment {name}; there are {', '.join(experiments())}.") from error


def _parsed(text: str) -> Any:
    if text.lower() in {"none", "null", ""}:
        return None
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return {"True": True, "False": False}.get(text, text)
