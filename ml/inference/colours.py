"""From the colours that a photo is stored in to sRGB, in which the network learnt and pages are shown.

Phones store photos in Display P3, cameras in Adobe RGB. Taken for sRGB, an orange wing turns ochre.
"""

from __future__ import annotations

import io
import logging
import struct
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
from PIL import Image, ImageCms

_log = logging.getLogger(__name__)

# Profiles of printing presses take one or two megabytes, those of cameras and screens a few kilobytes.
_LARGEST = 4_000_000
_LARGEST_KEPT = 64_000
_INPUT_CLASSES = {b"scnr", b"mntr", b"prtr", b"spac"}
_MODES = {b"RGB ": "RGB", b"GRAY": "L", b"CMYK": "CMYK"}
_NO_DIFFERENCE = 2
_SRGB = ImageCms.createProfile("sRGB")

_SRGB_PRIMARIES, _UNSPECIFIED_PRIMARIES = 1, 2
_D65_TO_D50 = np.array(  # Bradford, as in sRGB's own profile
    [[1.0478112, 0.0228866, -0.0501270], [0.0295424, 0.9904844, -0.0170491], [-0.0092345, 0.0150436, 0.7521316]]
)


def profile_of(info: Mapping[Any, object]) -> bytes | None:
    """The ICC profile in an opened photo's ``info``; one made from the primaries where a HEIC names only those; None for
    none.
    """
    profile = info.get("icc_profile")
    if isinstance(profile, bytes):
        return profile
    named = info.get("nclx_profile")
    return _profile_of_primaries(named) if isinstance(named, Mapping) else None


def to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """A picture of mode L, RGB or CMYK in sRGB, mode RGB. A profile that is damaged, too large, absurd or made for another
    mode counts as none. The given picture may be changed.
    """
    transform = None
    if profile is not None and 128 < len(profile) <= _LARGEST:
        mode = _MODES.get(profile[16:20])
        if image.mode == "L" and mode == "RGB":
            image = image.convert("RGB")
        if image.mode == mode:
            transform = (_kept if len(profile) <= _LARGEST_KEPT else _built)(profile, mode)
    if transform is None:
        return image if image.mode == "RGB" else image.convert("RGB")
    if image.mode != "RGB":
        return ImageCms.applyTransform(image, transform)  # type: ignore[return-value]  # None only in place
    ImageCms.applyTransform(image, transform, inPlace=True)
    return image


@lru_cache(maxsize=32)
def _kept(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    return _built(profile, mode)


def _built(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """From the profile's colours to sRGB; None where the profile can't be used or makes no difference.

    Relative colorimetric: colours that sRGB has come out as they were meant, white as white.
    """
    if profile[36:40] != b"acsp" or profile[12:16] not in _INPUT_CLASSES:
        return None
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        transform = ImageCms.buildTransform(source, _SRGB, mode, "RGB", ImageCms.Intent.RELATIVE_COLORIMETRIC)
        before = _samples(mode)
        after = np.asarray(ImageCms.applyTransform(before, transform), np.int16)
    except Exception as error:  # whatever the library says of a stranger's profile, the photo is shown without it
        _log.info("unusable colour profile: %r", error)
        return None
    white, black = after[0, -1], after[0, 0]
    if mode == "CMYK":
        white, black = black, white
    if white.min() < 128 or black.mean() >= white.mean():
        return None
    if mode != "CMYK" and np.abs(after - np.asarray(before.convert("RGB"), np.int16)).max() <= _NO_DIFFERENCE:
        return None
    return transform


def _samples(mode: str) -> Image.Image:
    """Colours from all over, in one row: all channels at nothing first, all channels full last."""
    steps = np.linspace(0, 255, 9 if mode == "RGB" else 33 if mode == "L" else 2).astype(np.uint8)
    axes = np.meshgrid(*[steps] * len(mode), indexing="ij")
    return Image.frombytes(mode, (axes[0].size, 1), np.stack(axes, axis=-1).tobytes())


def _profile_of_primaries(named: Mapping[str, object]) -> bytes | None:
    """An ICC profile for the primaries of an nclx box, with sRGB's tone curve and D65 as white; None where they are sRGB's
    or unknown.
    """
    if named.get("color_primaries") in {_SRGB_PRIMARIES, _UNSPECIFIED_PRIMARIES}:
        return None
    try:
        points = [[float(named[f"color_primary_{name}_{axis}"]) for axis in "xy"] for name in ("red", "green", "blue")]  # type: ignore[arg-type]
        xyz = np.array([[x / y, 1.0, (1 - x - y) / y] for x, y in points]).T
        white = np.array([0.3127 / 0.3290, 1.0, (1 - 0.3127 - 0.3290) / 0.3290])
        columns = _D65_TO_D50 @ (xyz * np.linalg.solve(xyz, white))
        return _matrix_profile(columns)
    except (KeyError, TypeError, ValueError, ZeroDivisionError, OverflowError, struct.error, np.linalg.LinAlgError):
        return None


def _matrix_profile(columns: np.ndarray) -> bytes:
    """The least ICC profile: ``columns`` (3, 3), in XYZ relative to D50, of red, green and blue; sRGB's tone curve."""
    curve = b"para\0\0\0\0\0\3\0\0" + _fixed(2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
    tags = {b"wtpt": b"XYZ \0\0\0\0" + _fixed(0.9642, 1.0, 0.8249)}
    for name, column in zip(b"rgb", columns.T, strict=True):
        tags[bytes((name,)) + b"XYZ"] = b"XYZ \0\0\0\0" + _fixed(*column)
        tags[bytes((name,)) + b"TRC"] = curve
    at, table, body = 132 + 12 * len(tags), b"", b""
    for tag, value in tags.items():
        table += tag + struct.pack(">II", at + len(body), len(value))
        body += value
    size = at + len(body)
    header = struct.pack(">I4sI12s12x4s28x", size, b"none", 0x04000000, b"mntrRGB XYZ ", b"acsp")
    return header + _fixed(0.9642, 1.0, 0.8249) + bytes(48) + struct.pack(">I", len(tags)) + table + body


def _fixed(*numbers: float) -> bytes:
    """ICC's s15Fixed16 numbers."""
    return struct.pack(f">{len(numbers)}i", *(round(number * 65536) for number in numbers))
