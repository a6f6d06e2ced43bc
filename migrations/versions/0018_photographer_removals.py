"""photographer removals: what a photographer asked for is done by the worker

Revision ID: 0018
Revises: 0017
"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "photographer_removals",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("job_id", sa.Integer(), nullable=False),
        sa.Column("collection_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("owner_nsid", sa.String(length=100), nullable=False),
        sa.Column("photos", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["collection_id"],
            ["collections.id"],
            name=op.f("fk_photographer_removals_collection_id_collections"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_photographer_removals_job_id_jobs")),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_photographer_removals_user_id_users"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_photographer_removals")),
        sa.UniqueConstraint("job_id", name=op.f("uq_photographer_removals_job_id")),
    )
    op.create_index(
        op.f("ix_photographer_removals_collection_id"), "photographer_removals", ["collection_id"], unique=False
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_photographer_removals_collection_id"), table_name="photographer_removals")
    op.drop_table("photographer_removals")
    # An older version does not know this kind of job.
    op.execute("DELETE FROM jobs WHERE kind = 'photographer'")
