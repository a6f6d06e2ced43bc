"""What a folder holds, in figures."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict, dataclass, field
from typing import Any

from ml.collection.manifest import Manifest


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
    found: dict[str, KeywordSummary] = {}
    for search in manifest.searches():
        keyword = found.setdefault(search["keyword"], KeywordSummary(search["keyword"]))
        keyword.found += search["total"] or 0
        keyword.complete &= bool(search["finished"])
    for name, taxon, status, reason, number, size in manifest.counts(["keyword", "taxon", "status", "reason"]):
        keyword = found.setdefault(name, KeywordSummary(name))
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
    return Summary(tuple(found.values()), dict(licences), photographers)
