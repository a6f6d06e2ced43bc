"""snapshots of verified photos, and training runs

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op

import app.core.db

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "snapshots",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("task", sa.String(length=100), nullable=False),
        sa.Column("fingerprint", sa.String(length=80), nullable=False),
        sa.Column("wanted", sa.JSON(), nullable=False),
        sa.Column("bases", sa.JSON(), nullable=False),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.Column("created_at", app.core.db.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_snapshots")),
        sa.UniqueConstraint("fingerprint", name=op.f("uq_snapshots_fingerprint")),
    )
    op.create_table(
        "photo_parts",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("part", sa.Enum("train", "test", name="part", native_enum=False, length=32), nullable=False),
        sa.Column("volunteer_id", sa.Integer(), nullable=True),
        sa.Column("assigned_at", app.core.db.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["volunteer_id"],
            ["volunteers.id"],
            name=op.f("fk_photo_parts_volunteer_id_volunteers"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_photo_parts")),
    )
    op.create_index(op.f("ix_photo_parts_volunteer_id"), "photo_parts", ["volunteer_id"], unique=False)
    op.create_table(
        "training_runs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("task", sa.String(length=100), nullable=False),
        sa.Column("job_id", sa.Integer(), nullable=False),
        sa.Column("snapshot_id", sa.Integer(), nullable=False),
        sa.Column(
            "cause",
            sa.Enum("person", "command_line", "nightly", "new_photos", name="trigger", native_enum=False, length=32),
            nullable=False,
        ),
        sa.Column("occasion", sa.String(length=100), nullable=True),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("config", sa.String(length=200), nullable=False),
        sa.Column("start", sa.Enum("scratch", "active", name="start", native_enum=False, length=32), nullable=False),
        sa.Column("start_version_id", sa.Integer(), nullable=True),
        sa.Column("options", sa.JSON(), nullable=False),
        sa.Column("labels", sa.JSON(), nullable=False),
        sa.Column("model_name", sa.String(length=100), nullable=False),
        sa.Column("time_limit_minutes", sa.Integer(), nullable=False),
        sa.Column("memory_limit_megabytes", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("phase", sa.String(length=40), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("epochs", sa.Integer(), nullable=False),
        sa.Column("curves", sa.JSON(), nullable=False),
        sa.Column("images_per_second", sa.Double(), nullable=True),
        sa.Column("seconds_left", sa.Double(), nullable=True),
        sa.Column("log", sa.Text(), nullable=False),
        sa.Column("machine", sa.String(length=100), nullable=False),
        sa.Column("process_group", sa.Integer(), nullable=True),
        sa.Column("seconds_spent", sa.Double(), nullable=False),
        sa.Column("peak_megabytes", sa.Double(), nullable=False),
        sa.Column("comparison", sa.JSON(), nullable=True),
        sa.Column("model_version_id", sa.Integer(), nullable=True),
        sa.Column("created_at", app.core.db.UtcDateTime(timezone=True), nullable=False),
        sa.Column("started_at", app.core.db.UtcDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_training_runs_job_id_jobs")),
        sa.ForeignKeyConstraint(
            ["model_version_id"], ["model_versions.id"], name=op.f("fk_training_runs_model_version_id_model_versions")
        ),
        sa.ForeignKeyConstraint(["snapshot_id"], ["snapshots.id"], name=op.f("fk_training_runs_snapshot_id_snapshots")),
        sa.ForeignKeyConstraint(
            ["start_version_id"], ["model_versions.id"], name=op.f("fk_training_runs_start_version_id_model_versions")
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_training_runs_user_id_users"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_training_runs")),
        sa.UniqueConstraint("job_id", name=op.f("uq_training_runs_job_id")),
        sa.UniqueConstraint("model_version_id", name=op.f("uq_training_runs_model_version_id")),
        sa.UniqueConstraint("occasion", name=op.f("uq_training_runs_occasion")),
    )
    op.create_index(op.f("ix_training_runs_snapshot_id"), "training_runs", ["snapshot_id"], unique=False)
    op.create_table(
        "snapshot_photos",
        sa.Column("snapshot_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("photo_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("taxon_id", sa.Integer(), nullable=True),
        sa.Column(
            "code",
            sa.Enum(
                "pending",
                "accepted_by_machine",
                "V1",
                "V2",
                "C3",
                "R4",
                "R5",
                "D",
                "A",
                name="verificationstatus",
                native_enum=False,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("part", sa.Enum("train", "test", name="part", native_enum=False, length=32), nullable=False),
        sa.Column(
            "verified_by", sa.Enum("flagged", "audit", name="verifiedby", native_enum=False, length=32), nullable=False
        ),
        sa.Column("verified_at", app.core.db.UtcDateTime(timezone=True), nullable=False),
        sa.Column("volunteer", sa.String(length=40), nullable=False),
        sa.Column("event", sa.String(length=40), nullable=False),
        sa.Column("is_new", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["photo_id"], ["photos.id"], name=op.f("fk_snapshot_photos_photo_id_photos"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["snapshot_id"], ["snapshots.id"], name=op.f("fk_snapshot_photos_snapshot_id_snapshots"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["taxon_id"], ["taxa.id"], name=op.f("fk_snapshot_photos_taxon_id_taxa")),
        sa.PrimaryKeyConstraint("snapshot_id", "photo_id", name=op.f("pk_snapshot_photos")),
    )
    op.create_index("ix_snapshot_photos_photo", "snapshot_photos", ["photo_id"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_snapshot_photos_photo", table_name="snapshot_photos")
    op.drop_table("snapshot_photos")
    op.drop_index(op.f("ix_training_runs_snapshot_id"), table_name="training_runs")
    op.drop_table("training_runs")
    op.drop_index(op.f("ix_photo_parts_volunteer_id"), table_name="photo_parts")
    op.drop_table("photo_parts")
    op.drop_table("snapshots")
