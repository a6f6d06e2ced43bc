"""The sizes in which Flickr keeps a photo, by plain names and by Flickr's own, and which one to take.

Source: https://www.flickr.com/services/api/misc.urls.html; the suffixes are those of the ``url_…`` extras of
``flickr.photos.search``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

IfMissing = Literal["exact", "skip", "larger", "smaller", "nearest"]


@dataclass(frozen=True)
class Size:
    """``suffix`` is Flickr's (``url_z``); ``side`` is the longest side in pixels, 0 for the original, whose is unknown.

    The two squares are cut out of the photo, every other size shows all of it.
    """

    name: str
    suffix: str
    side: int
    cropped: bool = False


SIZES = (
    Size("square-75", "url_sq", 75, cropped=True),
    Size("square-150", "url_q", 150, cropped=True),
    Size("thumbnail", "url_t", 100),
    Size("small-240", "url_s", 240),
    Size("small-320", "url_n", 320),
    Size("medium-500", "url_m", 500),
    Size("medium-640", "url_z", 640),
    Size("medium-800", "url_c", 800),
    Size("large-1024", "url_l", 1024),
    Size("large-1600", "url_h", 1600),
    Size("large-2048", "url_k", 2048),
    Size("original", "url_o", 0),
)
# What people call them too: the names on Flickr's pages, without their pixels.
_ALIASES = {"square": "square-75", "large-square": "square-150", "small": "small-240", "medium": "medium-500"}
_ALIASES |= {"large": "large-1024"}


@dataclass(frozen=True)
class Offer:
    """One size of one photo, as Flickr lists it. Pixels are None where Flickr doesn't say."""

    size: Size
    url: str
    width: int | None
    height: int | None


@dataclass(frozen=True)
class Choice:
    """What is taken (None: nothing) and why, where it is not simply what was asked for."""

    offer: Offer | None
    reason: str | None


def size_named(name: str) -> Size:
    """The size called ``name``: ``medium-640``, ``medium 640``, ``url_z`` or ``z``.

    Raises:
        ValueError: there is none; the message lists those there are.
    """
    key = name.strip().lower().replace(" ", "-").replace("_", "-")
    key = _ALIASES.get(key, key)
    for size in SIZES:
        suffix = size.suffix.replace("_", "-")
        if key in {size.name, suffix, suffix.removeprefix("url-")}:
            return size
    known = ", ".join(f"{size.name} ({size.suffix})" for size in SIZES)
    raise ValueError(f"{name!r} is no size; there are {known}")


def candidates(wanted: Size, if_missing: IfMissing) -> list[Size]:
    """The sizes to try, best first. A square is only replaced by the other square: the rest is framed differently."""
    ladder = [size for size in SIZES if size.cropped == wanted.cropped]
    at = ladder.index(wanted)
    larger, smaller = ladder[at + 1 :], ladder[:at][::-1]
    others = {"larger": larger, "smaller": smaller, "nearest": [*larger, *smaller]}.get(if_missing, [])
    return [wanted, *others]


def choose(offers: Mapping[str, Offer], wanted: Size, if_missing: IfMissing) -> Choice:
    """Which of the sizes that Flickr offers of a photo to take.

    Args:
        offers: by suffix.
        wanted: the size that was asked for.
        if_missing: ``larger`` takes the nearest larger one, ``smaller`` the nearest smaller one, ``nearest`` a larger
            one or else a smaller one; ``exact`` and ``skip`` take nothing else.
    """
    for size in candidates(wanted, if_missing):
        offer = offers.get(size.suffix)
        if offer is not None:
            note = None if size == wanted else f"{wanted.name} is not offered, took {size.name}"
            return Choice(offer, note)
    tried = {"larger": ", nor a larger one", "smaller": ", nor a smaller one", "nearest": ", nor another"}
    return Choice(None, f"{wanted.name} is not offered{tried.get(if_missing, '')}")
