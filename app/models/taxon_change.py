"""Changes to the taxon list: from a file, which is looked at before it is saved, or by hand; each can be undone."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db import Base, UtcDateTime, utcnow
from app.models.account import User
from app.models.columns import text_enum


class ChangeState(StrEnum):
    """How far a change is."""

    PREVIEWED = "previewed"
    SAVED = "saved"
    UNDONE = "undone"


class TaxonChange(Base):
    """What somebody wants of the list. ``done`` holds, for each taxon that was changed, how it was before and is now."""

    __tablename__ = "taxon_changes"
    __table_args__ = (Index("ix_taxon_changes_state", "state", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    source: Mapped[str] = mapped_column(String(255), doc="name of the file; of a change by hand, the scientific name")
    state: Mapped[ChangeState] = mapped_column(text_enum(ChangeState))
    wanted: Mapped[list[dict[str, Any]]] = mapped_column(JSON, doc="the taxa that the file lists")
    done: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    passed_over: Mapped[int] = mapped_column(Integer, default=0, doc="lines of the file that were not taken")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    saved_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    user: Mapped[User | None] = relationship(lazy="joined")
