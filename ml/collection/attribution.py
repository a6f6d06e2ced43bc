"""Who made the photos, for publishing beside a data set or a model: HTML, Markdown and CSV.

Creative Commons licences ask for title, author, source and licence, each with its link, and for a word on what was
changed. Everything in these files was written by strangers, so all of it is escaped.
"""

from __future__ import annotations

import html
import re
import sqlite3
from itertools import groupby
from pathlib import Path

from ml.collection.export import write_csv, write_text
from ml.collection.manifest import Manifest

NOTICE = "This product uses the Flickr API but is not endorsed or certified by SmugMug, Inc."
CHANGES = "The photos were scaled down and cropped to squares to train and test a species classifier; they are not shown here."
_COLUMNS = (
    "taxon", "title", "owner_name", "owner_url", "page_url", "licence_name", "licence_url", "date_taken", "id", "sha256",
)  # fmt: skip
_STYLE = (
    "body{font:1rem/1.5 system-ui,sans-serif;max-width:50rem;margin:2rem auto;padding:0 1rem;color:#33261a;"
    "background:#fdf8ee}a{color:#7a3e00}li{margin:.2rem 0;overflow-wrap:anywhere}"
    "@media(prefers-color-scheme:dark){body{color:#f3e9d8;background:#241b12}a{color:#f0b060}}"
)


def write_attribution(folder: Path, manifest: Manifest) -> list[Path]:
    """Write ATTRIBUTION.html, ATTRIBUTION.md and ATTRIBUTION.csv for the kept photos. Raises CollectError."""
    rows = manifest.rows("status = 'kept'", order="taxon, owner_name COLLATE NOCASE, owner_nsid, id")
    table = [{**dict(row), "owner_url": owner_url(row)} for row in rows]
    return [
        write_text(folder / "ATTRIBUTION.html", html_page(rows)),
        write_text(folder / "ATTRIBUTION.md", markdown_page(rows)),
        write_csv(folder / "ATTRIBUTION.csv", _COLUMNS, table),
    ]


def owner_url(row: sqlite3.Row) -> str:
    """The photographer's page on Flickr."""
    return f"https://www.flickr.com/people/{row['owner_nsid']}/"


def html_page(rows: list[sqlite3.Row]) -> str:
    """A page that needs nothing else and runs nothing."""
    parts = [
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">",
        f"<title>Photo credits</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<h1>Photo credits</h1>",
        f"<p>{_count(rows)} {CHANGES}</p>",
    ]
    for taxon, photos in groupby(rows, key=lambda row: str(row["taxon"])):
        items = "\n".join(f"<li>{_html_credit(row)}</li>" for row in photos)
        parts.append(f"<h2>{html.escape(taxon)}</h2>\n<ul>\n{items}\n</ul>")
    parts.append(f"<p>{NOTICE}</p>\n</body>\n</html>\n")
    return "\n".join(parts)


def markdown_page(rows: list[sqlite3.Row]) -> str:
    """The same for a repository or a data sheet."""
    parts = [f"# Photo credits\n\n{_count(rows)} {CHANGES}\n"]
    for taxon, photos in groupby(rows, key=lambda row: str(row["taxon"])):
        items = "\n".join(f"- {_markdown_credit(row)}" for row in photos)
        parts.append(f"## {_plain(taxon)}\n\n{items}\n")
    return "\n".join([*parts, f"{NOTICE}\n"])


def _count(rows: list[sqlite3.Row]) -> str:
    photographers = len({row["owner_nsid"] for row in rows})
    photos = "1 photo" if len(rows) == 1 else f"{len(rows)} photos"
    return f"{photos} by {photographers} photographer{'' if photographers == 1 else 's'} on Flickr."


def _title(row: sqlite3.Row) -> str:
    return row["title"] or "Untitled"


def _author(row: sqlite3.Row) -> str:
    return row["owner_name"] or row["owner_nsid"]


def _html_credit(row: sqlite3.Row) -> str:
    return (
        f"{_anchor(row['page_url'], _title(row))} by {_anchor(owner_url(row), _author(row))}, "
        f"{_anchor(row['licence_url'], row['licence_name'])}"
    )


def _anchor(url: str, text: str) -> str:
    shown = html.escape(text)
    return f'<a href="{html.escape(url)}" rel="nofollow noopener">{shown}</a>' if url else shown


def _markdown_credit(row: sqlite3.Row) -> str:
    return (
        f"{_link(row['page_url'], _title(row))} by {_link(owner_url(row), _author(row))}, "
        f"{_link(row['licence_url'], row['licence_name'])}"
    )


def _link(url: str, text: str) -> str:
    return f"[{_plain(text)}](<{url}>)" if url and not re.search(r"[<>\s]", url) else _plain(text)


def _plain(text: str) -> str:
    """Text in which Markdown finds nothing to do, nor HTML inside it."""
    return re.sub(r"([\\`*_{}\[\]()#+!|~:@.-])", r"\\\1", html.escape(text, quote=False))
