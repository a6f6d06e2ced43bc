"""candidates: what versions that do not serve say

Revision ID: 0008
Revises: 0007
"""

import sqlalchemy as sa
from alembic import op

import app.core.db

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "replays",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("model_version_id", sa.Integer(), nullable=False),
        sa.Column("against_id", sa.Integer(), nullable=False),
        sa.Column("only_measuring", sa.Boolean(), nullable=False),
        sa.Column("since", app.core.db.UtcDateTime(timezone=True), nullable=True),
        sa.Column("submissions", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("created_at", app.core.db.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["against_id"], ["model_versions.id"], name=op.f("fk_replays_against_id_model_versions"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["model_version_id"],
            ["model_versions.id"],
            name=op.f("fk_replays_model_version_id_model_versions"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_replays_user_id_users"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_replays")),
    )
    op.create_index(op.f("ix_replays_model_version_id"), "replays", ["model_version_id"], unique=False)
    op.create_table(
        "replay_chunks",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("replay_id", sa.Integer(), nullable=False),
        sa.Column("job_id", sa.Integer(), nullable=False),
        sa.Column("submission_ids", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_replay_chunks_job_id_jobs")),
        sa.ForeignKeyConstraint(
            ["replay_id"], ["replays.id"], name=op.f("fk_replay_chunks_replay_id_replays"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_replay_chunks")),
        sa.UniqueConstraint("job_id", name=op.f("uq_replay_chunks_job_id")),
    )
    op.create_index(op.f("ix_replay_chunks_replay_id"), "replay_chunks", ["replay_id"], unique=False)
    op.create_table(
        "replay_verdicts",
        sa.Column("replay_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("submission_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column(
            "before",
            sa.Enum("agree", "disagree", "uncertain", "out_of_scope", name="outcome", native_enum=False, length=32),
            nullable=False,
        ),
        sa.Column(
            "after",
            sa.Enum("agree", "disagree", "uncertain", "out_of_scope", name="outcome", native_enum=False, length=32),
            nullable=False,
        ),
        sa.Column("accepted_before", sa.Boolean(), nullable=False),
        sa.Column("accepted_after", sa.Boolean(), nullable=False),
        sa.Column("accepted_now", sa.Boolean(), nullable=False),
        sa.Column("decided", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["replay_id"], ["replays.id"], name=op.f("fk_replay_verdicts_replay_id_replays"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["submission_id"],
            ["submissions.id"],
            name=op.f("fk_replay_verdicts_submission_id_submissions"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("replay_id", "submission_id", name=op.f("pk_replay_verdicts")),
    )
    op.create_index("ix_replay_verdicts_flips", "replay_verdicts", ["replay_id", "before", "after"], unique=False)
    op.create_index(op.f("ix_replay_verdicts_submission_id"), "replay_verdicts", ["submission_id"], unique=False)
    op.create_table(
        "candidate_predictions",
        sa.Column("model_version_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("photo_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("probabilities", sa.JSON(), nullable=False),
        sa.Column("in_scope", sa.Double(), nullable=False),
        sa.Column("created_at", app.core.db.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["model_version_id"],
            ["model_versions.id"],
            name=op.f("fk_candidate_predictions_model_version_id_model_versions"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["photo_id"], ["photos.id"], name=op.f("fk_candidate_predictions_photo_id_photos"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("model_version_id", "photo_id", name=op.f("pk_candidate_predictions")),
    )
    op.create_index(op.f("ix_candidate_predictions_photo_id"), "candidate_predictions", ["photo_id"], unique=False)
    op.add_column("model_versions", sa.Column("shadow", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.create_index(
        "uq_model_versions_shadow_task",
        "model_versions",
        ["task"],
        unique=True,
        sqlite_where=sa.text("shadow"),
        postgresql_where=sa.text("shadow"),
    )


def downgrade() -> None:
    op.drop_index(
        "uq_model_versions_shadow_task",
        table_name="model_versions",
        sqlite_where=sa.text("shadow"),
        postgresql_where=sa.text("shadow"),
    )
    op.drop_column("model_versions", "shadow")
    op.drop_index(op.f("ix_candidate_predictions_photo_id"), table_name="candidate_predictions")
    op.drop_table("candidate_predictions")
    op.drop_index(op.f("ix_replay_verdicts_submission_id"), table_name="replay_verdicts")
    op.drop_index("ix_replay_verdicts_flips", table_name="replay_verdicts")
    op.drop_table("replay_verdicts")
    op.drop_index(op.f("ix_replay_chunks_replay_id"), table_name="replay_chunks")
    op.drop_table("replay_chunks")
    op.drop_index(op.f("ix_replays_model_version_id"), table_name="replays")
    op.drop_table("replays")
