"""squares: where a version looked, what else it saw there; a square that is changed makes another prediction and verdict

Revision ID: 0016
Revises: 0015
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.types import TypeEngine

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_ORIGIN = sa.Enum("given", "found", "middle", name="squareorigin", native_enum=False, length=32)
# What was drawn, of a photo; a photo without a square has either no value or the value null.
_DRAWN = (
    "(SELECT photos.square FROM photos WHERE photos.id = {table}.photo_id AND CAST(photos.square AS TEXT) <> 'null')"
)
_LOOKED = ("predictions", "candidate_predictions")
_VALUES: dict[str, TypeEngine[Any]] = {
    "searched": sa.Boolean(),
    "others": sa.JSON(),
    "looks_like": sa.JSON(),
    "square_changes": sa.Integer(),
}


def upgrade() -> None:
    for table in _LOOKED:
        with op.batch_alter_table(table) as changed:
            changed.add_column(sa.Column("square", sa.JSON(), nullable=True))
            changed.add_column(sa.Column("square_origin", _ORIGIN, nullable=True))
            for name, kind in _VALUES.items():
                changed.add_column(sa.Column(name, kind, nullable=True))
        op.execute(
            f"UPDATE {table} SET square = {_DRAWN.format(table=table)},"  # noqa: S608
            " searched = false, others = '[]', looks_like = '[]', square_changes = 0"
        )
        op.execute(f"UPDATE {table} SET square_origin = CASE WHEN square IS NULL THEN 'middle' ELSE 'given' END")  # noqa: S608
        with op.batch_alter_table(table) as changed:
            changed.alter_column("square_origin", existing_type=_ORIGIN, nullable=False)
            for name, kind in _VALUES.items():
                changed.alter_column(name, existing_type=kind, nullable=False)
    for table in ("photos", "verdicts"):
        with op.batch_alter_table(table) as changed:
            changed.add_column(sa.Column("square_changes", sa.Integer(), nullable=True))
        op.execute(f"UPDATE {table} SET square_changes = 0")  # noqa: S608
        with op.batch_alter_table(table) as changed:
            changed.alter_column("square_changes", existing_type=sa.Integer(), nullable=False)
    op.add_column("snapshot_photos", sa.Column("square", sa.JSON(), nullable=True))
    op.execute(f"UPDATE snapshot_photos SET square = {_DRAWN.format(table='snapshot_photos')}")  # noqa: S608
    _unique(["square_changes"])


def downgrade() -> None:
    # Of each photo and each claim the newest stays.
    op.execute(
        "DELETE FROM predictions WHERE id NOT IN (SELECT max(id) FROM predictions GROUP BY photo_id, model_version_id)"
    )
    op.execute(
        "DELETE FROM verdicts WHERE id NOT IN (SELECT max(id) FROM verdicts GROUP BY claim_id, model_version_id)"
    )
    op.execute(
        "DELETE FROM candidate_predictions WHERE square_changes < (SELECT max(newer.square_changes)"
        " FROM candidate_predictions newer WHERE newer.photo_id = candidate_predictions.photo_id"
        " AND newer.model_version_id = candidate_predictions.model_version_id)"
    )
    _unique([])
    for table in _LOOKED:
        with op.batch_alter_table(table) as changed:
            for name in ("square", "square_origin", *_VALUES):
                changed.drop_column(name)
    for table, column in (("photos", "square_changes"), ("verdicts", "square_changes"), ("snapshot_photos", "square")):
        with op.batch_alter_table(table) as changed:
            changed.drop_column(column)


def _unique(more: list[str]) -> None:
    """What makes a row of each table the only one: as ever, and ``more``."""
    for table, name, columns in (
        ("predictions", "uq_predictions_photo_id", ["photo_id", "model_version_id"]),
        ("verdicts", "uq_verdicts_claim_id", ["claim_id", "model_version_id"]),
    ):
        with op.batch_alter_table(table) as changed:
            changed.drop_constraint(name, type_="unique")
            changed.create_unique_constraint(name, [*columns, *more])
    with op.batch_alter_table("candidate_predictions") as changed:
        changed.drop_constraint("pk_candidate_predictions", type_="primary")
        changed.create_primary_key("pk_candidate_predictions", ["model_version_id", "photo_id", *more])
