"""Who made the photos, for publishing beside a data set or a model: HTML, Markdown and CSV.

Creative Commons licences ask for title, author, source and licence, each with its link, and for a word on what was
changed. Everything in these files was written by strangers, so all of it is escaped.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from ml.collection.export import write_csv, write_text
from ml.collection.manifest import Manifest
from ml.reports import render

NOTICE = "This product uses the Flickr API but is not endorsed or certified by SmugMug, Inc."
CHANGES = "The photos were scaled down and cropped to squares to train and test a species classifier; they are not shown here."
_COLUMNS = (
    "taxon", "title", "owner_name", "owner_url", "page_url", "licence_name", "licence_url", "date_taken", "id", "sha256",
)  # fmt: skip


def write_attribution(folder: Path, manifest: Manifest) -> list[Path]:
    """Write ATTRIBUTION.html, ATTRIBUTION.md and ATTRIBUTION.csv for the kept photos. Raises CollectError."""
    rows = manifest.rows("status = 'kept'", order="taxon, owner_name COLLATE NOCASE, owner_nsid, id")
    photos = [{**dict(row), "owner_url": f"https://www.flickr.com/people/{row['owner_nsid']}/"} for row in rows]
    context = {"photos": photos, "summary": f"{_count(rows)} {CHANGES}", "notice": NOTICE}
    return [
        write_text(folder / "ATTRIBUTION.html", render("credits.html", **context)),
        write_text(folder / "ATTRIBUTION.md", render("credits.md", **context)),
        write_csv(folder / "ATTRIBUTION.csv", _COLUMNS, photos),
    ]


def _count(rows: list[sqlite3.Row]) -> str:
    photographers = len({row["owner_nsid"] for row in rows})
    photos = "1 photo" if len(rows) == 1 else f"{len(rows)} photos"
    return f"{photos} by {photographers} photographer{'' if photographers == 1 else 's'} on Flickr."
