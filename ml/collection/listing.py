"""A photo as Flickr's search lists it, made safe to keep: nothing in it is trusted."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

from ml.collection.sizes import SIZES, Offer

EXTRAS = ",".join(
    ["license", "date_upload", "date_taken", "owner_name", "geo", "tags", "media", *(size.suffix for size in SIZES)]
)
_IDENTIFIER = re.compile(r"\d{1,20}", re.ASCII)
_OWNER = re.compile(r"[A-Za-z0-9@_-]{1,64}")


@dataclass(frozen=True)
class Listing:
    """``date_taken`` is the camera's time without zone, ``date_uploaded`` is UTC, both ISO 8601; ``accuracy`` is Flickr's
    from 1 (world) to 16 (street). None where Flickr doesn't say. An ``id`` that is none of Flickr's is replaced by a digest
    behind ``malformed-``; a malformed ``owner`` is empty.
    """

    id: str
    owner: str
    owner_name: str
    title: str
    tags: str
    licence_id: str
    media: str
    date_taken: str | None
    date_uploaded: str | None
    latitude: float | None
    longitude: float | None
    accuracy: int | None
    offers: Mapping[str, Offer]

    @property
    def malformed(self) -> bool:
        """Whether it can't be a photo on Flickr: names made of it would lead anywhere."""
        return not self.owner or not _IDENTIFIER.fullmatch(self.id)

    @property
    def page_url(self) -> str:
        """The photo's page on Flickr, to which every use of the photo must link."""
        return f"https://www.flickr.com/photos/{self.owner}/{self.id}/"


def listing_from(attributes: Mapping[str, str]) -> Listing:
    """What the attributes of a ``<photo>`` element say."""
    located = _whole(attributes.get("accuracy")) not in {None, 0}
    identifier, owner = attributes.get("id", ""), attributes.get("owner", "")
    return Listing(
        id=identifier if _IDENTIFIER.fullmatch(identifier) else _stand_in(identifier),
        owner=owner if _OWNER.fullmatch(owner) else "",
        owner_name=_text(attributes.get("ownername"), 200),
        title=_text(attributes.get("title"), 500),
        tags=_text(attributes.get("tags"), 4000),
        licence_id=attributes.get("license", ""),
        media=attributes.get("media", "photo"),
        date_taken=_taken(attributes),
        date_uploaded=_uploaded(attributes.get("dateupload")),
        latitude=_degrees(attributes.get("latitude"), 90) if located else None,
        longitude=_degrees(attributes.get("longitude"), 180) if located else None,
        accuracy=_whole(attributes.get("accuracy")) if located else None,
        offers=_offers(attributes),
    )


def _stand_in(identifier: str) -> str:
    return f"malformed-{hashlib.sha256(identifier.encode(errors='replace')).hexdigest()[:12]}"


def _offers(attributes: Mapping[str, str]) -> dict[str, Offer]:
    found = {}
    for size in SIZES:
        url = attributes.get(size.suffix, "")
        if _is_address(url):
            ending = size.suffix.removeprefix("url_")
            width, height = (_whole(attributes.get(f"{side}_{ending}")) for side in ("width", "height"))
            found[size.suffix] = Offer(size, url, width, height)
    return found


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname)


def _text(value: str | None, most: int) -> str:
    """One line without control characters."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in value or "").split())[:most]


def _whole(value: str | None) -> int | None:
    return int(value) if value and re.fullmatch(r"\d{1,9}", value, re.ASCII) else None


def _degrees(value: str | None, most: float) -> float | None:
    try:
        degrees = float(value or "")
    except ValueError:
        return None
    return degrees if -most <= degrees <= most else None


def _taken(attributes: Mapping[str, str]) -> str | None:
    if attributes.get("datetakenunknown") == "1":  # Flickr then fills in the date of the upload
        return None
    try:
        return datetime.fromisoformat(attributes.get("datetaken", "")).isoformat()
    except ValueError:
        return None


def _uploaded(value: str | None) -> str | None:
    seconds = int(value) if value and re.fullmatch(r"\d{1,11}", value, re.ASCII) else None
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
