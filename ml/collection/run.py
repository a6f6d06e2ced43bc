"""A run from outside: check everything, take the folder, collect, sum up."""

from __future__ import annotations

import fcntl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from ml.collection.access import FlickrAccess
from ml.collection.collector import Collector
from ml.collection.download import Downloader
from ml.collection.errors import CollectError, RequestError
from ml.collection.export import write_labels
from ml.collection.flickr import API_URL, FlickrClient
from ml.collection.manifest import Manifest
from ml.collection.politeness import Pace, Patience
from ml.collection.query import search_parameters, whole_stretch
from ml.collection.reporting import Reporter
from ml.collection.request import CollectRequest, Real, Whole
from ml.collection.summary import Summary, summarise


class Manners(BaseModel):
    """How requests are made. ``rate`` is API calls per second at most; ``workers`` download at once; ``timeout`` is in
    seconds; a busy server is asked ``attempts`` times, first after ``backoff`` seconds, then after twice that and so on;
    larger pictures than ``most_megabytes`` are left. Wrong values raise pydantic's ``ValidationError``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    rate: Annotated[Real, Field(gt=0, le=1000)] = 1.0
    workers: Annotated[Whole, Field(ge=1, le=16)] = 4
    timeout: Annotated[Real, Field(gt=0, le=600)] = 30.0
    attempts: Annotated[Whole, Field(ge=1, le=20)] = 5
    backoff: Annotated[Real, Field(gt=0, le=60)] = 2.0
    most_megabytes: Annotated[Real, Field(gt=0, le=1000)] = 50.0
    api_url: Annotated[str, Field(strict=True, pattern=r"^https?://[^\s/]+")] = API_URL


def collect(
    request: CollectRequest,
    folder: Path,
    *,
    access: FlickrAccess | None = None,
    manners: Manners | None = None,
    reporter: Reporter | None = None,
    update: bool = False,
) -> Summary:
    """Collect into a folder, going on where an earlier run stopped, and write its labels.csv.

    Args:
        request: what to collect.
        folder: made where it is missing.
        access: Flickr key; from the environment by default.
        manners: pace, patience and parallel downloads.
        reporter: is told what happens.
        update: also look for photos that were uploaded since the last run.

    Raises:
        KeyRefused: no key, or one that Flickr refuses.
        RequestError: the folder was collected with other taxa for these keywords.
        CollectError: Flickr can't be reached or refuses; another run uses the folder. What came so far stays.
    """
    access, manners, reporter = access or FlickrAccess(), manners or Manners(), reporter or Reporter()
    access.check()
    stop = threading.Event()
    with alone(folder):
        manifest = Manifest(folder, create=True)
        try:
            _check_taxa(request, manifest)
            collector = Collector(
                request,
                folder,
                manifest=manifest,
                client=_client(access, manners, reporter, stop),
                downloader=_downloader(folder, request, access, manners, reporter, stop),
                workers=manners.workers,
                reporter=reporter,
                stop=stop,
            )
            collector.run(update=update)
            write_labels(folder, manifest)
            return summarise(manifest)
        finally:
            manifest.close()


def count(
    request: CollectRequest, *, access: FlickrAccess | None = None, manners: Manners | None = None
) -> dict[str, int]:
    """How many photos Flickr counts for each keyword; nothing is fetched or written. Raises as :func:`collect`."""
    access, manners = access or FlickrAccess(), manners or Manners()
    client = _client(access, manners, Reporter(), threading.Event())
    licences, found = client.licences(), {}
    for keyword in request.keywords:
        stretch = whole_stretch(request, keyword)
        asked = search_parameters(request, keyword, licences) | {
            "per_page": "1",
            "min_upload_date": str(stretch.uploaded_from),
            "max_upload_date": str(stretch.uploaded_to),
        }
        found[keyword.text] = client.search(asked, 1).total
    return found


def _client(access: FlickrAccess, manners: Manners, reporter: Reporter, stop: threading.Event) -> FlickrClient:
    return FlickrClient(
        access,
        api_url=manners.api_url,
        timeout=manners.timeout,
        pace=Pace(1.0 / manners.rate, stop),
        patience=_patience(manners),
        waiting=reporter.paused,
    )


def _downloader(
    folder: Path,
    request: CollectRequest,
    access: FlickrAccess,
    manners: Manners,
    reporter: Reporter,
    stop: threading.Event,
) -> Downloader:
    return Downloader(
        folder,
        user_agent=access.user_agent,
        timeout=manners.timeout,
        pace=Pace(0.0, stop),
        patience=_patience(manners),
        waiting=reporter.paused,
        min_side=request.min_side,
        most_bytes=int(manners.most_megabytes * 1e6),
    )


def _patience(manners: Manners) -> Patience:
    return Patience(attempts=manners.attempts, first=manners.backoff, longest=max(60.0, manners.backoff))


def _check_taxa(request: CollectRequest, manifest: Manifest) -> None:
    known = {keyword: taxon for keyword, taxon, *_ in manifest.counts(["keyword", "taxon"])}
    for keyword in request.keywords:
        before = known.get(keyword.text, keyword.taxon)
        if before != keyword.taxon:
            raise RequestError(
                f"keywords: {keyword.text!r} was collected as {before} in this folder, not as {keyword.taxon}; "
                "take another folder"
            )


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """One run per folder at a time. The lock ends with the process, however it ends. Raises CollectError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / ".lock").open("w")
    except OSError as error:
        raise CollectError(f"{folder} can't be written to ({error.strerror}).") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CollectError(f"Another run is collecting into {folder}.") from None
        yield
