"""From a request to what ``flickr.photos.search`` is asked, and in which stretches of upload dates.

Flickr gives out the first 4,000 photos of a search at most. Where more are wanted, the search is halved by upload date
until each part is small enough.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping

from ml.collection.errors import RequestError
from ml.collection.licences import Licence, identifiers
from ml.collection.listing import EXTRAS
from ml.collection.manifest import Search
from ml.collection.request import CollectRequest, Keyword, camera_time

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
        "sort": "relevance",
        "safe_search": "1",
        "media": "photos",
        "content_type": "1",  # photos, no screenshots and no drawings
        "extras": EXTRAS,
    }
    if request.bbox is not None:
        parameters["bbox"] = ",".join(f"{degrees:.6f}" for degrees in request.bbox)
    if request.taken_after is not None:
        parameters["min_taken_date"] = camera_time(request.taken_after)
    if request.taken_before is not None:
        parameters["max_taken_date"] = camera_time(request.taken_before, end=True)
    return parameters


def whole_stretch(request: CollectRequest, keyword: Keyword) -> Search:
    """All upload dates up to now: photos that are uploaded meanwhile can't shift the pages."""
    return Search(_digest(request, keyword), keyword.text, _FLICKR_BEGAN, int(time.time()), request.per_page)


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
    parameters = search_parameters(request, keyword, None)
    del parameters["extras"]
    # "after" and "before" were limits on the upload date; collections from then are continued, too.
    parameters |= {"taxon": keyword.taxon, "after": "None", "before": "None"}
    return hashlib.sha256(json.dumps(parameters, sort_keys=True).encode()).hexdigest()
