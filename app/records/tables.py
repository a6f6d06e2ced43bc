"""The description of the records that goes with their publication."""

from datetime import datetime

from sqlalchemy import String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, UtcDateTime, text_enum, utcnow
from app.organisation.rules import Licence


class RecordDescription(Base):
    """One row, with number 1, once a coordinator has described the records."""

    __tablename__ = "record_descriptions"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    title: Mapped[str] = mapped_column(String(200))
    licence: Mapped[Licence] = mapped_column(text_enum(Licence))
    abstract: Mapped[str] = mapped_column(Text, default="")
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
