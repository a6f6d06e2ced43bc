"""Names of taxa."""

import re


def slug(scientific_name: str) -> str:
    """``Genus species`` → ``genus-species``: the name in file names and links."""
    return re.sub(r"[^a-z0-9]+", "-", scientific_name.lower()).strip("-")
