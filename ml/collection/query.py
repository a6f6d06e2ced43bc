"""From a request to what ``flickr.photos.search`` is asked, and in which stretches of upload dates.

Flickr gives out the first 4,000 photos of a search at most. Where more are wanted, the search is halved by upload date
until each part is small enough.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from datetime import datetime

from ml.collection.errors import RequestError
from ml.collection.licences import Licence, identifiers
from ml.collection.listing import EXTRAS
from ml.collection.manifest import Search
from ml.collection.request import SAFETY_NUMBERS, CollectRequest, Keyword, Moment, timestamp

_FLICKR_BEGAN = 1_075_600_000  # February 2004, Unix seconds


def search_parameters(
    request: CollectRequest, keyword: Keyword, licences: Mapping[str, Licence] | None
) -> dict[str, str]:
    """Everything but the page and the upload dates, by Flickr's names; without ``licences``, those under their own names.

    Raises:
        RequestError: Flickr has none of the licences.
    """
    try:
        chosen = sorted(request.licences) if licences is None else identifiers(request.licences, licences)
    except ValueError as error:
        raise RequestError(f"licences: {error}") from None
    parameters = {
        "text": keyword.text,
        "license": ",".join(chosen),
        "sort": request.sort,
        "safe_search": str(SAFETY_NUMBERS[request.safe_search]),
        "media": "photos",
        "content_type": "1",  # photos, no screenshots and no drawings
        "extras": EXTRAS,
        **_place(request),
    }
    for name, moment, end in (
        ("min_taken_date", request.taken_after, False),
        ("max_taken_date", request.taken_before, True),
    ):
        if moment is not None:
            parameters[name] = _camera_time(moment, end=end)
    return parameters


def whole_stretch(request: CollectRequest, keyword: Keyword) -> Search:
    """All upload dates that a request allows, up to now: photos that are uploaded meanwhile can't shift the pages."""
    now = int(time.time())
    since = _FLICKR_BEGAN if request.uploaded_after is None else timestamp(request.uploaded_after)
    until = now if request.uploaded_before is None else min(now, timestamp(request.uploaded_before, end=True))
    return Search(_digest(request, keyword), keyword.text, since, max(since, until), request.per_page)


def halves(search: Search) -> list[Search]:
    """The two halves of a stretch; none where it is a single second."""
    middle = (search.uploaded_from + search.uploaded_to) // 2
    if search.uploaded_from >= search.uploaded_to:
        return []
    return [
        Search(search.query, search.keyword, search.uploaded_from, middle, search.per_page),
        Search(search.query, search.keyword, middle + 1, search.uploaded_to, search.per_page),
    ]


def _digest(request: CollectRequest, keyword: Keyword) -> str:
    """What makes two searches the same. Size, maximum and what is skipped don't: they change nothing in what is found."""
    asked = search_parameters(request, keyword, None)
    del asked["extras"]
    asked |= {"taxon": keyword.taxon, "after": str(request.uploaded_after), "before": str(request.uploaded_before)}
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


def _place(request: CollectRequest) -> dict[str, str]:
    if request.bbox is not None:
        return {"bbox": ",".join(f"{degrees:.6f}" for degrees in request.bbox)}
    if request.lat is not None and request.lon is not None:
        place = {"lat": f"{request.lat:.6f}", "lon": f"{request.lon:.6f}", "radius_units": "km"}
        return place if request.radius is None else place | {"radius": f"{request.radius:g}"}
    return {} if request.has_geo is None else {"has_geo": str(int(request.has_geo))}


def _camera_time(moment: Moment, *, end: bool) -> str:
    if isinstance(moment, datetime):
        return moment.strftime("%Y-%m-%d %H:%M:%S")
    return f"{moment.isoformat()} {'23:59:59' if end else '00:00:00'}"
