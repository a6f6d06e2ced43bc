"""Colour profiles for tests, written here: cameras' and screens' spaces as matrices and as tables, grey, and four inks."""

import itertools
import struct
from dataclasses import dataclass

import numpy as np

# What the animals look like, in sRGB: the orange of a wing, its brown, the green of a meadow.
PATCHES = ((222, 120, 32), (104, 72, 44), (92, 150, 48))

D65, D50 = (0.3127, 0.3290), (0.3457, 0.3585)
BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])


def _xyz(x: float, y: float) -> np.ndarray:
    return np.array([x / y, 1.0, (1 - x - y) / y])


@dataclass(frozen=True)
class Space:
    """An RGB space: where red, green, blue and white lie, and its gamma."""

    red: tuple[float, float]
    green: tuple[float, float]
    blue: tuple[float, float]
    white: tuple[float, float] = D65
    gamma: float = 2.2

    @property
    def matrix(self) -> np.ndarray:
        """From linear RGB to XYZ relative to D50."""
        primaries = np.stack([_xyz(*self.red), _xyz(*self.green), _xyz(*self.blue)], axis=1)
        columns = primaries * np.linalg.solve(primaries, _xyz(*self.white))
        scale = (BRADFORD @ _xyz(*D50)) / (BRADFORD @ _xyz(*self.white))
        return np.linalg.inv(BRADFORD) @ np.diag(scale) @ BRADFORD @ columns

    def stored(self, colour: tuple[int, int, int]) -> tuple[int, int, int]:
        """The numbers that stand in a file for a colour that is meant as this in sRGB."""
        linear = np.linalg.solve(self.matrix, SRGB.matrix @ srgb_to_linear(np.array(colour)))
        red, green, blue = np.clip(np.round(255 * np.clip(linear, 0, 1) ** (1 / self.gamma)), 0, 255).astype(int)
        return int(red), int(green), int(blue)

    def shown(self, stored: tuple[float, float, float]) -> tuple[int, int, int]:
        """The other way round, for numbers 0…1."""
        linear = np.linalg.solve(SRGB.matrix, self.matrix @ np.array(stored) ** self.gamma)
        red, green, blue = np.round(linear_to_srgb(linear)).astype(int)
        return int(red), int(green), int(blue)


SRGB = Space((0.64, 0.33), (0.30, 0.60), (0.15, 0.06))
SPACES = {
    "Display P3": Space((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
    "Adobe RGB": Space((0.64, 0.33), (0.21, 0.71), (0.15, 0.06), gamma=563 / 256),
    "ProPhoto": Space((0.7347, 0.2653), (0.1596, 0.8404), (0.0366, 0.0001), white=D50, gamma=1.8),
    "Rec. 2020": Space((0.708, 0.292), (0.170, 0.797), (0.131, 0.046), gamma=2.4),
}


def srgb_to_linear(colour: np.ndarray) -> np.ndarray:
    """From 0…255 to 0…1."""
    value = colour / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def linear_to_srgb(linear: np.ndarray) -> np.ndarray:
    """From 0…1 to 0…255."""
    value = np.clip(linear, 0, 1)
    return 255 * np.where(value <= 0.0031308, 12.92 * value, 1.055 * value ** (1 / 2.4) - 0.055)


def matrix_profile(space: Space, brightness: float = 1) -> bytes:
    """As cameras and screens have it: three colours and a gamma."""
    tags = {b"wtpt": _xyz_tag(_xyz(*D50))}
    for name, column in zip("rgb", space.matrix.T, strict=True):
        tags[f"{name}XYZ".encode()] = _xyz_tag(brightness * column)
        tags[f"{name}TRC".encode()] = _gamma(space.gamma)
    return profile(b"mntrRGB XYZ ", tags)


def table_profile(space: Space, negative: bool = False) -> bytes:
    """As scanners have it: a table from device colours to XYZ; as for a negative, from the opposite ones."""
    corners = [space.matrix @ np.abs(np.array(corner) - negative) for corner in itertools.product((0, 1), repeat=3)]
    return profile(b"scnrRGB XYZ ", {b"wtpt": _xyz_tag(_xyz(*D50)), b"A2B0": _table(space.gamma, 3, 2, corners)})


def grey_profile(gamma: float) -> bytes:
    """One channel."""
    return profile(b"mntrGRAYXYZ ", {b"wtpt": _xyz_tag(_xyz(*D50)), b"kTRC": _gamma(gamma)})


def ink_profile(space: Space) -> bytes:
    """Four inks, of which each takes one colour's light away, and black all."""
    steps = np.linspace(0, 1, 9)
    grid = [space.matrix @ ((1 - np.array([c, m, y])) * (1 - k)) for c, m, y, k in itertools.product(steps, repeat=4)]
    return profile(b"prtrCMYKXYZ ", {b"wtpt": _xyz_tag(_xyz(*D50)), b"A2B0": _table(space.gamma, 4, 9, grid, True)})


def profile(kind: bytes, tags: dict[bytes, bytes]) -> bytes:
    """A profile of a kind (class, space, connection space) from its tags."""
    at, table, body = 132 + 12 * len(tags), b"", b""
    for tag, value in tags.items():
        table += tag + struct.pack(">II", at + len(body), len(value))
        body += value + bytes(-len(value) % 4)
    head = struct.pack(">I4sI12s12x4s28x", at + len(body), b"test", 0x02400000, kind, b"acsp")
    return head + _fixed(_xyz(*D50)) + bytes(48) + struct.pack(">I", len(tags)) + table + body


def _fixed(numbers: np.ndarray) -> bytes:
    return struct.pack(f">{len(numbers)}i", *np.round(numbers * 65536).astype(int))


def _xyz_tag(numbers: np.ndarray) -> bytes:
    return b"XYZ \0\0\0\0" + _fixed(numbers)


def _gamma(gamma: float) -> bytes:
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256))


def _table(gamma: float, channels: int, side: int, points: list[np.ndarray], inverted: bool = False) -> bytes:
    """A mft2 tag: gamma as input curves, then a grid of ``side`` points per channel, of XYZ."""
    ramp = np.linspace(0, 1, 256)
    curve = 1 - (1 - ramp) ** gamma if inverted else ramp**gamma
    identity = np.eye(3) * 65536
    head = b"mft2\0\0\0\0" + bytes((channels, 3, side, 0)) + struct.pack(">9i", *identity.astype(int).ravel())
    values = np.concatenate([*[curve * 65535] * channels, np.ravel(points) * 32768, [0, 65535] * 3])
    return head + struct.pack(">HH", 256, 2) + np.clip(np.round(values), 0, 65535).astype(">u2").tobytes()
