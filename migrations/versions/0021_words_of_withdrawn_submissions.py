"""withdrawals of before: what they left is emptied, as they empty it from now on

Revision ID: 0021
Revises: 0020
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_SUBMISSIONS = sa.table(
    "submissions",
    *(sa.column(name) for name in ("id", "status", "idempotency_key", "content_digest")),
    *(sa.column(name) for name in ("individual_count", "event_date", "event_date_source")),
)
_OF_A_SUBMISSION: dict[str, dict[str, Any]] = {
    "claims": {"verbatim": ""},
    "identifications": {"remark": ""},
    "review_questions": {"body": "", "language": "", "answer": sa.null()},
    "review_tasks": {"event_date": sa.null(), "place_key": "", "search_text": ""},
}


def upgrade() -> None:
    connection = op.get_bind()
    withdrawn = _SUBMISSIONS.c.status == "withdrawn"
    connection.execute(
        _SUBMISSIONS.update()
        .where(withdrawn)
        .values(
            idempotency_key=sa.literal("deleted-") + sa.cast(_SUBMISSIONS.c.id, sa.String),
            content_digest="",
            individual_count=1,
            event_date=sa.null(),
            event_date_source="missing",
        )
    )
    ids = sa.select(_SUBMISSIONS.c.id).where(withdrawn)
    for name, values in _OF_A_SUBMISSION.items():
        table = sa.table(name, sa.column("submission_id"), *(sa.column(column) for column in values))
        connection.execute(table.update().where(table.c.submission_id.in_(ids)).values(values))
    jobs = sa.table("jobs", *(sa.column(name) for name in ("kind", "subject_id", "error", "problem")))
    screening = (jobs.c.kind == "screening", jobs.c.subject_id.in_(ids))
    connection.execute(jobs.update().where(*screening).values(error="", problem=sa.null()))


def downgrade() -> None:
    # What was emptied is not known any more.
    pass
