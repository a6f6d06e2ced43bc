"""training runs: which photos each wanted, for two runs may share a snapshot; a snapshot's task is that of its runs

Revision ID: 0014
Revises: 0013
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("training_runs") as table:
        table.add_column(sa.Column("wanted", sa.JSON(), nullable=True))
    op.execute(
        "UPDATE training_runs SET wanted ="
        " (SELECT snapshots.wanted FROM snapshots WHERE snapshots.id = training_runs.snapshot_id)"
    )
    with op.batch_alter_table("training_runs") as table:
        table.alter_column("wanted", existing_type=sa.JSON(), nullable=False)
    with op.batch_alter_table("snapshots") as table:
        table.drop_column("wanted")
        table.drop_column("task")


def downgrade() -> None:
    with op.batch_alter_table("snapshots") as table:
        table.add_column(sa.Column("task", sa.String(length=100), nullable=True))
        table.add_column(sa.Column("wanted", sa.JSON(), nullable=True))
    # A snapshot is made for a run; the first one says what it was for.
    op.execute(
        "UPDATE snapshots SET (task, wanted) = (SELECT training_runs.task, training_runs.wanted FROM training_runs"
        " WHERE training_runs.snapshot_id = snapshots.id ORDER BY training_runs.id LIMIT 1)"
    )
    with op.batch_alter_table("snapshots") as table:
        table.alter_column("task", existing_type=sa.String(length=100), nullable=False)
        table.alter_column("wanted", existing_type=sa.JSON(), nullable=False)
    with op.batch_alter_table("training_runs") as table:
        table.drop_column("wanted")
