"""Who is at the desk, by name."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.tables import User


def names(session: Session) -> dict[int, str]:
    """The name of every user by id, in the order of names; of those who left, too: their decisions stay."""
    rows = session.execute(select(User.id, User.name).order_by(User.name, User.id))
    return {row[0]: row[1] for row in rows}
