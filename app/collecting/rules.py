"""Collecting photos for training: what may be requested, how photos are decided, and which are looked at first."""

from enum import StrEnum

# Ordered by how much they permit. Those that let anyone use and adapt a photo come first.
REUSABLE = ("cc0", "public-domain-mark", "us-government", "no-known-restrictions", "cc-by", "cc-by-sa")
LICENCES = (*REUSABLE, "cc-by-nc", "cc-by-nc-sa", "cc-by-nd", "cc-by-nc-nd", "all-rights-reserved")
# Longest sides in pixels; Flickr crops the squares.
SIZES = ("square-150", "small-240", "small-320", "medium-500", "medium-640", "medium-800", "large-1024")
MOST_PER_TAXON = 2000
MOST_KEYWORDS = 60
LONGEST_KEYWORD = 200


class PhotoDecision(StrEnum):
    """What a person decided about a collected photo. Only LEARNT_FROM enters a data set."""

    UNDECIDED = "undecided"
    RIGHT = "right"
    OTHER_SPECIES = "other_species"
    WRONG = "wrong"
    NO_BUTTERFLY = "no_butterfly"
    DUPLICATE = "duplicate"


LEARNT_FROM = (PhotoDecision.RIGHT, PhotoDecision.OTHER_SPECIES)
"""With these a person has confirmed the species that was searched for, or named another."""


def doubt(probability: float | None, in_scope: float) -> float:
    """How likely a photo's label is wrong according to a model, 0…1. What is out of scope shows none of its species.

    ``probability``: of the taxon searched for, given that the photo is in scope; None where the model doesn't know it.
    """
    return 1.0 - in_scope * (1.0 if probability is None else probability)
