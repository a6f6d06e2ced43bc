"""Registered model versions and their activations. The folder defines a version; its row says where it is."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, Integer, String, Text, UniqueConstraint, false, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.accounts.tables import User
from app.core.db import Base, UtcDateTime, text_enum, utcnow
from app.predictions.rules import Opinion, SquareOrigin


class ModelVersion(Base):
    """One immutable folder. At most one is active per task, which the partial unique index guarantees."""

    __tablename__ = "model_versions"
    __table_args__ = (
        UniqueConstraint("name", "version"),
        Index(
            "uq_model_versions_shadow_task",
            "task",
            unique=True,
            sqlite_where=text("shadow"),
            postgresql_where=text("shadow"),
        ),
        Index(
            "uq_model_versions_active_task",
            "task",
            unique=True,
            sqlite_where=text("active"),
            postgresql_where=text("active"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    task: Mapped[str] = mapped_column(String(100))
    name: Mapped[str] = mapped_column(String(100))
    version: Mapped[str] = mapped_column(String(60))
    location: Mapped[str] = mapped_column(String(1000), doc="'bundled:NAME' or a folder name under the model folder")
    digest: Mapped[str] = mapped_column(String(80), doc="hash over the manifest; a changed folder is another version")
    labels: Mapped[list[str]] = mapped_column(JSON, doc="scientific names in class-index order")
    metrics: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    active: Mapped[bool] = mapped_column(default=False)
    shadow: Mapped[bool] = mapped_column(
        default=False,
        server_default=false(),
        doc="looks at live photos beside the active one, and nobody is shown what it says",
    )
    registered_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    activated_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    @property
    def title(self) -> str:
        """Name and number."""
        return f"{self.name} {self.version}"


class ActivationKind(StrEnum):
    """How a version came to serve."""

    INSTALLED = "installed"  # bundled, or named when the service was started
    PROMOTED = "promoted"
    OVERRULED = "overruled"
    ROLLED_BACK = "rolled_back"


class ModelActivation(Base):
    """One switch. ``replaced_id`` NULL: nothing served before. ``user_id`` NULL: the command line, or an upgrade."""

    __tablename__ = "model_activations"
    __table_args__ = (Index("ix_model_activations_task", "task", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    task: Mapped[str] = mapped_column(String(100))
    model_version_id: Mapped[int] = mapped_column(ForeignKey("model_versions.id"), index=True)
    replaced_id: Mapped[int | None] = mapped_column(ForeignKey("model_versions.id"))
    kind: Mapped[ActivationKind] = mapped_column(text_enum(ActivationKind))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    reason: Mapped[str] = mapped_column(Text, default="")
    gate: Mapped[dict[str, Any] | None] = mapped_column(JSON, doc="what the gate said then; NULL: it was not asked")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)

    model_version: Mapped[ModelVersion] = relationship(foreign_keys=[model_version_id], lazy="joined")
    replaced: Mapped[ModelVersion | None] = relationship(foreign_keys=[replaced_id], lazy="joined")
    user: Mapped[User | None] = relationship(lazy="joined")


class Looked:
    """Squares are x, y, width, height as fractions of the upright photo."""

    probabilities: Mapped[dict[str, float]] = mapped_column(
        JSON, info={"stays": "opinions"}, doc="scientific name → calibrated probability"
    )
    in_scope: Mapped[float]
    square: Mapped[list[float] | None] = mapped_column(
        JSON(none_as_null=True),
        info={"personal": "photos"},
        doc="what the version looked at; NULL: the middle of the photo",
    )
    square_origin: Mapped[SquareOrigin] = mapped_column(text_enum(SquareOrigin), default=SquareOrigin.MIDDLE)
    searched: Mapped[bool] = mapped_column(default=False, doc="the version looked for an animal")
    others: Mapped[list[dict[str, Any]]] = mapped_column(
        JSON, default=list, info={"personal": "photos"}, doc="further animals: square, probabilities, in_scope"
    )
    looks_like: Mapped[list[dict[str, Any]]] = mapped_column(
        JSON,
        default=list,
        doc="species outside the version's labels: scientific_name, probability, vernacular_names by language",
    )
    square_changes: Mapped[int] = mapped_column(
        Integer, default=0, doc="the photo's when it was looked at; other than it is now: an earlier square"
    )

    @property
    def opinion(self) -> Opinion:
        """As verdicts are made of it."""
        return opinion_of(self)


def opinion_of(row: Any) -> Opinion:
    """The opinion in a row that has ``probabilities``, ``in_scope``, ``others``, ``searched`` and ``square_origin``."""
    return Opinion(
        row.probabilities,
        row.in_scope,
        tuple(Opinion(other["probabilities"], other["in_scope"]) for other in row.others),
        nothing_found=row.searched and row.square_origin is SquareOrigin.MIDDLE,
    )
