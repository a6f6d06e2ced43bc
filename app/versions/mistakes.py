"""A version's worst mistakes on the photos that measure: wrong answers of which it was most certain."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from app.predictions.tables import ModelVersion
from app.submissions.tables import Photo
from app.versions import comparisons

SHOWN = 12


@dataclass(frozen=True)
class Mistake:
    """A photo that experts decided on (``scientific_name``) and the version took for something else (``named``)."""

    photo: Photo
    submission_id: int
    scientific_name: str
    named: str
    probability: float


@dataclass(frozen=True)
class Mistakes:
    """The ``worst`` of ``wrong`` mistakes on the ``looked_at`` photos that it knows the species of.

    ``unanswered``: such photos that it has not looked at; a replay of the photos that measure lets it.
    """

    worst: list[Mistake]
    wrong: int
    looked_at: int
    unanswered: int


def of_version(session: Session, version: ModelVersion, most: int = SHOWN) -> Mistakes:
    """The worst first; at ``most`` so many of them."""
    measuring = comparisons.measuring_photos(session, version.labels)
    said = comparisons.said_of(session, version.id, measuring)
    wrong = [
        Mistake(each.photo, each.submission_id, name, opinion.top, opinion.top_probability)
        for each in measuring
        if (opinion := said.get(each.photo.id)) is not None and opinion.top != (name := comparisons.name_of(each))
    ]
    wrong.sort(key=lambda mistake: (-mistake.probability, mistake.photo.id))
    return Mistakes(wrong[:most], len(wrong), len(said), len(measuring) - len(said))
