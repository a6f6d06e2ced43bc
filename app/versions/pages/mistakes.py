"""A version's worst mistakes on photos that experts decided on, in words and pictures."""

from dataclasses import dataclass
from urllib.parse import quote

from app.review.words import Words
from app.versions.mistakes import Mistake
from app.versions.pages.figures import percent


@dataclass(frozen=True)
class SeenMistake:
    """A photo, where the version looked, what it said and what experts said."""

    url: str
    thumb_url: str
    map_url: str
    map_text: str
    said: str
    truth: str


def mistake_view(words: Words, found: Mistake, version_id: int) -> SeenMistake:
    """A mistake in one language."""
    token, named = found.photo.token, words.name(found.named)
    return SeenMistake(
        url=f"/review/{found.submission_id}",
        thumb_url=f"/photos/{token}/thumb.jpg",
        map_url=f"/admin/models/{version_id}/photos/{token}/attention.png?taxon={quote(found.named)}",
        map_text=words.t("Where the model looked for %(species)s", species=named),
        said=words.t("Model: %(species)s (%(share)s)", species=named, share=percent(found.probability, 1)),
        truth=words.t("Experts: %(species)s", species=words.name(found.scientific_name)),
    )
