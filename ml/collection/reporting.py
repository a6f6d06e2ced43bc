"""What a collection holds in figures, and what a run says of itself: to nobody, or to a file for a program that watches it."""

from __future__ import annotations

import json
import threading
import time
from collections import defaultdict
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from ml.collection.export import write_text
from ml.collection.manifest import Manifest, Status
from ml.collection.request import Keyword

_LAZINESS = 10  # a look at the manifest is followed by a pause of so many times the seconds that it took


class Reporter:
    """Says nothing; the command line has one that draws progress bars. ``paused`` is called from several threads."""

    def begun(self, keyword: Keyword, kept: int, found: int) -> None:
        """A keyword's turn; so many photos are kept already, of so many found (0: not searched yet)."""

    def found(self, keyword: Keyword, total: int) -> None:
        """Flickr counts so many photos."""

    def settled(self, keyword: Keyword, status: Status, reason: str | None) -> None:
        """One photo is kept, skipped or failed."""

    def ended(self, keyword: Keyword) -> None:
        """A keyword is done."""

    def paused(self, seconds: float, why: str) -> None:
        """A server is busy; the next attempt is in so many seconds."""


class StatusFile(Reporter):
    """Passes everything on to another reporter, and keeps a file of JSON up to date: what `collect status --json` says,
    with ``now``, the keyword whose turn it is, and ``pause``, why nothing moves. The file is whole at any moment.
    """

    def __init__(self, file: Path | None, folder: Path, inner: Reporter) -> None:
        """``file``: None, and nothing is written; ``folder``: of the collection."""
        self._file, self._folder, self._inner = file, folder, inner
        self._lock = threading.Lock()
        self._manifest: Manifest | None = None
        self._known: dict[str, Any] = {}
        self._now, self._not_before = "", 0.0

    def __enter__(self) -> StatusFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._manifest is not None:
            self._look(at_once=True)
            self._manifest.close()

    def begun(self, keyword: Keyword, kept: int, found: int) -> None:
        """A keyword's turn."""
        self._inner.begun(keyword, kept, found)
        self._now = keyword.text
        self._look(at_once=True)

    def found(self, keyword: Keyword, total: int) -> None:
        """Flickr counts so many photos."""
        self._inner.found(keyword, total)
        self._look(at_once=True)

    def settled(self, keyword: Keyword, status: Status, reason: str | None) -> None:
        """One more."""
        self._inner.settled(keyword, status, reason)
        self._look(at_once=False)

    def ended(self, keyword: Keyword) -> None:
        """A keyword is done."""
        self._inner.ended(keyword)
        self._look(at_once=True)

    def paused(self, seconds: float, why: str) -> None:
        """Say why nothing moves; called from several threads, none of which may read the manifest."""
        self._inner.paused(seconds, why)
        self._write(pause=f"{why}: waiting {seconds:.0f} s")

    def _look(self, *, at_once: bool) -> None:
        begun = time.monotonic()
        if self._file is None or (not at_once and begun < self._not_before):
            return
        self._manifest = self._manifest or Manifest(self._folder)
        self._known = summarise(self._manifest).as_dict()
        self._write(pause="")
        ended = time.monotonic()
        self._not_before = ended + _LAZINESS * (ended - begun)

    def _write(self, pause: str) -> None:
        if self._file is not None:
            with self._lock:
                write_text(self._file, json.dumps({**self._known, "now": self._now, "pause": pause}))


@dataclass
class KeywordSummary:
    """Counts of photos: ``found`` by Flickr's count, ``skipped`` and ``failed`` by reason; ``complete`` when every page
    was read; ``bytes`` of the kept files.
    """

    keyword: str
    taxon: str = ""
    found: int = 0
    kept: int = 0
    waiting: int = 0
    bytes: int = 0
    complete: bool = True
    skipped: dict[str, int] = field(default_factory=dict)
    failed: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Summary:
    """A collection: per keyword, and how many kept photos have which licence and come from how many photographers."""

    keywords: tuple[KeywordSummary, ...]
    licences: dict[str, int]
    photographers: int

    @property
    def kept(self) -> int:
        """Photos that are kept."""
        return sum(keyword.kept for keyword in self.keywords)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def summarise(manifest: Manifest) -> Summary:
    """Count what the manifest says."""
    summaries: dict[str, KeywordSummary] = {}
    for search in manifest.searches():
        keyword = summaries.setdefault(search["keyword"], KeywordSummary(search["keyword"]))
        keyword.found += search["total"] or 0
        keyword.complete &= bool(search["finished"])
    for name, taxon, status, reason, number, size in manifest.counts(["keyword", "taxon", "status", "reason"]):
        keyword = summaries.setdefault(name, KeywordSummary(name))
        keyword.taxon = taxon
        if status == "kept":
            keyword.kept, keyword.bytes = keyword.kept + number, keyword.bytes + int(size)
        elif status == "waiting":
            keyword.waiting += number
        else:
            reasons = keyword.skipped if status == "skipped" else keyword.failed
            reasons[reason] = reasons.get(reason, 0) + number
    licences: dict[str, int] = defaultdict(int)
    for title, number, _ in manifest.counts(["licence_name"], "status = 'kept'"):
        licences[title] += number
    photographers = len(manifest.counts(["owner_nsid"], "status = 'kept'"))
    return Summary(tuple(summaries.values()), dict(licences), photographers)
