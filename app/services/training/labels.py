"""What training calls taxa."""

import re
import unicodedata


def label_of(scientific_name: str) -> str:
    """A taxon's label in data sets: ``Genus species`` is ``genus_species``."""
    plain = unicodedata.normalize("NFKD", scientific_name).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "_", plain.lower()).strip("_")
