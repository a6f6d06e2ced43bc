"""A collection's folder: what its process needs and writes, and the data sets made of it."""

import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from app.collecting.tables import Collection
from app.core.long_work import WorkFolder
from app.core.paths import inside
from app.core.settings import Settings


class CollectionFolder(WorkFolder):
    """Paths of one collection. ``photos`` is the folder that `wingcheck collect flickr` fills."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.request = path / "request.json"
        self.progress = path / "progress.json"
        self.rows = path / "photos.jsonl"
        self.photos = path / "photos"

    def write_request(self, collection: Collection) -> None:
        """What the process is to collect; limited by keyword as well, so that no search is read further than needed."""
        self.path.mkdir(parents=True, exist_ok=True)
        request = {
            "keywords": {keyword["text"]: keyword["taxon"] for keyword in collection.keywords},
            "licences": collection.licences,
            "size": collection.size,
            "maximum": collection.wanted,
            "maximum_per_taxon": collection.wanted,
        }
        self.request.write_text(json.dumps(request, ensure_ascii=False), encoding="utf-8")

    def reported(self) -> dict[str, Any]:
        """What the process last reported; empty before the first report."""
        if not self.progress.is_file():
            return {}
        report: dict[str, Any] = json.loads(self.progress.read_text(encoding="utf-8"))
        return report

    def listed(self) -> Iterator[dict[str, Any]]:
        """The rows of all photos that the search found, also those left out."""
        with self.rows.open(encoding="utf-8") as lines:
            for line in lines:
                yield json.loads(line)

    def file(self, name: str) -> Path:
        """A photo's file. Raises FileNotFoundError where it is gone, or lies elsewhere."""
        path = (self.photos / name).resolve()
        if not path.is_relative_to(self.photos.resolve()) or not path.is_file():
            raise FileNotFoundError(f"the file {name} of this collection is missing")
        return path


def new_name() -> str:
    """A name that no folder had before: the number of a deleted collection may be given again."""
    return secrets.token_hex(8)


def folder_of(collection: Collection, settings: Settings) -> CollectionFolder:
    """Where the collection keeps its files."""
    return CollectionFolder(inside(settings.data_dir / "collections", collection.folder))
