"""The register of architectures, so that a config and a manifest can name one."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any

# A keras.Model from float32 pixels (n, size, size, 3), 0…255, to a dict of
#   species      (n, 1) for two labels, else (n, k): logits
#   scope        (n, 1): logit of showing one of the labels
#   subjects     (n, s): logits of what other subject it shows; only where a config trains on them
#   embedding    (n, d)
#   feature_map  (n, h, w, c)
Network = Any
Builder = Callable[..., Network]

_FAMILIES = ("article", "mobilenet")
# What each family scales pixels to, for the manifest; the scaling itself is part of the network.
PIXEL_RANGES = {"article": (0.0, 1.0), "mobilenet_v2": (-1.0, 1.0)}
_builders: dict[str, Builder] = {}


def register(builder: Builder) -> Builder:
    """Make a builder known under its function's name."""
    _builders[builder.__name__] = builder
    return builder


def architectures() -> list[str]:
    """Names that :func:`build` knows."""
    for family in _FAMILIES:
        importlib.import_module(f"ml.architectures.{family}")
    return sorted(_builders)


def build(name: str, *, size: int, labels: int, subjects: int = 0, options: Mapping[str, Any] | None = None) -> Network:
    """A fresh network.

    Args:
        name: of an architecture.
        size: side of its input in pixels.
        labels: how many; two give one sigmoid logit, more a logit each.
        subjects: how many other subjects to name while training; 0 leaves that output out.
        options: keywords of that architecture; an unknown one raises TypeError.

    Raises:
        ValueError: no architecture has this name.
    """
    if name not in architectures():
        raise ValueError(f"there is no architecture {name!r}; there are {', '.join(architectures())}")
    return _builders[name](size=size, units=1 if labels == 2 else labels, subjects=subjects, **(options or {}))
