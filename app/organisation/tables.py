"""The organisation that runs this installation."""

from datetime import datetime

from sqlalchemy import JSON, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, UtcDateTime, text_enum, utcnow
from app.organisation.rules import Licence

Texts = dict[str, str]


class Organisation(Base):
    """One row, with number 1, once an admin has filled in the form. Texts are plain, by language code.

    The logo stands in the row: it is small, and goes with the database into backups and to another one.
    """

    __tablename__ = "organisation"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(String(200), default="")
    website: Mapped[str] = mapped_column(String(300), default="")
    contact_email: Mapped[str] = mapped_column(String(254), default="")
    controller: Mapped[str] = mapped_column(
        String(500), default="", doc="who is answerable for personal data, with an address; empty: the organisation"
    )
    welcome: Mapped[Texts] = mapped_column(JSON, default=dict, doc="above the form")
    notice: Mapped[Texts] = mapped_column(JSON, default=dict, doc="added to the privacy notice")
    photo_licence: Mapped[Licence | None] = mapped_column(
        text_enum(Licence), doc="proposed to volunteers; NULL: nobody else may use a photo"
    )
    training: Mapped[bool] = mapped_column(default=True, doc="what is proposed: photos may train models")
    logo: Mapped[str | None] = mapped_column(Text, deferred=True, doc="a PNG in base64")
    logo_digest: Mapped[str] = mapped_column(String(16), default="", doc="in the logo's address; empty: there is none")
    logo_width: Mapped[int] = mapped_column(default=0)
    logo_height: Mapped[int] = mapped_column(default=0)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
