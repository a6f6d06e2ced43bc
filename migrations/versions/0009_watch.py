"""watching the version in service

Revision ID: 0009
Revises: 0008
"""

import sqlalchemy as sa
from alembic import op

import app.core.db

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "watch_alerts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("model_version_id", sa.Integer(), nullable=False),
        sa.Column("week", sa.Date(), nullable=False),
        sa.Column("figure", sa.String(length=40), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("limit", sa.Double(), nullable=False),
        sa.Column("created_at", app.core.db.UtcDateTime(timezone=True), nullable=False),
        sa.Column("sent_at", app.core.db.UtcDateTime(timezone=True), nullable=True),
        sa.Column("seen_at", app.core.db.UtcDateTime(timezone=True), nullable=True),
        sa.Column("seen_by", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["model_version_id"],
            ["model_versions.id"],
            name=op.f("fk_watch_alerts_model_version_id_model_versions"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["seen_by"], ["users.id"], name=op.f("fk_watch_alerts_seen_by_users"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_watch_alerts")),
        sa.UniqueConstraint("model_version_id", "week", "figure", name=op.f("uq_watch_alerts_model_version_id")),
    )
    op.add_column("predictions", sa.Column("sketch", sa.JSON(none_as_null=True), nullable=True))


def downgrade() -> None:
    op.drop_column("predictions", "sketch")
    op.drop_table("watch_alerts")
