"""Removing photos because their owner asks for it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ml.collection.errors import RequestError
from ml.collection.export import write_labels
from ml.collection.manifest import Manifest

REASON = "removed for its owner"


def remove_photos(folder: Path, manifest: Manifest, wanted: Sequence[str]) -> list[str]:
    """Remove photos, named by their number or by their photographer's, and write labels.csv anew.

    The row stays with the photo's number, so that no later run fetches it; what else was known of it is emptied.

    Returns:
        the numbers of the photos.

    Raises:
        RequestError: the collection has none of that name; nothing is removed then.
        CollectError: labels.csv can't be written.
    """
    rows = []
    for name in wanted:
        found = manifest.rows("id = ? OR owner_nsid = ?", (name, name))
        if not found:
            raise RequestError(f"photo: this collection has neither a photo nor a photographer {name}")
        rows += found
    for row in rows:
        if row["file_name"]:
            (folder / row["file_name"]).unlink(missing_ok=True)
        unknown = dict.fromkeys(
            ("image_url", "date_taken", "latitude", "longitude", "accuracy", "detail", "sha256", "perceptual_hash",
             "bytes", "file_name")
        )  # fmt: skip
        manifest.settle(row["id"], "skipped", **unknown, reason=REASON, title="", tags="", owner_name="")
    write_labels(folder, manifest)
    return [str(row["id"]) for row in rows]
