"""Which model version served from when on, who put it there, and why. Rows are only ever added."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db import Base, UtcDateTime, utcnow
from app.models.account import User
from app.models.columns import text_enum
from app.models.model_version import ModelVersion


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
