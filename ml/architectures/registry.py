"""The register of architectures, so that a config and a manifest can name one."""

from __future__ import annotations

import difflib
import importlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from ml.architectures.task import Task
from ml.backend import tensorflow

# A keras.Model from float32 pixels (n, size, size, 3), 0…255, to a dict of
#   species      (n, 1) for two labels, else (n, k): logits
#   scope        (n, 1): logit of showing one of the labels
#   subjects     (n, s): logits of what other subject it shows; only where a config trains on them
#   embedding    (n, d)
#   feature_map  (n, h, w, c)
Network = Any
Builder = Callable[..., Network]


@dataclass(frozen=True)
class FineTuning:
    """How a network with a backbone starts, and what of the backbone learns.

    ``weights``: "imagenet" downloads them; a path reads a file of the backbone's weights; None starts from chance. ``freeze``:
    how many of the backbone's layers, from the input, do not learn; "all" of them. ``dropout``: on the pooled features.
    ``batch_statistics``: whether batch normalisation learns; None for only from chance, because a few hundred photos are too
    few to estimate again what came with weights.
    """

    weights: str | None = "imagenet"
    freeze: int | str = 0
    dropout: float = 0.0
    batch_statistics: bool | None = None

    @property
    def learns_statistics(self) -> bool:
        """Whether batch normalisation learns."""
        return self.weights is None if self.batch_statistics is None else self.batch_statistics


_FAMILIES = ("fine_tuned", "small")
_builders: dict[str, tuple[Builder, FineTuning | None]] = {}


def register(tuning: FineTuning | None = None) -> Callable[[Builder], Builder]:
    """Make a builder known under its function's name. It takes a Task, with ``tuning`` a FineTuning that defaults to this, and
    keywords of its own.
    """

    def remember(builder: Builder) -> Builder:
        _builders[builder.__name__] = builder, tuning
        return builder

    return remember


def architectures() -> list[str]:
    """Names that :func:`build` knows."""
    for family in _FAMILIES:
        importlib.import_module(f"ml.architectures.{family}")
    return sorted(_builders)


def options_of(name: str) -> dict[str, Any]:
    """Keywords of an architecture, with their defaults. Raises ValueError for an unknown architecture."""
    builder, tuning = _builder(name)
    parameters = inspect.signature(builder).parameters.values()
    own = {
        parameter.name: parameter.default
        for parameter in parameters
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY
    }
    return own if tuning is None else asdict(tuning) | own


def summary_of(name: str) -> str:
    """The first line of what an architecture says of itself. Raises ValueError for an unknown one."""
    return (inspect.getdoc(_builder(name)[0]) or "").splitlines()[0]


def build(
    name: str, *, labels: int, several: bool = False, options: Mapping[str, Any] | None = None, **task: Any
) -> Network:
    """A fresh network.

    Args:
        name: of an architecture.
        labels: how many; two give one sigmoid logit, more a logit each.
        several: a photo may show several labels at once, so each gets a sigmoid logit of its own.
        options: keywords of that architecture; an unknown one raises TypeError.
        task: ``size``, ``subjects``, ``colour`` and ``scaling``, see :class:`ml.architectures.task.Task`.

    Raises:
        ValueError: no architecture has this name, or it can't have this input.
    """
    (builder, tuning), keywords = _builder(name), dict(options or {})
    unknown = sorted(set(keywords) - set(options_of(name)))
    if unknown:
        raise TypeError(f"{name} has no option {unknown[0]!r}{nearest(unknown[0], options_of(name))}")
    units = 1 if labels == 2 and not several else labels
    target = Task(units=units, **task)
    if tuning is None:
        return builder(target, **keywords)
    shared = {field.name: keywords.pop(field.name) for field in fields(tuning) if field.name in keywords}
    return builder(target, replace(tuning, **shared), **keywords)


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


def _builder(name: str) -> tuple[Builder, FineTuning | None]:
    if name not in architectures():
        raise ValueError(f"there is no architecture {name!r}{nearest(name, architectures())}")
    return _builders[name]
