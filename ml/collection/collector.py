"""Collecting: read a page of the search, fetch what is wanted of it, read the next page, until there are enough.

A page's photos are entered into the manifest before any is fetched, together with the number of the next page; a file
is moved to its place in one step, and its row says so after that. So a run that is killed at any moment goes on where it
was: pages are not read again, and a file of which the manifest doesn't know yet is taken as it lies.
"""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ml.collection.deduplication import NearDuplicates
from ml.collection.download import ARRIVED, Downloader, Order, Picture, Unusable
from ml.collection.errors import CollectError
from ml.collection.flickr import MOST_RESULTS, FlickrClient
from ml.collection.licences import Licence
from ml.collection.listing import photo_row
from ml.collection.manifest import Manifest, Search, Status
from ml.collection.query import halves, search_parameters, whole_stretch
from ml.collection.reporting import Reporter
from ml.collection.request import CollectRequest, Keyword
from ml.taxa import label_of

_FAILURES_IN_A_ROW = 10


@dataclass(frozen=True)
class Servers:
    """What is asked for photos: ``workers`` downloads at once; ``stop`` ends every pause."""

    client: FlickrClient
    downloader: Downloader
    workers: int
    stop: threading.Event


class Collector:
    """One run of one request into one folder."""

    def __init__(
        self, request: CollectRequest, folder: Path, manifest: Manifest, servers: Servers, reporter: Reporter
    ) -> None:
        self._request, self._folder, self._manifest = request, folder, manifest
        self._client, self._downloader, self._workers = servers.client, servers.downloader, servers.workers
        self._reporter, self._stop = reporter, servers.stop
        self._licences: dict[str, Licence] = {}
        self._failures = 0
        self._near = None if request.distance is None else NearDuplicates(request.distance)
        if self._near is not None:
            for row in manifest.rows("status = 'kept'"):
                self._near.add(row["id"], int(row["perceptual_hash"], 16))

    def run(self, *, update: bool) -> None:
        """Collect every keyword; with ``update`` also what was uploaded since the last run.

        Raises:
            CollectError: Flickr refuses or can't be reached; what was collected so far stays.
        """
        self._licences = self._client.licences()
        with ThreadPoolExecutor(self._workers, thread_name_prefix="download") as pool:
            try:
                for keyword in self._request.keywords:
                    self._collect(keyword, pool, update=update)
            except BaseException:
                self._stop.set()  # nobody waits out a pause for a run that is over
                pool.shutdown(wait=True, cancel_futures=True)
                raise
        with suppress(OSError):  # empty unless a download failed half-way
            (self._folder / ARRIVED).rmdir()

    def _collect(self, keyword: Keyword, pool: ThreadPoolExecutor, *, update: bool) -> None:
        parameters = search_parameters(self._request, keyword, self._licences)
        first = whole_stretch(self._request, keyword)
        self._begin(first, update=update)
        self._manifest.try_failed_again(keyword.text)
        self._reporter.begun(keyword, self._manifest.kept("keyword", keyword.text), self._found(first.query))
        while True:
            self._fetch_waiting(keyword, pool)
            if self._room(keyword) == 0:
                break
            search = self._manifest.unfinished(first.query)
            if search is None:
                break
            self._read_page(keyword, search, parameters)
        self._reporter.ended(keyword)

    def _begin(self, first: Search, *, update: bool) -> None:
        known = self._manifest.searches(first.query)
        if not known:
            self._manifest.add_searches([first])
        elif update:
            newest = max(row["uploaded_to"] for row in known)
            if newest < first.uploaded_to:
                since = Search(first.query, first.keyword, newest + 1, first.uploaded_to, first.per_page)
                self._manifest.add_searches([since])

    def _found(self, query: str) -> int:
        return sum(row["total"] or 0 for row in self._manifest.searches(query))

    def _room(self, keyword: Keyword) -> int | None:
        """How many more photos are wanted; None for as many as there are."""
        rooms = []
        if self._request.maximum is not None:
            rooms.append(self._request.maximum - self._manifest.kept("keyword", keyword.text))
        if self._request.maximum_per_taxon is not None:
            rooms.append(self._request.maximum_per_taxon - self._manifest.kept("taxon", keyword.taxon))
        return max(0, min(rooms)) if rooms else None

    def _read_page(self, keyword: Keyword, search: Search, parameters: dict[str, str]) -> None:
        page = self._client.search(
            {
                **parameters,
                "per_page": str(search.per_page),
                "min_upload_date": str(search.uploaded_from),
                "max_upload_date": str(search.uploaded_to),
            },
            search.next_page,
        )
        if search.next_page == 1 and page.total > MOST_RESULTS and self._wants_more_than_flickr_gives():
            parts = halves(search)
            if parts:
                self._manifest.add_searches(parts, instead_of=search)
                return
        rows = [photo_row(attributes, keyword, self._request, self._licences) for attributes in page.photos]
        last = min(page.pages, -(-MOST_RESULTS // search.per_page))
        finished = search.next_page >= last or not page.photos
        for name in self._manifest.enter_page(search, rows, total=page.total, finished=finished):
            (self._folder / name).unlink(missing_ok=True)
        self._reporter.found(keyword, self._found(search.query))
        for row in rows:
            if row["status"] == "skipped":
                self._reporter.settled(keyword, "skipped", row["reason"])

    def _wants_more_than_flickr_gives(self) -> bool:
        return self._request.maximum is None or self._request.maximum > MOST_RESULTS

    def _fetch_waiting(self, keyword: Keyword, pool: ThreadPoolExecutor) -> None:
        """Fetch what waits for a keyword, in the order in which Flickr listed it and never more than there is room for."""
        waiting = deque(self._manifest.rows("keyword = ? AND status = 'waiting'", (keyword.text,)))
        running: deque[tuple[str, Future[Picture | Unusable]]] = deque()
        room = self._room(keyword)
        while waiting or running:
            while waiting and len(running) < 2 * self._workers and (room is None or len(running) < room):
                row = waiting.popleft()
                order = Order(row["id"], row["image_url"], label_of(row["taxon"]), row["width"], row["height"])
                running.append((order.id, pool.submit(self._downloader.get, order)))
            if not running:
                return
            identifier, future = running.popleft()
            if self._settle(keyword, identifier, future.result()) == "kept" and room is not None:
                room -= 1

    def _settle(self, keyword: Keyword, identifier: str, outcome: Picture | Unusable) -> Status:
        if isinstance(outcome, Picture):
            outcome = self._duplicate(identifier, outcome) or outcome
        if isinstance(outcome, Unusable):
            status: Status = "failed" if outcome.failed else "skipped"
            self._manifest.settle(identifier, status, reason=outcome.reason, detail=outcome.detail)
            self._remove(keyword, identifier)
            self._count_failures(outcome)
            self._reporter.settled(keyword, status, outcome.reason)
            return status
        self._failures = 0
        self._keep(keyword, identifier, outcome)
        self._reporter.settled(keyword, "kept", None)
        return "kept"

    def _duplicate(self, identifier: str, picture: Picture) -> Unusable | None:
        same = self._manifest.rows("sha256 = ? AND status = 'kept' AND id <> ?", (picture.sha256, identifier))
        if same:
            return Unusable("exact duplicate", f"the same file as {same[0]['id']}")
        near = None if self._near is None else self._near.nearest(picture.perceptual_hash)
        if near is not None:
            return Unusable("near duplicate", f"{near[1]} of 64 bits from {near[0]}")
        return None

    def _keep(self, keyword: Keyword, identifier: str, picture: Picture) -> None:
        name = f"{keyword.label}/{identifier}{picture.ending}"
        (self._folder / keyword.label).mkdir(exist_ok=True)
        picture.file.replace(self._folder / name)
        self._manifest.settle(
            identifier,
            "kept",
            sha256=picture.sha256,
            perceptual_hash=f"{picture.perceptual_hash:016x}",
            bytes=picture.bytes,
            width=picture.width,
            height=picture.height,
            file_name=name,
            fetched_at=datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        )
        if self._near is not None:
            self._near.add(identifier, picture.perceptual_hash)

    def _remove(self, keyword: Keyword, identifier: str) -> None:
        (self._folder / ARRIVED / identifier).unlink(missing_ok=True)
        for file in (self._folder / keyword.label).glob(f"{identifier}.*"):
            file.unlink(missing_ok=True)

    def _count_failures(self, outcome: Unusable) -> None:
        self._failures = self._failures + 1 if outcome.failed else 0
        if self._failures >= _FAILURES_IN_A_ROW:
            raise CollectError(
                f"{self._failures} downloads in a row failed (the last one: {outcome.detail}). "
                "Run the same command again later: it continues where it stopped."
            )
