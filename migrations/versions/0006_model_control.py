"""what served when, and why

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op

import app.core.db

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "model_activations",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("task", sa.String(length=100), nullable=False),
        sa.Column("model_version_id", sa.Integer(), nullable=False),
        sa.Column("replaced_id", sa.Integer(), nullable=True),
        sa.Column(
            "kind",
            sa.Enum(
                "installed",
                "promoted",
                "overruled",
                "rolled_back",
                name="activationkind",
                native_enum=False,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("gate", sa.JSON(), nullable=True),
        sa.Column("created_at", app.core.db.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["model_version_id"],
            ["model_versions.id"],
            name=op.f("fk_model_activations_model_version_id_model_versions"),
        ),
        sa.ForeignKeyConstraint(
            ["replaced_id"], ["model_versions.id"], name=op.f("fk_model_activations_replaced_id_model_versions")
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_model_activations_user_id_users"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_model_activations")),
    )
    op.create_index(op.f("ix_model_activations_model_version_id"), "model_activations", ["model_version_id"])
    op.create_index("ix_model_activations_task", "model_activations", ["task", "id"])
    op.execute(
        "INSERT INTO model_activations (task, model_version_id, kind, reason, created_at) "
        "SELECT task, id, 'installed', '', COALESCE(activated_at, registered_at) FROM model_versions "
        "WHERE active OR activated_at IS NOT NULL ORDER BY COALESCE(activated_at, registered_at)"
    )


def downgrade() -> None:
    op.drop_table("model_activations")
