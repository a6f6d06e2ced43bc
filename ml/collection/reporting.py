"""What a run says of itself while it goes on."""

from __future__ import annotations

from ml.collection.manifest import Status
from ml.collection.request import Keyword


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
