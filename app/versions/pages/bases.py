"""What pages call base data sets: a folder of the settings by its path, a collection by its number."""

from collections.abc import Mapping

from app.review.words import Words


def base_name(words: Words, path: str, collections: Mapping[str, int]) -> str:
    """``collections``: their numbers, by the path of their folders."""
    number = collections.get(path.rpartition("/")[0])
    return path if number is None else words.t("Photos from Flickr, collection %(number)s", number=number)
