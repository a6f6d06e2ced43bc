"""The register of architectures, so that a config and a manifest can name one."""

from __future__ import annotations

import difflib
import importlib
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from ml.architectures.task import Scaling, Task
from ml.backend import tensorflow

# A keras.Model from float32 pixels (n, size, size, 3), 0…255, to a dict of
#   species      (n, 1) for two labels, else (n, k): logits
#   scope        (n, 1): logit of showing one of the labels
#   subjects     (n, s): logits of what other subject it shows; only where a config trains on them
#   embedding    (n, d)
#   feature_map  (n, h, w, c)
Network = Any
Builder = Callable[..., Network]

_FAMILIES = ("article", "basic_cnn", "dense", "efficientnet", "fashion", "mobilenet", "resnet", "vgg")
_builders: dict[str, Builder] = {}


def register(builder: Builder) -> Builder:
    """Make a builder known under its function's name. It takes a Task and keywords of its own."""
    _builders[builder.__name__] = builder
    return builder


def architectures() -> list[str]:
    """Names that :func:`build` knows."""
    for family in _FAMILIES:
        importlib.import_module(f"ml.architectures.{family}")
    return sorted(_builders)


def options_of(name: str) -> dict[str, Any]:
    """Keywords of an architecture, with their defaults. Raises ValueError for an unknown architecture."""
    parameters = list(inspect.signature(_builder(name)).parameters.values())[1:]
    return {parameter.name: parameter.default for parameter in parameters}


def summary_of(name: str) -> str:
    """The first line of what an architecture says of itself. Raises ValueError for an unknown one."""
    return (inspect.getdoc(_builder(name)) or "").splitlines()[0]


def build(
    name: str,
    *,
    size: int | None,
    labels: int,
    subjects: int = 0,
    several: bool = False,
    colour: str = "rgb",
    scaling: Scaling = "own",
    options: Mapping[str, Any] | None = None,
) -> Network:
    """A fresh network.

    Args:
        name: of an architecture.
        size: side of its input in pixels; None for a network that takes any size, where it has no layer that counts
            pixels.
        labels: how many; two give one sigmoid logit, more a logit each.
        subjects: how many other subjects to name while training; 0 leaves that output out.
        several: a photo may show several labels at once, so each gets a sigmoid logit of its own.
        colour: "rgb", or "grey": the input stays RGB, the network looks at its brightness.
        scaling: what the network does to pixels first, see :class:`ml.architectures.task.Task`.
        options: keywords of that architecture; an unknown one raises TypeError.

    Raises:
        ValueError: no architecture has this name, or it can't have this input.
    """
    builder, given = _builder(name), dict(options or {})
    unknown = sorted(set(given) - set(options_of(name)))
    if unknown:
        raise TypeError(f"{name} has no option {unknown[0]!r}{nearest(unknown[0], options_of(name))}")
    units = 1 if labels == 2 and not several else labels
    return builder(Task(size, units, subjects, colour, scaling), **given)


def parameters(network: Network) -> int:
    """How many numbers the network learnt or counted to name species: without the heads for scope and subjects."""
    heads = [layer for layer in network.layers if layer.name in {"scope", "subjects"}]
    return int(network.count_params()) - sum(int(layer.count_params()) for layer in heads)


def count_parameters(name: str, size: int, labels: int) -> int:
    """:func:`parameters` of a freshly built architecture."""
    options = {"weights": None} if "weights" in options_of(name) else {}
    counted = parameters(build(name, size=size, labels=labels, options=options))
    tensorflow().keras.backend.clear_session()
    return counted


def nearest(word: str, known: Mapping[str, Any] | list[str]) -> str:
    """`` (did you mean x?)`` for a misspelt word, or what there is."""
    close = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; there are {', '.join(sorted(known))}"


def _builder(name: str) -> Builder:
    if name not in architectures():
        raise ValueError(f"there is no architecture {name!r}{nearest(name, architectures())}")
    return _builders[name]
