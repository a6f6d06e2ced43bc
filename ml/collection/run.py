"""A run from outside: check everything, take the folder, collect, sum up."""

from __future__ import annotations

import fcntl
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from ml.collection.collector import Collector, Servers
from ml.collection.download import Downloader
from ml.collection.errors import CollectError, RequestError
from ml.collection.export import write_labels
from ml.collection.flickr import FlickrAccess, FlickrClient
from ml.collection.manifest import Manifest
from ml.collection.politeness import Pace, Patience
from ml.collection.query import search_parameters, whole_stretch
from ml.collection.reporting import Reporter, Summary, summarise
from ml.collection.request import CollectRequest, Manners


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
    with alone(folder), closing(Manifest(folder, create=True)) as manifest:
        _check_taxa(request, manifest)
        downloader = Downloader(
            folder,
            Patience(Pace(0.0, stop), manners.attempts, manners.backoff, reporter.paused),
            user_agent=access.user_agent,
            timeout=manners.timeout,
            min_side=request.min_side,
            most_bytes=int(manners.most_megabytes * 1e6),
        )
        servers = Servers(_client(access, manners, reporter, stop), downloader, manners.workers, stop)
        collector = Collector(request, folder, manifest, servers, reporter)
        collector.run(update=update)
        write_labels(folder, manifest)
        return summarise(manifest)


def count(
    request: CollectRequest, *, access: FlickrAccess | None = None, manners: Manners | None = None
) -> dict[str, int]:
    """How many photos Flickr counts for each keyword; nothing is fetched or written. Raises as :func:`collect`."""
    access, manners = access or FlickrAccess(), manners or Manners()
    client = _client(access, manners, Reporter(), threading.Event())
    licences, counts = client.licences(), {}
    for keyword in request.keywords:
        stretch = whole_stretch(request, keyword)
        parameters = search_parameters(request, keyword, licences) | {
            "per_page": "1",
            "min_upload_date": str(stretch.uploaded_from),
            "max_upload_date": str(stretch.uploaded_to),
        }
        counts[keyword.text] = client.search(parameters, 1).total
    return counts


def _client(access: FlickrAccess, manners: Manners, reporter: Reporter, stop: threading.Event) -> FlickrClient:
    patience = Patience(Pace(1.0 / manners.rate, stop), manners.attempts, manners.backoff, reporter.paused)
    return FlickrClient(access, patience, api_url=manners.api_url, timeout=manners.timeout)


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
