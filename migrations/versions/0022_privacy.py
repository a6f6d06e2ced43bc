"""privacy: the organisation, consent and licence of photos, rounded places, erased accounts

Revision ID: 0022
Revises: 0021
"""

import sqlalchemy as sa
from alembic import op

import app.core.db

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "organisation",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("website", sa.String(length=300), nullable=False),
        sa.Column("contact_email", sa.String(length=254), nullable=False),
        sa.Column("controller", sa.String(length=500), nullable=False),
        sa.Column("welcome", sa.JSON(), nullable=False),
        sa.Column("notice", sa.JSON(), nullable=False),
        sa.Column("photo_licence", sa.String(length=32), nullable=True),
        sa.Column("training", sa.Boolean(), nullable=False),
        sa.Column("logo", sa.Text(), nullable=True),
        sa.Column("logo_digest", sa.String(length=16), nullable=False),
        sa.Column("logo_width", sa.Integer(), nullable=False),
        sa.Column("logo_height", sa.Integer(), nullable=False),
        sa.Column("updated_at", app.core.db.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organisation")),
    )
    # The publisher of the records is the organisation; it was asked for there first.
    op.execute(
        "INSERT INTO organisation (id, name, website, contact_email, controller, welcome, notice, training, logo_digest,"
        " logo_width, logo_height, updated_at)"
        " SELECT id, organisation, '', contact_email, '', '{}', '{}', true, '', 0, 0, updated_at FROM record_descriptions"
    )
    op.drop_column("record_descriptions", "organisation")
    op.drop_column("record_descriptions", "contact_email")
    # What was sent before anybody was asked stays what it was: it may train models, and nobody gave a licence.
    op.add_column("submissions", sa.Column("training", sa.Boolean(), nullable=False, server_default=sa.true()))
    op.add_column("submissions", sa.Column("photo_licence", sa.String(length=32), nullable=True))
    op.add_column("submissions", sa.Column("place_rounded_at", app.core.db.UtcDateTime(), nullable=True))
    op.add_column("users", sa.Column("erased_at", app.core.db.UtcDateTime(), nullable=True))


def downgrade() -> None:
    op.drop_column("users", "erased_at")
    op.drop_column("submissions", "place_rounded_at")
    op.drop_column("submissions", "photo_licence")
    op.drop_column("submissions", "training")
    for name, length in (("organisation", 200), ("contact_email", 254)):
        column = sa.Column(name, sa.String(length=length), nullable=False, server_default="")
        op.add_column("record_descriptions", column)
    op.execute(
        "UPDATE record_descriptions SET"
        " organisation = COALESCE((SELECT o.name FROM organisation o WHERE o.id = record_descriptions.id), ''),"
        " contact_email = COALESCE((SELECT o.contact_email FROM organisation o WHERE o.id = record_descriptions.id), '')"
    )
    op.drop_table("organisation")
