"""mails: an outbox, confirmed addresses, what volunteers and users want to be mailed, words to volunteers

Revision ID: 0023
Revises: 0022
"""

import sqlalchemy as sa
from alembic import op

import app.core.db

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    moment = app.core.db.UtcDateTime
    op.create_table(
        "mails",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("recipient", sa.String(length=320), nullable=False),
        sa.Column("language", sa.String(length=12), nullable=False),
        sa.Column("subject_id", sa.Integer(), nullable=False),
        sa.Column("submission_id", sa.Integer(), nullable=True),
        sa.Column("volunteer_id", sa.Integer(), nullable=True),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("job_id", sa.Integer(), nullable=True),
        sa.Column("created_at", moment(), nullable=False),
        sa.Column("next_try_at", moment(), nullable=False),
        sa.Column("expires_at", moment(), nullable=False),
        sa.Column("sent_at", moment(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mails")),
        sa.UniqueConstraint("key", name=op.f("uq_mails_key")),
    )
    op.create_index("ix_mails_due", "mails", ["state", "next_try_at"])
    for column in ("recipient", "submission_id", "volunteer_id", "user_id"):
        op.create_index(op.f(f"ix_mails_{column}"), "mails", [column])
    op.add_column("volunteers", sa.Column("email_confirmed_at", moment(), nullable=True))
    op.add_column(
        "volunteers", sa.Column("outcome_mails", sa.String(length=32), nullable=False, server_default="at_once")
    )
    op.add_column("volunteers", sa.Column("question_mails", sa.Boolean(), nullable=False, server_default=sa.true()))
    op.add_column("submissions", sa.Column("outcome_seen_at", moment(), nullable=True))
    op.execute("UPDATE submissions SET outcome_seen_at = CURRENT_TIMESTAMP")  # what was decided long ago is no news
    op.add_column("identifications", sa.Column("message", sa.Text(), nullable=False, server_default=""))
    op.add_column("review_questions", sa.Column("lapsed_at", moment(), nullable=True))
    op.add_column("users", sa.Column("digest_mails", sa.String(length=32), nullable=False, server_default="never"))
    op.add_column("users", sa.Column("alert_mails", sa.Boolean(), nullable=False, server_default=sa.true()))
    with op.batch_alter_table("account_links") as table:
        table.add_column(sa.Column("mailed_token_hash", sa.String(length=64), nullable=True))
        table.create_unique_constraint(op.f("uq_account_links_mailed_token_hash"), ["mailed_token_hash"])


def downgrade() -> None:
    with op.batch_alter_table("account_links") as table:
        table.drop_constraint(op.f("uq_account_links_mailed_token_hash"), type_="unique")
        table.drop_column("mailed_token_hash")
    for table_name, column in (
        ("users", "alert_mails"),
        ("users", "digest_mails"),
        ("review_questions", "lapsed_at"),
        ("identifications", "message"),
        ("submissions", "outcome_seen_at"),
        ("volunteers", "question_mails"),
        ("volunteers", "outcome_mails"),
        ("volunteers", "email_confirmed_at"),
    ):
        op.drop_column(table_name, column)
    op.drop_table("mails")
