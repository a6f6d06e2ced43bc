"""What can be said of a photo from its listing alone, before it is fetched."""

from __future__ import annotations

from collections.abc import Mapping

from ml.collection.licences import Licence
from ml.collection.listing import Listing
from ml.collection.manifest import PhotoRow, Status
from ml.collection.request import CollectRequest, Keyword
from ml.collection.sizes import Choice, choose


def photo_row(listing: Listing, keyword: Keyword, request: CollectRequest, licences: Mapping[str, Licence]) -> PhotoRow:
    """The manifest's row for a listed photo: waiting to be fetched, or skipped with the reason."""
    licence = licences.get(listing.licence_id) or Licence(listing.licence_id, None, "unknown", "")
    choice = choose(listing.offers, request.wanted_size, request.if_missing)
    reason, detail = _objection(listing, licence, request, choice)
    status: Status = "waiting" if reason is None else "skipped"
    offer = choice.offer
    return PhotoRow(
        id=listing.id,
        owner_nsid=listing.owner,
        owner_name=listing.owner_name,
        title=listing.title,
        tags=listing.tags,
        licence_id=licence.id,
        licence_name=licence.title,
        licence_url=licence.url,
        page_url="" if listing.malformed else listing.page_url,
        image_url=offer.url if offer else None,
        size_name=offer.size.name if offer else None,
        width=offer.width if offer else None,
        height=offer.height if offer else None,
        date_taken=listing.date_taken,
        date_uploaded=listing.date_uploaded,
        latitude=listing.latitude,
        longitude=listing.longitude,
        accuracy=listing.accuracy,
        keyword=keyword.text,
        taxon=keyword.taxon,
        status=status,
        reason=reason,
        detail=detail,
    )


def _objection(
    listing: Listing, licence: Licence, request: CollectRequest, choice: Choice
) -> tuple[str | None, str | None]:
    if listing.malformed:
        return "malformed", "its identifier or its owner's is none of Flickr's"
    if listing.media != "photo":
        return "not a photo", f"Flickr calls it a {listing.media[:20]}"
    if licence.name not in request.licences:
        return "licence not wanted", licence.title
    if choice.offer is None:
        return "size missing", choice.reason
    sides = [side for side in (choice.offer.width, choice.offer.height) if side is not None]
    if sides and min(sides) < request.min_side:
        return "too small", f"{min(sides)} pixels, at least {request.min_side} are wanted on each side"
    return None, choice.reason
