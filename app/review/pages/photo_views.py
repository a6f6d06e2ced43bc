"""A photo of an item as the desk shows it."""

from dataclasses import dataclass

from app.predictions.views import AnimalView, SquareView, square_view
from app.review.item import ItemPhoto
from app.review.words import Words


@dataclass(frozen=True)
class DeskPhoto:
    """As PhotoOut of app/volunteers/views.py; what the version said and found is left out of a blind item.

    ``number`` counts the photos of the submission from 1.
    """

    number: int
    display_url: str
    thumb_url: str
    cut_url: str
    width: int
    height: int
    alt: str
    square: SquareView | None
    looked_at: SquareView | None
    square_origin: str | None
    searched: bool
    other_animals: list[AnimalView]
    attention_url: str | None


def desk_photo(words: Words, photo: ItemPhoto, title: str, *, hidden: bool) -> DeskPhoto:
    """One photo of an item."""
    alt = words.t("Photo %(number)s of “%(title)s”", number=photo.position + 1, title=title)
    return DeskPhoto(
        number=photo.position + 1,
        display_url=f"/photos/{photo.token}/display.jpg",
        thumb_url=f"/photos/{photo.token}/thumb.jpg",
        cut_url=f"/photos/{photo.token}/{'thumb' if hidden else 'cut'}.jpg",
        width=photo.width,
        height=photo.height,
        alt=alt,
        square=square_view(photo.square),
        looked_at=square_view(photo.square if hidden else photo.looked_at),
        square_origin=photo.square_origin.value if photo.square_origin and not hidden else None,
        searched=photo.searched,
        other_animals=words.views.animals(photo.others),
        attention_url=None if hidden else f"/review/photos/{photo.token}/attention.png",
    )
