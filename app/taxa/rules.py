"""Names of taxa."""

import re
import unicodedata

RANKS = ("species", "subspecies", "genus", "aggregate", "complex", "variety", "form")
"""The ranks that people identify to."""


def slug(scientific_name: str) -> str:
    """``Genus species`` → ``genus-species``: the name in file names and links."""
    return re.sub(r"[^a-z0-9]+", "-", scientific_name.lower()).strip("-")


def label_of(scientific_name: str) -> str:
    """A taxon's label in data sets: ``Genus species`` is ``genus_species``."""
    plain = unicodedata.normalize("NFKD", scientific_name).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "_", plain.lower()).strip("_")
