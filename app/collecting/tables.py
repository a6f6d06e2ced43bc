"""Photos collected for training, and their collections."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.accounts.tables import User
from app.collecting.rules import PhotoDecision
from app.core.db import Base, UtcDateTime, text_enum
from app.core.long_work import LongWorkRow
from app.core.tables import Job
from app.taxa.tables import Taxon


class Collection(LongWorkRow, Base):
    """What an admin requested from Flickr, its progress, and whether runs may learn from it."""

    __tablename__ = "collections"

    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    folder: Mapped[str] = mapped_column(String(40), unique=True, doc="name of its folder; never used again")
    keywords: Mapped[list[dict[str, str]]] = mapped_column(JSON, doc="text and taxon (scientific name) of each")
    licences: Mapped[list[str]] = mapped_column(JSON)
    size: Mapped[str] = mapped_column(String(40))
    wanted: Mapped[int] = mapped_column(Integer, doc="photos per taxon, at most")

    found: Mapped[int] = mapped_column(Integer, default=0, doc="photos that Flickr counts")
    kept: Mapped[int] = mapped_column(Integer, default=0)
    looked: Mapped[int] = mapped_column(Integer, default=0, doc="photos that a model has looked at")
    left_out: Mapped[dict[str, int]] = mapped_column(JSON, default=dict, doc="reason → photos")
    keyword: Mapped[str] = mapped_column(String(200), default="", doc="whose turn it is")
    pause: Mapped[str] = mapped_column(String(300), default="", doc="why nothing moves")

    data_set: Mapped[str | None] = mapped_column(String(80), doc="folder that runs may learn from; NULL: none")
    used_photos: Mapped[int] = mapped_column(Integer, default=0, doc="photos in it")
    used_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    user: Mapped[User | None] = relationship(foreign_keys=[user_id], lazy="joined")
    used_by: Mapped[User | None] = relationship(foreign_keys=[used_by_id], lazy="joined")

    @property
    def taxa(self) -> list[str]:
        """Scientific names, each once, in their order."""
        return list(dict.fromkeys(keyword["taxon"] for keyword in self.keywords))

    @property
    def has_photos(self) -> bool:
        """Whether there is something to look through."""
        return self.kept > 0 and self.phase in {"looking", "done"}

    def as_summary(self) -> dict[str, Any]:
        """What the audit log keeps of it."""
        return {
            "taxa": self.taxa,
            "keywords": [keyword["text"] for keyword in self.keywords],
            "licences": self.licences,
        }


class CollectedPhoto(Base):
    """A photo with its owner and licence, the prediction of the model in service, and what a person decided."""

    __tablename__ = "collected_photos"
    __table_args__ = (
        UniqueConstraint("collection_id", "flickr_id"),
        Index("ix_collected_photos_order", "collection_id", "doubt", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    collection_id: Mapped[int] = mapped_column(ForeignKey("collections.id", ondelete="CASCADE"))
    flickr_id: Mapped[str] = mapped_column(String(40))
    taxon: Mapped[str] = mapped_column(String(200), doc="scientific name of the taxon that was looked for")
    owner_nsid: Mapped[str] = mapped_column(String(100), doc="Flickr's name for the photographer, which never changes")
    owner_name: Mapped[str] = mapped_column(Text)
    title: Mapped[str] = mapped_column(Text)
    licence_name: Mapped[str] = mapped_column(String(200))
    licence_url: Mapped[str] = mapped_column(Text)
    page_url: Mapped[str] = mapped_column(Text)
    taken: Mapped[str] = mapped_column(String(40), doc="ISO 8601 without zone; empty: not known")
    file_name: Mapped[str] = mapped_column(String(300), doc="in the collection's folder of photos")
    width: Mapped[int] = mapped_column(Integer)
    height: Mapped[int] = mapped_column(Integer)
    sha256: Mapped[str] = mapped_column(String(64))

    model_version_id: Mapped[int | None] = mapped_column(
        ForeignKey("model_versions.id"), doc="which looked; NULL: none yet"
    )
    probability: Mapped[float | None] = mapped_column(doc="of the taxon; NULL: the version does not know it")
    top_taxon: Mapped[str] = mapped_column(String(200), default="", doc="the likeliest; empty: it could not be read")
    top_probability: Mapped[float] = mapped_column(default=0.0)
    in_scope: Mapped[float] = mapped_column(default=0.0)
    doubt: Mapped[float] = mapped_column(default=0.0, doc="how likely the label is an error; the largest come first")

    decision: Mapped[PhotoDecision] = mapped_column(text_enum(PhotoDecision), default=PhotoDecision.UNDECIDED)
    shown_taxon_id: Mapped[int | None] = mapped_column(
        ForeignKey("taxa.id"), doc="with OTHER_SPECIES: the taxon that a person named instead"
    )
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    act: Mapped[str] = mapped_column(String(32), default="", doc="decisions made together share it")
    revision: Mapped[int] = mapped_column(Integer, default=0, doc="counts decisions, so that old pages are noticed")

    shown_taxon: Mapped[Taxon | None] = relationship(lazy="joined")
    decided_by: Mapped[User | None] = relationship(lazy="joined")

    @property
    def owner_url(self) -> str:
        """The photographer's page."""
        return f"https://www.flickr.com/people/{self.owner_nsid}/"

    @property
    def shows(self) -> str:
        """Scientific name of its label in data sets: the taxon that a person named, else the one that was searched for."""
        return self.shown_taxon.scientific_name if self.shown_taxon else self.taxon


class PhotographerRemoval(Base):
    """A photographer asked for the removal of their photos from a collection. Its state is that of its job."""

    __tablename__ = "photographer_removals"

    id: Mapped[int] = mapped_column(primary_key=True)
    job_id: Mapped[int] = mapped_column(ForeignKey("jobs.id"), unique=True)
    collection_id: Mapped[int] = mapped_column(ForeignKey("collections.id", ondelete="CASCADE"), index=True)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    owner_nsid: Mapped[str] = mapped_column(String(100))
    photos: Mapped[int] = mapped_column(Integer, doc="how many there were when it was asked")

    job: Mapped[Job] = relationship(lazy="joined")

    @property
    def revision(self) -> int:
        """Pages show nothing of it but the state of its job."""
        return 0
