"""Collecting photos for training: what may be asked for, what a person may say of a photo, and which to look at first."""

from enum import StrEnum

# In the order of how much they permit. Those that let anyone use and adapt a photo come first.
REUSABLE = ("cc0", "public-domain-mark", "us-government", "no-known-restrictions", "cc-by", "cc-by-sa")
LICENCES = (*REUSABLE, "cc-by-nc", "cc-by-nc-sa", "cc-by-nd", "cc-by-nc-nd", "all-rights-reserved")
# Longest sides in pixels; the squares are cut out by Flickr.
SIZES = ("square-150", "small-240", "small-320", "medium-500", "medium-640", "medium-800", "large-1024")
MOST_PER_TAXON = 2000
MOST_KEYWORDS = 60
LONGEST_KEYWORD = 200


class PhotoDecision(StrEnum):
    """What a person said of a collected photo. Only LEARNT_FROM enters a data set."""

    UNDECIDED = "undecided"
    RIGHT = "right"
    OTHER_SPECIES = "other_species"
    WRONG = "wrong"
    NO_BUTTERFLY = "no_butterfly"
    DUPLICATE = "duplicate"


LEARNT_FROM = (PhotoDecision.RIGHT, PhotoDecision.OTHER_SPECIES)
"""With these a person said which species a photo shows: the wanted one, or the one that was named."""


def doubt(probability: float | None, in_scope: float) -> float:
    """How likely, by a model's answer, a photo's label is an error, 0…1: what is out of scope shows no species at all.

    ``probability``: of the wanted taxon, given that the photo is in scope; None where the model doesn't know the taxon.
    """
    return 1.0 - in_scope * (1.0 if probability is None else probability)
