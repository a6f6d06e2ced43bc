"""What a run says of itself while it goes on: to nobody, or to a file for a program that watches it."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any

from ml.collection.export import write_text
from ml.collection.manifest import Manifest, Status
from ml.collection.request import Keyword
from ml.collection.summary import summarise

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
