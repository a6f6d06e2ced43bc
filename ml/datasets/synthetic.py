"""Pictures that need no camera: plain ones that are never a butterfly, and drawn ones for tests."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

PLAIN_KINDS = ("colour", "gradient", "noise", "blur", "stripes")


def plain_picture(kind: str, size: int, random: np.random.Generator) -> np.ndarray:
    """A wall, a sky, a lens cap: uint8 ``(size, size, 3)`` of one of PLAIN_KINDS. Raises ValueError for another."""
    first, second = random.uniform(0, 255, (2, 3))
    if kind == "colour":
        picture = np.tile(first, (size, size, 1)) + random.normal(0, random.uniform(0, 6), (size, size, 3))
    elif kind == "gradient":
        picture = _ramp(size, random)[..., None] * (second - first) + first
    elif kind == "noise":
        picture = first + random.normal(0, random.uniform(10, 80), (size, size, 3))
    elif kind == "blur":
        cells = int(random.integers(2, 9))
        coarse = Image.fromarray(random.integers(0, 256, (cells, cells, 3)).astype(np.uint8))
        picture = np.asarray(coarse.resize((size, size), Image.Resampling.BICUBIC), dtype=np.float64)
    elif kind == "stripes":
        wave = np.sin(_ramp(size, random) * math.pi * random.uniform(3, 30))
        picture = np.where(wave[..., None] > 0, first, second)
    else:
        raise ValueError(f"no plain picture of kind {kind!r}; there are {', '.join(PLAIN_KINDS)}")
    return np.clip(picture, 0, 255).astype(np.uint8)


def plain_pictures(count: int, size: int, seed: int) -> np.ndarray:
    """``count`` plain pictures, uint8 ``(count, size, size, 3)``, the kinds in turn."""
    random = np.random.default_rng(seed)
    kinds = [PLAIN_KINDS[index % len(PLAIN_KINDS)] for index in range(count)]
    if not kinds:
        return np.zeros((0, size, size, 3), np.uint8)
    return np.stack([plain_picture(kind, size, random) for kind in kinds])


def _ramp(size: int, random: np.random.Generator) -> np.ndarray:
    """0…1 across the square in a random direction, ``(size, size)``."""
    angle = random.uniform(0, 2 * math.pi)
    rows, columns = np.mgrid[0:size, 0:size] / max(1, size - 1)
    ramp = np.asarray(rows * math.sin(angle) + columns * math.cos(angle))
    return (ramp - ramp.min()) / max(1e-9, float(np.ptp(ramp)))


def drawn_butterfly(*, orange: bool, spots: int, size: int, random: np.random.Generator) -> Image.Image:
    """A simple butterfly on a soft background: brown or orange wings, ``spots`` white pupils in each eye-spot."""
    background = plain_picture("blur", size, random) // 3 + np.array([40, 90, 30], np.uint8)
    image = Image.fromarray(background.astype(np.uint8))
    draw = ImageDraw.Draw(image)
    wing = (214, 128, 40) if orange else (104, 74, 48)
    centre = size / 2 + random.uniform(-size / 12, size / 12)
    reach = size * random.uniform(0.28, 0.38)
    for side in (-1, 1):
        tip = (centre + side * reach, centre - reach * 0.8)
        low = (centre + side * reach * 0.8, centre + reach * 0.7)
        draw.polygon([(centre, centre), tip, (centre + side * reach, centre), low], fill=wing, outline=(70, 48, 30))
        eye = (centre + side * reach * 0.72, centre - reach * 0.35)
        _dot(draw, eye, reach * 0.17, (20, 16, 12))
        for pupil in range(spots):
            _dot(draw, (eye[0], eye[1] + (pupil - (spots - 1) / 2) * reach * 0.13), reach * 0.05, (255, 255, 255))
    draw.line(
        [(centre, centre - reach * 0.5), (centre, centre + reach * 0.5)], fill=(50, 36, 24), width=max(1, size // 30)
    )
    return image.rotate(random.uniform(-30, 30), fillcolor=(60, 110, 50)).filter(ImageFilter.GaussianBlur(0.4))


def _dot(draw: ImageDraw.ImageDraw, centre: tuple[float, float], radius: float, colour: tuple[int, int, int]) -> None:
    x, y = centre
    draw.ellipse([x - radius, y - radius, x + radius, y + radius], fill=colour)


def write_drawn_folder(root: Path, *, per_label: int, outsiders: int, size: int = 75, seed: int = 1) -> Path:
    """Write a data folder of drawn pictures in both layouts, so that training can be tried without any photo.

    ``root/pair`` gets ``per_label`` pictures each of two labels, ``root/other`` gets ``outsiders`` plain pictures.
    The same arguments give the same bytes. Returns ``root``.
    """
    random = np.random.default_rng(seed)
    rows = []
    for label, orange, spots in (("maniola_jurtina", False, 1), ("pyronia_tithonus", True, 2)):
        (root / "pair" / label).mkdir(parents=True, exist_ok=True)
        for number in range(1, per_label + 1):
            path = f"{label}/{number:04}.jpg"
            picture = drawn_butterfly(orange=orange, spots=spots, size=size, random=random)
            picture.save(root / "pair" / path, "JPEG", quality=90)
            rows.append([path, label, str(number), "train", "0", f"{label}-{number}", "ok"])
    columns = ["path", "label", "sequence", "published_split", "duplicate", "near_duplicate_group", "screening"]
    _write(root / "pair" / "labels.csv", columns, rows)
    (root / "other" / "plain").mkdir(parents=True, exist_ok=True)
    rows = []
    for number in range(outsiders):
        kind = PLAIN_KINDS[number % len(PLAIN_KINDS)]
        path = f"plain/{number:04}.jpg"
        Image.fromarray(plain_picture(kind, size, random)).save(root / "other" / path, "JPEG", quality=90)
        rows.append([path, "object", kind, "drawn"])
    _write(root / "other" / "labels.csv", ["path", "kind", "label", "set"], rows)
    return root


def _write(table: Path, columns: list[str], rows: list[list[str]]) -> None:
    with table.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(columns)
        writer.writerows(rows)
