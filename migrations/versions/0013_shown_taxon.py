"""collected photos: the species that a photo shows instead of the wanted one

Revision ID: 0013
Revises: 0012
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_KEY = "fk_collected_photos_shown_taxon_id_taxa"


def upgrade() -> None:
    with op.batch_alter_table("collected_photos") as table:
        table.add_column(sa.Column("shown_taxon_id", sa.Integer(), nullable=True))
        table.create_foreign_key(op.f(_KEY), "taxa", ["shown_taxon_id"], ["id"])


def downgrade() -> None:
    # What was named instead is lost; that the wanted species was wrong stays.
    op.execute("UPDATE collected_photos SET decision = 'wrong' WHERE decision = 'other_species'")
    with op.batch_alter_table("collected_photos") as table:
        table.drop_constraint(op.f(_KEY), type_="foreignkey")
        table.drop_column("shown_taxon_id")
