"""Taxa: species as rows, with names and identification marks per language and the coordinator's policy."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.accounts.tables import User
from app.core.db import Base, UtcDateTime, text_enum, utcnow


class Taxon(Base):
    """A species (or another rank). The model's class index is another thing: see ModelVersion.labels."""

    __tablename__ = "taxa"

    id: Mapped[int] = mapped_column(primary_key=True)
    scientific_name: Mapped[str] = mapped_column(String(200), unique=True)
    taxon_rank: Mapped[str] = mapped_column(String(40), default="species")
    gbif_key: Mapped[int | None] = mapped_column(BigInteger)
    active: Mapped[bool] = mapped_column(default=True)

    vernacular_names: Mapped[list["VernacularName"]] = relationship(
        back_populates="taxon", cascade="all, delete-orphan", lazy="selectin"
    )
    marks: Mapped[list["TaxonMark"]] = relationship(
        back_populates="taxon", cascade="all, delete-orphan", lazy="selectin", order_by="TaxonMark.position"
    )
    policy: Mapped["TaxonPolicy | None"] = relationship(
        back_populates="taxon", cascade="all, delete-orphan", lazy="selectin"
    )

    def vernacular_name(self, language: str) -> str | None:
        """The name in ``language``, or None where nobody entered one."""
        return next((n.name for n in self.vernacular_names if n.language == language), None)

    def marks_in(self, language: str) -> list[str]:
        """The identification marks in ``language``, in their order; in English where that language has none."""
        own = [m.text for m in self.marks if m.language == language]
        return own or [m.text for m in self.marks if m.language == "en"]


class VernacularName(Base):
    """What people call a taxon in one language."""

    __tablename__ = "vernacular_names"
    __table_args__ = (UniqueConstraint("taxon_id", "language"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    taxon_id: Mapped[int] = mapped_column(ForeignKey("taxa.id", ondelete="CASCADE"))
    language: Mapped[str] = mapped_column(String(12))
    name: Mapped[str] = mapped_column(String(200))

    taxon: Mapped[Taxon] = relationship(back_populates="vernacular_names")


class TaxonMark(Base):
    """One mark that tells the taxon from its look-alikes, in one language."""

    __tablename__ = "taxon_marks"
    __table_args__ = (UniqueConstraint("taxon_id", "language", "position"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    taxon_id: Mapped[int] = mapped_column(ForeignKey("taxa.id", ondelete="CASCADE"))
    language: Mapped[str] = mapped_column(String(12))
    position: Mapped[int] = mapped_column(Integer)
    text: Mapped[str] = mapped_column(Text)

    taxon: Mapped[Taxon] = relationship(back_populates="marks")


class TaxonPolicy(Base):
    """What the coordinator wants for a taxon. No row, or an empty column: the model version's default."""

    __tablename__ = "taxon_policies"

    taxon_id: Mapped[int] = mapped_column(ForeignKey("taxa.id", ondelete="CASCADE"), primary_key=True)
    claim_reliability: Mapped[float | None]
    wanted_error: Mapped[float | None]
    machine_acceptance: Mapped[bool] = mapped_column(default=False)

    taxon: Mapped[Taxon] = relationship(back_populates="policy")


class ChangeState(StrEnum):
    """How far a change is."""

    PREVIEWED = "previewed"
    SAVED = "saved"
    UNDONE = "undone"


class TaxonChange(Base):
    """A change of the list. ``done`` holds, for each taxon that it changed, the state before and after."""

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

    @property
    def added(self) -> int:
        """How many taxa it added."""
        return sum(taxon["before"] is None for taxon in self.done)

    @property
    def changed(self) -> int:
        """How many taxa it changed that were there before."""
        return len(self.done) - self.added
