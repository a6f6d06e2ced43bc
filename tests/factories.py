"""Pictures for tests, drawn here: no photo of anybody's is in the repository."""

import io
import math
import random
from pathlib import Path

from PIL import Image, ImageDraw, ImageFilter

_DRAWN = Path(__file__).parent.parent / "docs" / "images" / "drawn-photo.jpg"
BROWN, ORANGE, GREEN = (92, 64, 44), (214, 128, 46), (104, 138, 72)


def butterfly(seed: int = 0, size: tuple[int, int] = (400, 300), orange: bool = True) -> Image.Image:
    """A drawn butterfly on green, different for each seed."""
    luck = random.Random(seed)
    width, height = size
    image = Image.new("RGB", size, GREEN)
    draw = ImageDraw.Draw(image)
    for _ in range(200):
        x, y = luck.randrange(width), luck.randrange(height)
        shade = luck.randrange(-25, 25)
        draw.line((x, y, x + luck.randrange(-9, 9), y - luck.randrange(20)), tuple(c + shade for c in GREEN), 2)
    middle, across = (width / 2 + luck.uniform(-9, 9), height / 2 + luck.uniform(-9, 9)), min(size) * 0.36
    for side in (-1, 1):
        for lift, scale in ((-0.55, 1.0), (0.5, 0.75)):
            centre = (middle[0] + side * across * 0.55, middle[1] + lift * across * 0.6)
            radius = across * 0.55 * scale
            _disc(draw, centre, radius, BROWN)
            _disc(draw, centre, radius * 0.66, ORANGE if orange else BROWN)
            if lift < 0:
                spot = (centre[0] + side * radius * 0.3, centre[1] - radius * 0.3)
                _disc(draw, spot, radius * 0.2, (20, 16, 14))
                _disc(draw, spot, radius * 0.06, (250, 250, 245))
    draw.line((middle[0], middle[1] - across * 0.5, middle[0], middle[1] + across * 0.6), (40, 30, 24), 6)
    return image


def _disc(draw: ImageDraw.ImageDraw, centre: tuple[float, float], radius: float, colour: tuple[int, int, int]) -> None:
    x, y = centre
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)


def meadow(
    *places: tuple[int, int], side: int = 900, size: tuple[int, int] = (4000, 3000), seed: int = 0
) -> Image.Image:
    """A 12-megapixel photo of grass, with the butterfly of docs/images/drawn-photo.jpg around each of these places.

    ``side``: of the square around a butterfly, in pixels; its wings fill about half of it.
    """
    luck = random.Random(seed)
    image = Image.new("RGB", size, GREEN)
    draw = ImageDraw.Draw(image)
    for _ in range(5000):
        x, y, shade = luck.randrange(size[0]), luck.randrange(size[1]), luck.randrange(-25, 25)
        draw.line((x, y, x + luck.randrange(-60, 60), y - luck.randrange(160)), tuple(c + shade for c in GREEN), 10)
    with Image.open(_DRAWN) as drawn:
        animal = drawn.convert("RGB").crop((520, 360, 880, 720)).resize((side, side), Image.Resampling.BICUBIC)
    mask = Image.new("L", (side, side), 0)
    ImageDraw.Draw(mask).ellipse((side * 0.06, side * 0.06, side * 0.94, side * 0.94), fill=255)
    mask = mask.filter(ImageFilter.GaussianBlur(side * 0.03))
    for x, y in places:
        image.paste(animal, (x - side // 2, y - side // 2), mask)
    return image


def wall(size: tuple[int, int] = (300, 300)) -> Image.Image:
    """A plain wall with a soft shadow."""
    image = Image.new("RGB", size)
    image.putdata([(190 + int(20 * math.sin(x / 90)),) * 3 for _ in range(size[1]) for x in range(size[0])])
    return image


def encode(image: Image.Image, format: str = "JPEG", **options: object) -> bytes:
    """The picture as a file of that format."""
    out = io.BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


def photo(seed: int = 0, format: str = "JPEG", **options: object) -> bytes:
    """A drawn butterfly as a file."""
    return encode(butterfly(seed), format, **options)


def exif_photo(
    seed: int = 0, taken: str = "2026:07:14 15:30:00", latitude: float | None = 52.37, longitude: float | None = 4.9
) -> bytes:
    """A drawn butterfly as a JPEG with a date and a place in its EXIF."""
    exif = Image.Exif()
    exif[0x0132] = taken
    exif.get_ifd(0x8769)[0x9003] = taken
    if latitude is not None and longitude is not None:
        gps = exif.get_ifd(0x8825)
        gps[1], gps[2] = ("N" if latitude >= 0 else "S"), _sexagesimal(latitude)
        gps[3], gps[4] = ("E" if longitude >= 0 else "W"), _sexagesimal(longitude)
    return photo(seed, exif=exif)


def _sexagesimal(degrees: float) -> tuple[float, float, float]:
    whole = abs(degrees)
    minutes = whole % 1 * 60
    return (int(whole), int(minutes), round(minutes % 1 * 60, 4))
