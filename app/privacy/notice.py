"""What the privacy notice says of this installation, taken from what the program does: marked columns, settings, choices."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from app.core.settings import Settings
from app.organisation import details as organisation
from app.organisation.tables import Organisation
from app.privacy.retention import periods
from app.records import description
from app.records.occurrences import Shape
from app.records.rules import Precision
from app.volunteers.withdrawal import what_goes


@dataclass(frozen=True)
class Notice:
    """``about``: what marked columns tell, each with a line in the notice. ``days``: by kind; 0: for ever.

    ``precision``: how exactly places are published unless a coordinator chooses otherwise. ``records_licence``: empty where the
    records are not described. ``in_bucket``: photos are stored at a storage service.
    """

    organisation: Organisation
    about: frozenset[str]
    days: dict[str, int]
    precision: Precision
    records_licence: str
    in_bucket: bool


def notice(session: Session, settings: Settings) -> Notice:
    """The notice as it is true now."""
    described = description.current(session)
    return Notice(
        organisation=organisation.current(session),
        about=frozenset(what_goes(everything=True)),
        days=periods(settings),
        precision=Shape().precision,
        records_licence=described.licence if described else "",
        in_bucket=bool(settings.s3_bucket),
    )
