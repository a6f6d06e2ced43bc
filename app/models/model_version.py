"""Model versions known to the service; the folder is the truth, the row says where it is and whether it serves."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, String, UniqueConstraint, false, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base, UtcDateTime, utcnow


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
