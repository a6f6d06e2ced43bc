"""What coordinators set for the review desk, what reviewers set for themselves, and suspensions of machine acceptance."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, Integer, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db import Base, UtcDateTime, utcnow
from app.domain.review import Rule
from app.models.columns import text_enum
from app.models.taxon import Taxon


class ReviewSettings(Base):
    """One row, with number 1, once a coordinator has changed anything; until then the defaults hold."""

    __tablename__ = "review_settings"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    rule: Mapped[Rule] = mapped_column(text_enum(Rule), default=Rule.ONE)
    audit_share: Mapped[float] = mapped_column(default=0.05, doc="of what the machine accepts, looked at by an expert")
    blind_share: Mapped[float] = mapped_column(default=0.0, doc="of everything else, shown without claim and verdict")
    lease_minutes: Mapped[int] = mapped_column(Integer, default=10)
    wrong_limit: Mapped[float] = mapped_column(
        default=0.1, doc="upper bound of wrong acceptances that suspends a species"
    )
    minimum_audits: Mapped[int] = mapped_column(Integer, default=0, doc="beyond those that the limit itself asks for")
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)


class ReviewRule(Base):
    """How many experts a species takes, where it is not as many as by default."""

    __tablename__ = "review_rules"

    taxon_id: Mapped[int] = mapped_column(
        ForeignKey("taxa.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    rule: Mapped[Rule] = mapped_column(text_enum(Rule))

    taxon: Mapped[Taxon] = relationship(lazy="joined")


class AcceptanceSuspension(Base):
    """A species that the machine may not accept for now, because too many acceptances were wrong. Lifting it is noted here."""

    __tablename__ = "acceptance_suspensions"
    __table_args__ = (
        Index(
            "uq_acceptance_suspensions_open",
            "taxon_id",
            unique=True,
            sqlite_where=text("lifted_at IS NULL"),
            postgresql_where=text("lifted_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    taxon_id: Mapped[int] = mapped_column(ForeignKey("taxa.id", ondelete="CASCADE"))
    wrong: Mapped[int] = mapped_column(Integer)
    audits: Mapped[int] = mapped_column(Integer)
    upper_bound: Mapped[float]
    wrong_limit: Mapped[float]
    suspended_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    lifted_by: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    lifted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    remark: Mapped[str] = mapped_column(Text, default="")

    taxon: Mapped[Taxon] = relationship(lazy="joined")


class SavedFilter(Base):
    """A filter of the queue under a name that its user gave."""

    __tablename__ = "saved_filters"
    __table_args__ = (UniqueConstraint("user_id", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(80))
    query: Mapped[str] = mapped_column(String(2000), doc="as in the address of the queue")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)


class ReviewerPreference(Base):
    """How a reviewer likes the desk. ``options``: brightness and the like, which only pages read."""

    __tablename__ = "reviewer_preferences"

    user_id: Mapped[int] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    blind: Mapped[bool] = mapped_column(default=False, doc="hide claim and verdict of every item until it is answered")
    options: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)


class ReviewSkip(Base):
    """A submission that a reviewer put off: "next" leaves it to others for a while."""

    __tablename__ = "review_skips"

    user_id: Mapped[int] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    submission_id: Mapped[int] = mapped_column(
        ForeignKey("submissions.id", ondelete="CASCADE"), primary_key=True, autoincrement=False, index=True
    )
    skipped_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
