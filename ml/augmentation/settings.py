"""The settings of all random changes. A new change needs a field here, its function (in geometry, colour or mixing), a test."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field

Fill = Literal["nearest", "reflect", "wrap", "constant"]
Share = Annotated[float, Field(ge=0, le=1)]


def _ascending(value: Any) -> Any:
    if isinstance(value, tuple) and value[0] > value[1]:
        raise ValueError("a range goes from its lower end to its upper end")
    return value


def _share_below(limit: float) -> AfterValidator:
    """A single number must be a share of at least 0 and below the limit."""

    def check(value: Any) -> Any:
        if not isinstance(value, tuple) and not 0 <= value < limit:
            raise ValueError(f"is a share of at least 0 and below {limit:g}")
        return value

    return AfterValidator(check)


# The largest change to either side; or the two ends of the range that values are drawn from.
Range = Annotated[float | tuple[float, float], AfterValidator(_ascending)]
ShareRange = Annotated[Range, _share_below(1)]


@dataclass(frozen=True)
class Change:
    """A random change: its name among the settings, a short description, and a value whose effect is easy to see."""

    key: str
    text: str
    example: Any


def _row(text: str, example: Any) -> dict[str, Any]:
    """Metadata of a field that has a row of its own in the preview."""
    return {"text": text, "example": example}


@dataclass(frozen=True)
class Augmentation:
    """Random changes to training photos, each drawn evenly. A number is the largest change; a pair are the ends between
    which it is drawn, so ``zoom`` 0.2 means 0.8…1.2, and (0.7, 1.0) zooms in only.

    Moves, fused into one: ``rotation`` degrees; ``shift`` share of the side, or ``shift_x`` and ``shift_y`` each by itself;
    ``shear`` degrees; ``zoom`` what is seen, as a share of the side; ``flip`` mirrors every second picture,
    ``flip_vertical`` turns every second upside down, ``quarter_turns`` turns by 0, 90, 180 or 270 degrees; ``crop`` takes
    away up to this share of the sides, from anywhere; ``affine`` and ``perspective`` move corners by up to this share of
    the side. ``fill`` is what lies outside the picture; for "constant" it is ``fill_value``.

    Colours: ``brightness`` share of 255; ``contrast`` 0.2 means 0.8…1.2; ``hue`` share of the colour circle; ``soften``
    share mixed with a blurred copy, towards it or away (sharper).

    ``cutout`` covers a square with up to this share of the side, in the picture's mean colour or ``cutout_value``. ``mixup``
    mixes pictures and their labels, by shares drawn from Beta(mixup, mixup). ``randaugment`` makes so many more changes
    to each picture, drawn from fourteen kinds, with ``magnitude`` 0…1. ``share`` of each batch is changed, the rest is not.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    rotation: Range = field(default=0.0, metadata=_row("rotation, degrees", 40.0))
    shift: Range = field(default=0.0, metadata=_row("shift, both ways", 0.2))
    shear: Range = field(default=0.0, metadata=_row("shear, degrees", 25.0))
    zoom: ShareRange = field(default=0.0, metadata=_row("zoom in and out", 0.4))
    flip: bool = field(default=True, metadata=_row("mirror image", True))
    brightness: Range = field(default=0.0, metadata=_row("brightness", 0.3))
    contrast: Range = field(default=0.0, metadata=_row("contrast", 0.5))
    soften: float = field(default=0.0, metadata=_row("soft or sharp", 2.0))
    shift_x: Range | None = field(default=None, metadata=_row("width shift", 0.2))
    shift_y: Range | None = field(default=None, metadata=_row("height shift", 0.2))
    flip_vertical: bool = field(default=False, metadata=_row("upside down", True))
    quarter_turns: bool = field(default=False, metadata=_row("quarter turns", True))
    crop: ShareRange = field(default=0.0, metadata=_row("crop", 0.4))
    affine: ShareRange = field(default=0.0, metadata=_row("affine", 0.25))
    perspective: Annotated[Range, _share_below(0.5)] = field(default=0.0, metadata=_row("perspective", 0.2))
    fill: Fill = "nearest"
    fill_value: float = 0.0
    hue: ShareRange = field(default=0.0, metadata=_row("hue", 0.15))
    cutout: Annotated[Range, _share_below(2)] = field(default=0.0, metadata=_row("cutout", (0.3, 0.5)))
    cutout_value: float | None = None
    mixup: Annotated[float, Field(ge=0)] = field(default=0.0, metadata=_row("MixUp", 0.4))
    randaugment: Annotated[int, Field(ge=0)] = field(default=0, metadata=_row("RandAugment", 2))
    magnitude: Share = 0.5
    share: Share = 1.0


CHANGES = tuple(Change(setting.name, **setting.metadata) for setting in fields(Augmentation) if setting.metadata)
