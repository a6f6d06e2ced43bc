"""Every random change by name, with what it does and a range that shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

FILLS = ("nearest", "reflect", "wrap", "constant")


@dataclass(frozen=True)
class Change:
    """A key of the config's augmentation, what it means in a few words, and a value that can be seen."""

    key: str
    text: str
    example: Any


CHANGES = (
    Change("rotation", "rotation, degrees", 40.0),
    Change("flip", "mirror image", True),
    Change("flip_vertical", "upside down", True),
    Change("quarter_turns", "quarter turns", True),
    Change("shift_x", "width shift", 0.2),
    Change("shift_y", "height shift", 0.2),
    Change("shift", "shift, both ways", 0.2),
    Change("shear", "shear, degrees", 25.0),
    Change("zoom", "zoom in and out", 0.4),
    Change("crop", "crop", 0.4),
    Change("affine", "affine", 0.25),
    Change("perspective", "perspective", 0.2),
    Change("brightness", "brightness", 0.3),
    Change("contrast", "contrast", 0.5),
    Change("hue", "hue", 0.15),
    Change("soften", "soft or sharp", 2.0),
    Change("cutout", "cutout", (0.3, 0.5)),
    Change("mixup", "MixUp", 0.4),
    Change("randaugment", "RandAugment", 2),
)
