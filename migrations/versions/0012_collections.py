"""collections: photos from Flickr, and what people said of them

Revision ID: 0012
Revises: 0011
"""

import sqlalchemy as sa
from alembic import op

import app.core.db

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "collections",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("job_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("folder", sa.String(length=40), nullable=False),
        sa.Column("keywords", sa.JSON(), nullable=False),
        sa.Column("licences", sa.JSON(), nullable=False),
        sa.Column("size", sa.String(length=40), nullable=False),
        sa.Column("wanted", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("phase", sa.String(length=40), nullable=False),
        sa.Column("found", sa.Integer(), nullable=False),
        sa.Column("kept", sa.Integer(), nullable=False),
        sa.Column("looked", sa.Integer(), nullable=False),
        sa.Column("left_out", sa.JSON(), nullable=False),
        sa.Column("keyword", sa.String(length=200), nullable=False),
        sa.Column("pause", sa.String(length=300), nullable=False),
        sa.Column("log", sa.Text(), nullable=False),
        sa.Column("machine", sa.String(length=100), nullable=False),
        sa.Column("process_group", sa.Integer(), nullable=True),
        sa.Column("created_at", app.core.db.UtcDateTime(timezone=True), nullable=False),
        sa.Column("data_set", sa.String(length=80), nullable=True),
        sa.Column("used_photos", sa.Integer(), nullable=False),
        sa.Column("used_by_id", sa.Integer(), nullable=True),
        sa.Column("used_at", app.core.db.UtcDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_collections_job_id_jobs")),
        sa.ForeignKeyConstraint(
            ["used_by_id"], ["users.id"], name=op.f("fk_collections_used_by_id_users"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_collections_user_id_users"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_collections")),
        sa.UniqueConstraint("folder", name=op.f("uq_collections_folder")),
        sa.UniqueConstraint("job_id", name=op.f("uq_collections_job_id")),
    )
    op.create_table(
        "collected_photos",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("collection_id", sa.Integer(), nullable=False),
        sa.Column("flickr_id", sa.String(length=40), nullable=False),
        sa.Column("taxon", sa.String(length=200), nullable=False),
        sa.Column("owner_nsid", sa.String(length=100), nullable=False),
        sa.Column("owner_name", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("licence_name", sa.String(length=200), nullable=False),
        sa.Column("licence_url", sa.Text(), nullable=False),
        sa.Column("page_url", sa.Text(), nullable=False),
        sa.Column("taken", sa.String(length=40), nullable=False),
        sa.Column("file_name", sa.String(length=300), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("model_version_id", sa.Integer(), nullable=True),
        sa.Column("probability", sa.Double(), nullable=True),
        sa.Column("top_taxon", sa.String(length=200), nullable=False),
        sa.Column("top_probability", sa.Double(), nullable=False),
        sa.Column("in_scope", sa.Double(), nullable=False),
        sa.Column("doubt", sa.Double(), nullable=False),
        sa.Column(
            "decision",
            sa.Enum(
                "undecided",
                "right",
                "wrong",
                "no_butterfly",
                "duplicate",
                name="photodecision",
                native_enum=False,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("decided_by_id", sa.Integer(), nullable=True),
        sa.Column("decided_at", app.core.db.UtcDateTime(timezone=True), nullable=True),
        sa.Column("act", sa.String(length=32), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["collection_id"],
            ["collections.id"],
            name=op.f("fk_collected_photos_collection_id_collections"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["decided_by_id"], ["users.id"], name=op.f("fk_collected_photos_decided_by_id_users"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["model_version_id"],
            ["model_versions.id"],
            name=op.f("fk_collected_photos_model_version_id_model_versions"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_collected_photos")),
        sa.UniqueConstraint("collection_id", "flickr_id", name=op.f("uq_collected_photos_collection_id")),
    )
    op.create_index("ix_collected_photos_order", "collected_photos", ["collection_id", "doubt", "id"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_collected_photos_order", table_name="collected_photos")
    op.drop_table("collected_photos")
    op.drop_table("collections")
