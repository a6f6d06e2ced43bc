"""A collection's folder: what its process needs and writes, and the data sets made of it."""

import json
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from app.collecting.tables import Collection
from app.core.processes import read_output
from app.core.settings import Settings


class CollectionFolder:
    """Paths of one collection. ``photos`` is the folder that `wingcheck collect flickr` fills."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.request = path / "request.json"
        self.progress = path / "progress.json"
        self.printed = path / "log.txt"
        self.rows = path / "photos.jsonl"
        self.photos = path / "photos"

    def write_request(self, collection: Collection) -> None:
        """What the process is to collect; by keyword as well, so that no search is read beyond what is wanted."""
        self.path.mkdir(parents=True, exist_ok=True)
        wanted = {
            "keywords": {each["text"]: each["taxon"] for each in collection.keywords},
            "licences": collection.licences,
            "size": collection.size,
            "maximum": collection.wanted,
            "maximum_per_taxon": collection.wanted,
        }
        self.request.write_text(json.dumps(wanted, ensure_ascii=False), encoding="utf-8")

    def log(self) -> str:
        """The end of what the process printed."""
        return read_output(self.printed)

    def reported(self) -> dict[str, Any]:
        """How far the process is, by its own words; empty before the first."""
        if not self.progress.is_file():
            return {}
        found: dict[str, Any] = json.loads(self.progress.read_text(encoding="utf-8"))
        return found

    def listed(self) -> Iterator[dict[str, Any]]:
        """The rows of every photo that came up, kept or not."""
        with self.rows.open(encoding="utf-8") as lines:
            for line in lines:
                yield json.loads(line)

    def file(self, name: str) -> Path:
        """A photo's file. Raises FileNotFoundError where it is gone, or lies elsewhere."""
        found = (self.photos / name).resolve()
        if not found.is_relative_to(self.photos.resolve()) or not found.is_file():
            raise FileNotFoundError(f"the file {name} of this collection is missing")
        return found

    def remove(self) -> None:
        """Remove everything."""
        shutil.rmtree(self.path, ignore_errors=True)


def new_name() -> str:
    """A name that no folder had before: the number of a collection that was deleted may be given again."""
    return secrets.token_hex(8)


def folder_of(collection: Collection, settings: Settings) -> CollectionFolder:
    """Where the collection keeps its files."""
    return CollectionFolder(settings.data_dir / "collections" / collection.folder)
