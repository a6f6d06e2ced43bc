"""A photo as Flickr's search lists it, as a row of the manifest: nothing in it is trusted."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from ml.collection.licences import Licence
from ml.collection.request import CollectRequest, Keyword
from ml.collection.sizes import SIZES, Choice, Offer, choose

EXTRAS = ",".join(
    ["license", "date_upload", "date_taken", "owner_name", "geo", "tags", "media", *(size.suffix for size in SIZES)]
)
_IDENTIFIER = re.compile(r"\d{1,20}", re.ASCII)
_OWNER = re.compile(r"[A-Za-z0-9@_-]{1,64}")


def photo_row(
    attributes: Mapping[str, str], keyword: Keyword, request: CollectRequest, licences: Mapping[str, Licence]
) -> dict[str, Any]:
    """The manifest's row for the attributes of a ``<photo>`` element: waiting to be fetched, or skipped with the reason.

    An ``id`` that is none of Flickr's is replaced by a digest behind ``malformed-``; a malformed ``owner_nsid`` is empty.
    """
    located = _whole(attributes.get("accuracy")) not in {None, 0}
    identifier, owner = attributes.get("id", ""), attributes.get("owner", "")
    malformed = not _IDENTIFIER.fullmatch(identifier) or not _OWNER.fullmatch(owner)
    licence_id = attributes.get("license", "")
    licence = licences.get(licence_id) or Licence(licence_id, None, "unknown", "")
    choice = choose(_offers(attributes), request.wanted_size, request.if_missing)
    offer = choice.offer
    row: dict[str, Any] = {
        "id": identifier if _IDENTIFIER.fullmatch(identifier) else _stand_in(identifier),
        "owner_nsid": owner if _OWNER.fullmatch(owner) else "",
        "owner_name": _text(attributes.get("ownername"), 200),
        "title": _text(attributes.get("title"), 500),
        "tags": _text(attributes.get("tags"), 4000),
        "licence_id": licence.id,
        "licence_name": licence.title,
        "licence_url": licence.url,
        "page_url": "" if malformed else f"https://www.flickr.com/photos/{owner}/{identifier}/",
        "image_url": offer.url if offer else None,
        "size_name": offer.size.name if offer else None,
        "width": offer.width if offer else None,
        "height": offer.height if offer else None,
        "date_taken": _taken(attributes),
        "date_uploaded": _uploaded(attributes.get("dateupload")),
        "latitude": _degrees(attributes.get("latitude"), 90) if located else None,
        "longitude": _degrees(attributes.get("longitude"), 180) if located else None,
        "accuracy": _whole(attributes.get("accuracy")) if located else None,
        "keyword": keyword.text,
        "taxon": keyword.taxon,
    }
    reason, detail = _objection(attributes.get("media", "photo"), licence, request, choice)
    if malformed:
        reason, detail = "malformed", "its identifier or its owner's is none of Flickr's"
    return row | {"status": "skipped" if reason else "waiting", "reason": reason, "detail": detail}


def _objection(media: str, licence: Licence, request: CollectRequest, choice: Choice) -> tuple[str | None, str | None]:
    if media != "photo":
        return "not a photo", f"Flickr calls it a {media[:20]}"
    if licence.name not in request.licences:
        return "licence not wanted", licence.title
    if choice.offer is None:
        return "size missing", choice.reason
    sides = [side for side in (choice.offer.width, choice.offer.height) if side is not None]
    if sides and min(sides) < request.min_side:
        return "too small", f"{min(sides)} pixels, at least {request.min_side} are wanted on each side"
    return None, choice.reason


def _stand_in(identifier: str) -> str:
    return f"malformed-{hashlib.sha256(identifier.encode(errors='replace')).hexdigest()[:12]}"


def _offers(attributes: Mapping[str, str]) -> dict[str, Offer]:
    offers = {}
    for size in SIZES:
        url = attributes.get(size.suffix, "")
        if _is_address(url):
            ending = size.suffix.removeprefix("url_")
            width, height = (_whole(attributes.get(f"{side}_{ending}")) for side in ("width", "height"))
            offers[size.suffix] = Offer(size, url, width, height)
    return offers


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
