"""API keys: records may be read and models kept with one; what else keys could do is gone from the interface for programs

Revision ID: 0017
Revises: 0016
"""

from collections.abc import Mapping

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_KEPT = {"predict": "predict", "review:read": "records", "admin": "models"}
_KEYS = sa.table("api_keys", sa.column("id", sa.Integer()), sa.column("scopes", sa.JSON()))


def upgrade() -> None:
    _rename(_KEPT)


def downgrade() -> None:
    # What a key could do besides is not known any more; it doesn't get it back.
    _rename({new: old for old, new in _KEPT.items()})


def _rename(names: Mapping[str, str]) -> None:
    """Give scopes their new names; what has none is taken from the key. One that is left with nothing stays as it is."""
    connection = op.get_bind()
    for number, scopes in connection.execute(sa.select(_KEYS.c.id, _KEYS.c.scopes)).all():
        kept = sorted({names[scope] for scope in scopes if scope in names})
        connection.execute(_KEYS.update().where(_KEYS.c.id == number).values(scopes=kept))
