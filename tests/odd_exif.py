"""Photos with odd EXIF, and the day and place that everybody must read in them: the form's script, the form without script, and
the interface for programs. docs/day-and-place.md lists the same table.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from PIL import Image

from tests.factories import photo

SUMMER, EDITED = "2026:07:19 14:03:22", "2026:11:20 12:00:00"
DAY = date(2026, 7, 19)
UNSET = "0000:00:00 00:00:00"
AHEAD = f"{date.today() + timedelta(days=400):%Y:%m:%d} 12:00:00"
HERE = (52, 5, 24), (5, 7, 12)
NORTH_EAST, NORTH_WEST, SOUTH_WEST = (52.09, 5.12), (52.09, -5.12), (-52.09, -5.12)
ORIGINAL, DIGITISED, CHANGED = 0x9003, 0x9004, 0x0132


@dataclass(frozen=True)
class Odd:
    """``times``: text by tag. ``spot``: degrees, minutes and seconds, twice. ``letters``: of latitude, longitude."""

    name: str
    day: date | None = None
    place: tuple[float, float] | None = None
    times: dict[int, str] | None = None
    spot: tuple[Any, Any] | None = None
    letters: tuple[Any, Any] = ("N", "E")

    def photo(self, seed: int) -> bytes:
        """A drawn butterfly with this EXIF."""
        exif = Image.Exif()
        for tag, text in (self.times or {}).items():
            (exif if tag == CHANGED else exif.get_ifd(0x8769))[tag] = text
        if self.spot is not None:
            gps = exif.get_ifd(0x8825)
            for tag, value in ((1, self.letters[0]), (2, self.spot[0]), (3, self.letters[1]), (4, self.spot[1])):
                if value is not None:
                    gps[tag] = value
        data = photo(seed, exif=exif)
        for made, meant in _BROKEN.items():  # Pillow writes no fraction by zero
            data = data.replace(made, meant)
        return data


def _fraction(numerator: int, denominator: int) -> bytes:
    return numerator.to_bytes(4, "big") + denominator.to_bytes(4, "big")


NOUGHT, ENDLESS = 400400, 500500
_BROKEN = {
    _fraction(NOUGHT, 1): _fraction(0, 0),
    _fraction(ENDLESS, 1): _fraction(5, 0),
}


def _times(name: str, day: date | None, *texts: str | None) -> Odd:
    """``texts``: DateTimeOriginal, DateTimeDigitized, DateTime."""
    tags = (ORIGINAL, DIGITISED, CHANGED)
    return Odd(name, day, times={tag: text for tag, text in zip(tags, texts, strict=True) if text is not None})


def _letters(name: str, place: tuple[float, float] | None, *letters: Any) -> Odd:
    return Odd(name, place=place, spot=HERE, letters=(letters[0], letters[1]))


def _spot(name: str, latitude: Any, longitude: Any, place: tuple[float, float] | None = None) -> Odd:
    return Odd(name, place=place, spot=(latitude, longitude))


ODD = [
    _times("taken", DAY, SUMMER, None, None),
    _times("taken, edited", DAY, SUMMER, None, EDITED),
    _times("digitised, edited", DAY, None, SUMMER, EDITED),
    _times("edited only", None, None, None, EDITED),
    _times("zeros, then digitised", DAY, UNSET, SUMMER, EDITED),
    _times("blanks, then digitised", DAY, "    :  :     :  :  ", SUMMER, None),
    _times("30 February, then digitised", DAY, "2026:02:30 10:00:00", SUMMER, None),
    _times("month 13, then digitised", DAY, "2026:13:01 10:00:00", SUMMER, None),
    _times("hour 24, then digitised", DAY, "2026:07:20 24:00:00", SUMMER, None),
    _times("1980, then digitised", DAY, "1980:01:01 00:00:00", SUMMER, None),
    _times("future, then digitised", DAY, AHEAD, SUMMER, None),
    _times("future only", None, AHEAD, None, None),
    _times("zeros only", None, UNSET, UNSET, EDITED),
    _times("another notation", None, "19/07/2026", None, None),
    _times("no time", None, "2026:07:19", None, None),
    _letters("N and E", NORTH_EAST, "N", "E"),
    _letters("W", NORTH_WEST, "N", "W"),
    _letters("West", NORTH_WEST, "North", "West"),
    _letters("small letters", SOUTH_WEST, "s", "w"),
    _letters("spaces", SOUTH_WEST, " S ", "\tW"),
    _letters("no letter of longitude", None, "N", None),
    _letters("no letter of latitude", None, None, "E"),
    _letters("empty letter", None, "N", ""),
    _letters("letters changed about", None, "E", "N"),
    _letters("O for east or west", None, "N", "O"),
    _spot("nought and nought", (0, 0, 0), (0, 0, 0)),
    _spot("on the equator", (0, 0, 0), HERE[1], (0.0, 5.12)),
    _spot("latitude 91", (91, 0, 0), HERE[1]),
    _spot("longitude 181", HERE[0], (181, 0, 0)),
    _spot("0/0 seconds", (HERE[0][0], HERE[0][1], NOUGHT), HERE[1]),
    _spot("5/0 minutes", (HERE[0][0], ENDLESS, HERE[0][2]), HERE[1]),
    _spot("degrees alone", (52,), HERE[1]),
    _spot("latitude only", HERE[0], None),
]
