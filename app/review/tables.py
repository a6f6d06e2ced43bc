"""The review desk: settings, tasks, identifications, batches, questions, and suspensions of machine acceptance."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    ColumnElement,
    Date,
    ForeignKey,
    Index,
    Integer,
    String,
    Text,
    UniqueConstraint,
    and_,
    literal,
    select,
    text,
)
from sqlalchemy.orm import Mapped, MappedAsDataclass, aliased, mapped_column, relationship

from app.accounts.tables import User
from app.core.db import Base, UtcDateTime, text_enum, utcnow
from app.predictions.tables import ModelVersion
from app.review.rules import ANSWERS, IdentificationKind, PhotoQuality, ReviewReason, Rule, TaskState
from app.submissions.rules import VerificationStatus
from app.submissions.tables import Submission
from app.taxa.tables import Taxon


class DeskSettings(MappedAsDataclass, Base, eq=False, kw_only=True):
    """What coordinators set for the desk. One row, once anything was changed; until then the defaults hold.

    Shares and the limit are fractions of 1.
    """

    __tablename__ = "review_settings"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, init=False, default=1)
    rule: Mapped[Rule] = mapped_column(text_enum(Rule), default=Rule.ONE)
    audit_share: Mapped[float] = mapped_column(default=0.05, doc="of what the machine accepts, looked at by an expert")
    blind_share: Mapped[float] = mapped_column(default=0.0, doc="of everything else, shown without claim and verdict")
    lease_minutes: Mapped[int] = mapped_column(Integer, default=10)
    wrong_limit: Mapped[float] = mapped_column(
        default=0.1, doc="upper bound of wrong acceptances that suspends a species"
    )
    minimum_audits: Mapped[int] = mapped_column(Integer, default=0, doc="beyond those that the limit itself asks for")
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, init=False, default_factory=utcnow)


class ReviewRule(Base):
    """How many experts a species takes, where that differs from the default."""

    __tablename__ = "review_rules"

    taxon_id: Mapped[int] = mapped_column(
        ForeignKey("taxa.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    rule: Mapped[Rule] = mapped_column(text_enum(Rule))

    taxon: Mapped[Taxon] = relationship(lazy="joined")


class AcceptanceSuspension(Base):
    """A species that the machine may not accept for now, because too many acceptances were wrong; and the end of that."""

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
    """A filter of the queue that a user saved under a name."""

    __tablename__ = "saved_filters"
    __table_args__ = (UniqueConstraint("user_id", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(80))
    query: Mapped[str] = mapped_column(String(2000), doc="query string of the queue")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)


class ReviewerPreference(MappedAsDataclass, Base, eq=False, kw_only=True):
    """How a reviewer likes the desk. ``options``: brightness and the like, which only pages read."""

    __tablename__ = "reviewer_preferences"

    user_id: Mapped[int] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    blind: Mapped[bool] = mapped_column(default=False, doc="hide claim and verdict of every item until it is answered")
    options: Mapped[dict[str, Any]] = mapped_column(JSON, default_factory=dict)


class ReviewSkip(Base):
    """A submission that a reviewer skipped: it comes last for that reviewer for a while."""

    __tablename__ = "review_skips"

    user_id: Mapped[int] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    submission_id: Mapped[int] = mapped_column(
        ForeignKey("submissions.id", ondelete="CASCADE"), primary_key=True, autoincrement=False, index=True
    )
    skipped_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)


# PostgreSQL sorts text by language; a prefix is found in the order of bytes.
_PLACE_KEY = String(80).with_variant(String(80, collation="C"), "postgresql")
_ORDER = ("position", "submission_id")


class ReviewTask(Base):
    """One row for each submission that is or was for a person: whose turn it is, and its position in the queue.

    What the queue is filtered by is copied here from other tables, so that each page is one walk along one index. Every
    list has the same order, ``position`` and then the submission's number: for open tasks the priority, for others minus
    the second at which they left the queue, so that the latest come first.
    """

    __tablename__ = "review_tasks"
    __table_args__ = (
        Index("ix_review_tasks_queue", "state", *_ORDER),
        Index("ix_review_tasks_reason", "reason", "blind", "state", *_ORDER),
        Index("ix_review_tasks_claimed", "claimed_taxon_id", "blind", "state", *_ORDER),
        Index("ix_review_tasks_pair", "claimed_taxon_id", "predicted_taxon_id", "blind", "state", *_ORDER),
        Index("ix_review_tasks_predicted", "predicted_taxon_id", "blind", "state", *_ORDER),
        Index("ix_review_tasks_quality", "quality", "state", *_ORDER),
        Index("ix_review_tasks_reviewer", "last_user_id", "state", *_ORDER),
        Index("ix_review_tasks_outcome", "outcome_taxon_id", "state", *_ORDER),
        Index("ix_review_tasks_event_date", "state", "event_date", *_ORDER),
        Index("ix_review_tasks_place", "state", "place_key", *_ORDER),
        Index(
            "ix_review_tasks_assigned",
            "assigned_user_id",
            sqlite_where=text("assigned_user_id IS NOT NULL"),
            postgresql_where=text("assigned_user_id IS NOT NULL"),
        ),
        Index(
            "ix_review_tasks_leased",
            "leased_by",
            sqlite_where=text("leased_by IS NOT NULL"),
            postgresql_where=text("leased_by IS NOT NULL"),
        ),
        Index(
            "ix_review_tasks_audits",
            "claimed_taxon_id",
            "closed_at",
            sqlite_where=text("audit"),
            postgresql_where=text("audit"),
        ),
    )

    submission_id: Mapped[int] = mapped_column(
        ForeignKey("submissions.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    state: Mapped[TaskState] = mapped_column(text_enum(TaskState), default=TaskState.OPEN)
    reason: Mapped[ReviewReason] = mapped_column(text_enum(ReviewReason))
    position: Mapped[int] = mapped_column(Integer)
    revision: Mapped[int] = mapped_column(
        Integer, default=1, doc="counts every change; a decision names the one it saw"
    )
    last_event: Mapped[str] = mapped_column(
        String(40), default="screened", info={"stays": "log"}, doc="what made the present revision"
    )
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    blind: Mapped[bool] = mapped_column(
        default=False, doc="claim and verdict are hidden until it is answered; false once it is decided"
    )
    audit: Mapped[bool] = mapped_column(default=False, doc="drawn from what the machine accepted")

    claimed_taxon_id: Mapped[int | None] = mapped_column(ForeignKey("taxa.id"))
    predicted_taxon_id: Mapped[int | None] = mapped_column(ForeignKey("taxa.id"))
    model_version_id: Mapped[int | None] = mapped_column(ForeignKey("model_versions.id"))
    quality: Mapped[PhotoQuality] = mapped_column(text_enum(PhotoQuality), default=PhotoQuality.UNKNOWN)
    event_date: Mapped[date | None] = mapped_column(Date, info={"personal": "sighting"})
    place_key: Mapped[str] = mapped_column(
        _PLACE_KEY, default="", info={"personal": "words"}, doc="the place in small letters, cut short"
    )
    search_text: Mapped[str] = mapped_column(
        Text, default="", info={"personal": "words"}, doc="place, note and typed name in small letters"
    )

    answers: Mapped[int] = mapped_column(Integer, default=0, doc="experts whose answer stands")
    needed: Mapped[int] = mapped_column(Integer, default=1, doc="experts who must agree")
    disputed: Mapped[bool] = mapped_column(default=False)
    outcome_kind: Mapped[IdentificationKind | None] = mapped_column(text_enum(IdentificationKind))
    outcome_taxon_id: Mapped[int | None] = mapped_column(ForeignKey("taxa.id"))
    outcome_code: Mapped[VerificationStatus | None] = mapped_column(text_enum(VerificationStatus))

    assigned_user_id: Mapped[int | None] = mapped_column(
        ForeignKey("users.id", ondelete="SET NULL"), doc="whose question was answered"
    )
    leased_by: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    leased_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_user_id: Mapped[int | None] = mapped_column(
        ForeignKey("users.id", ondelete="SET NULL"), doc="who identified it last"
    )
    waiting_since: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    submission: Mapped[Submission] = relationship()
    claimed: Mapped[Taxon | None] = relationship(foreign_keys=[claimed_taxon_id])
    predicted: Mapped[Taxon | None] = relationship(foreign_keys=[predicted_taxon_id])
    outcome_taxon: Mapped[Taxon | None] = relationship(foreign_keys=[outcome_taxon_id])


class Identification(Base):
    """What a person said about a submission, and what the page showed then. Undoing it adds another row."""

    __tablename__ = "identifications"
    __table_args__ = (
        Index("ix_identifications_user_created", "user_id", "created_at"),
        Index("ix_identifications_created", "created_at"),
        UniqueConstraint("undoes_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    submission_id: Mapped[int] = mapped_column(ForeignKey("submissions.id", ondelete="CASCADE"), index=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    kind: Mapped[IdentificationKind] = mapped_column(text_enum(IdentificationKind), info={"stays": "opinions"})
    taxon_id: Mapped[int | None] = mapped_column(ForeignKey("taxa.id"))
    verification_status: Mapped[VerificationStatus | None] = mapped_column(text_enum(VerificationStatus))
    remark: Mapped[str] = mapped_column(Text, default="", info={"personal": "conversation"})
    message: Mapped[str] = mapped_column(
        Text,
        default="",
        server_default="",
        info={"personal": "conversation"},
        doc="what the volunteer may read",
    )
    claim_shown: Mapped[bool] = mapped_column(default=True)
    model_shown: Mapped[bool] = mapped_column(default=True)
    model_version_id: Mapped[int | None] = mapped_column(
        ForeignKey("model_versions.id"), doc="whose opinion there was, shown or not"
    )
    claimed_taxon_id: Mapped[int | None] = mapped_column(ForeignKey("taxa.id"), doc="the claim that stood then")
    predicted_taxon_id: Mapped[int | None] = mapped_column(ForeignKey("taxa.id"), doc="what the model said then")
    seconds: Mapped[float | None] = mapped_column(doc="how long it took, as the page measured")
    revision: Mapped[int] = mapped_column(Integer, doc="of the task, after this")
    batch_id: Mapped[int | None] = mapped_column(ForeignKey("review_batches.id"), index=True)
    undoes_id: Mapped[int | None] = mapped_column(ForeignKey("identifications.id"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)

    user: Mapped[User] = relationship(lazy="joined")
    taxon: Mapped[Taxon | None] = relationship(foreign_keys=[taxon_id], lazy="joined")
    model_version: Mapped[ModelVersion | None] = relationship()

    @classmethod
    def stands(cls) -> ColumnElement[bool]:
        """SQL: nobody has undone it."""
        undo = aliased(cls)
        return ~select(literal(1)).where(undo.undoes_id == cls.id).correlate(cls).exists()

    @classmethod
    def is_standing_answer(cls) -> ColumnElement[bool]:
        """SQL: it is an answer, and nobody has undone it."""
        return and_(cls.kind.in_(ANSWERS), cls.stands())


class ReviewBatch(Base):
    """Many identifications made by one action, which can be undone as one."""

    __tablename__ = "review_batches"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    claimed_taxon_id: Mapped[int | None] = mapped_column(ForeignKey("taxa.id"))
    predicted_taxon_id: Mapped[int | None] = mapped_column(ForeignKey("taxa.id"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    undone_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class ReviewQuestion(Base):
    """What a reviewer asked a volunteer, and the answer. ``withdrawn_at``: undone, or decided without an answer."""

    __tablename__ = "review_questions"

    id: Mapped[int] = mapped_column(primary_key=True)
    submission_id: Mapped[int] = mapped_column(ForeignKey("submissions.id", ondelete="CASCADE"), index=True)
    asked_by: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    identification_id: Mapped[int] = mapped_column(ForeignKey("identifications.id", ondelete="CASCADE"), unique=True)
    language: Mapped[str] = mapped_column(String(12), info={"personal": "conversation"})
    body: Mapped[str] = mapped_column(Text, info={"personal": "conversation"})
    answer: Mapped[str | None] = mapped_column(Text, info={"personal": "words"})
    asked_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    answered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    withdrawn_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    lapsed_at: Mapped[datetime | None] = mapped_column(UtcDateTime, doc="no answer came in time; also withdrawn then")

    asker: Mapped[User] = relationship(lazy="joined")


class QuestionTemplate(Base):
    """A question that is asked often, in one language; for one taxon, or for any."""

    __tablename__ = "question_templates"
    __table_args__ = (Index("ix_question_templates_language_taxon", "language", "taxon_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    taxon_id: Mapped[int | None] = mapped_column(ForeignKey("taxa.id", ondelete="CASCADE"))
    language: Mapped[str] = mapped_column(String(12))
    body: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)

    taxon: Mapped[Taxon | None] = relationship(lazy="joined")
