"""review: what waits for a person, what persons said

Every submission that waits for a person gets its task here, with the rules of this revision: the application's own may
change later.

Revision ID: 0005
Revises: 0004
"""

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

import app.core.db

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "review_settings",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column(
            "rule",
            sa.Enum("one", "second_opinion", "two_agree", name="rule", native_enum=False, length=32),
            nullable=False,
        ),
        sa.Column("audit_share", sa.Double(), nullable=False),
        sa.Column("blind_share", sa.Double(), nullable=False),
        sa.Column("lease_minutes", sa.Integer(), nullable=False),
        sa.Column("wrong_limit", sa.Double(), nullable=False),
        sa.Column("minimum_audits", sa.Integer(), nullable=False),
        sa.Column("updated_at", app.core.db.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_review_settings")),
    )
    op.create_table(
        "acceptance_suspensions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("taxon_id", sa.Integer(), nullable=False),
        sa.Column("wrong", sa.Integer(), nullable=False),
        sa.Column("audits", sa.Integer(), nullable=False),
        sa.Column("upper_bound", sa.Double(), nullable=False),
        sa.Column("wrong_limit", sa.Double(), nullable=False),
        sa.Column("suspended_at", app.core.db.UtcDateTime(timezone=True), nullable=False),
        sa.Column("lifted_by", sa.Integer(), nullable=True),
        sa.Column("lifted_at", app.core.db.UtcDateTime(timezone=True), nullable=True),
        sa.Column("remark", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["lifted_by"], ["users.id"], name=op.f("fk_acceptance_suspensions_lifted_by_users"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["taxon_id"], ["taxa.id"], name=op.f("fk_acceptance_suspensions_taxon_id_taxa"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_acceptance_suspensions")),
    )
    with op.batch_alter_table("acceptance_suspensions", schema=None) as batch_op:
        batch_op.create_index(
            "uq_acceptance_suspensions_open",
            ["taxon_id"],
            unique=True,
            sqlite_where=sa.text("lifted_at IS NULL"),
            postgresql_where=sa.text("lifted_at IS NULL"),
        )

    op.create_table(
        "question_templates",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("taxon_id", sa.Integer(), nullable=True),
        sa.Column("language", sa.String(length=12), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created_at", app.core.db.UtcDateTime(timezone=True), nullable=False),
        sa.Column("updated_at", app.core.db.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["taxon_id"], ["taxa.id"], name=op.f("fk_question_templates_taxon_id_taxa"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_question_templates")),
    )
    with op.batch_alter_table("question_templates", schema=None) as batch_op:
        batch_op.create_index("ix_question_templates_language_taxon", ["language", "taxon_id"], unique=False)

    op.create_table(
        "review_batches",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("claimed_taxon_id", sa.Integer(), nullable=True),
        sa.Column("predicted_taxon_id", sa.Integer(), nullable=True),
        sa.Column("created_at", app.core.db.UtcDateTime(timezone=True), nullable=False),
        sa.Column("undone_at", app.core.db.UtcDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["claimed_taxon_id"], ["taxa.id"], name=op.f("fk_review_batches_claimed_taxon_id_taxa")
        ),
        sa.ForeignKeyConstraint(
            ["predicted_taxon_id"], ["taxa.id"], name=op.f("fk_review_batches_predicted_taxon_id_taxa")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_review_batches_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_review_batches")),
    )
    with op.batch_alter_table("review_batches", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_review_batches_user_id"), ["user_id"], unique=False)

    op.create_table(
        "review_rules",
        sa.Column("taxon_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column(
            "rule",
            sa.Enum("one", "second_opinion", "two_agree", name="rule", native_enum=False, length=32),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["taxon_id"], ["taxa.id"], name=op.f("fk_review_rules_taxon_id_taxa"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("taxon_id", name=op.f("pk_review_rules")),
    )
    op.create_table(
        "reviewer_preferences",
        sa.Column("user_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("blind", sa.Boolean(), nullable=False),
        sa.Column("options", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_reviewer_preferences_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_reviewer_preferences")),
    )
    op.create_table(
        "saved_filters",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("query", sa.String(length=2000), nullable=False),
        sa.Column("created_at", app.core.db.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_saved_filters_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_filters")),
        sa.UniqueConstraint("user_id", "name", name=op.f("uq_saved_filters_user_id")),
    )
    op.create_table(
        "identifications",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("submission_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "taxon",
                "unable",
                "no_butterfly",
                "question",
                "comment",
                "undo",
                name="identificationkind",
                native_enum=False,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("taxon_id", sa.Integer(), nullable=True),
        sa.Column(
            "verification_status",
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
            nullable=True,
        ),
        sa.Column("remark", sa.Text(), nullable=False),
        sa.Column("claim_shown", sa.Boolean(), nullable=False),
        sa.Column("model_shown", sa.Boolean(), nullable=False),
        sa.Column("model_version_id", sa.Integer(), nullable=True),
        sa.Column("claimed_taxon_id", sa.Integer(), nullable=True),
        sa.Column("predicted_taxon_id", sa.Integer(), nullable=True),
        sa.Column("seconds", sa.Double(), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("batch_id", sa.Integer(), nullable=True),
        sa.Column("undoes_id", sa.Integer(), nullable=True),
        sa.Column("created_at", app.core.db.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["review_batches.id"], name=op.f("fk_identifications_batch_id_review_batches")
        ),
        sa.ForeignKeyConstraint(
            ["claimed_taxon_id"], ["taxa.id"], name=op.f("fk_identifications_claimed_taxon_id_taxa")
        ),
        sa.ForeignKeyConstraint(
            ["model_version_id"], ["model_versions.id"], name=op.f("fk_identifications_model_version_id_model_versions")
        ),
        sa.ForeignKeyConstraint(
            ["predicted_taxon_id"], ["taxa.id"], name=op.f("fk_identifications_predicted_taxon_id_taxa")
        ),
        sa.ForeignKeyConstraint(
            ["submission_id"],
            ["submissions.id"],
            name=op.f("fk_identifications_submission_id_submissions"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["taxon_id"], ["taxa.id"], name=op.f("fk_identifications_taxon_id_taxa")),
        sa.ForeignKeyConstraint(
            ["undoes_id"], ["identifications.id"], name=op.f("fk_identifications_undoes_id_identifications")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_identifications_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identifications")),
        sa.UniqueConstraint("undoes_id", name=op.f("uq_identifications_undoes_id")),
    )
    with op.batch_alter_table("identifications", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_identifications_batch_id"), ["batch_id"], unique=False)
        batch_op.create_index("ix_identifications_created", ["created_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_identifications_submission_id"), ["submission_id"], unique=False)
        batch_op.create_index("ix_identifications_user_created", ["user_id", "created_at"], unique=False)

    op.create_table(
        "review_skips",
        sa.Column("user_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("submission_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("skipped_at", app.core.db.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["submission_id"],
            ["submissions.id"],
            name=op.f("fk_review_skips_submission_id_submissions"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_review_skips_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", "submission_id", name=op.f("pk_review_skips")),
    )
    with op.batch_alter_table("review_skips", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_review_skips_submission_id"), ["submission_id"], unique=False)

    op.create_table(
        "review_tasks",
        sa.Column("submission_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column(
            "state",
            sa.Enum("open", "asked", "decided", "gone", name="taskstate", native_enum=False, length=32),
            nullable=False,
        ),
        sa.Column(
            "reason",
            sa.Enum(
                "disagree",
                "uncertain",
                "no_claim",
                "out_of_scope",
                "agree_unaccepted",
                "audit",
                "second_opinion",
                "answered",
                name="reviewreason",
                native_enum=False,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("last_event", sa.String(length=40), nullable=False),
        sa.Column("changed_at", app.core.db.UtcDateTime(timezone=True), nullable=False),
        sa.Column("blind", sa.Boolean(), nullable=False),
        sa.Column("audit", sa.Boolean(), nullable=False),
        sa.Column("claimed_taxon_id", sa.Integer(), nullable=True),
        sa.Column("predicted_taxon_id", sa.Integer(), nullable=True),
        sa.Column("model_version_id", sa.Integer(), nullable=True),
        sa.Column(
            "quality",
            sa.Enum("good", "small", "blurred", "dark", "unknown", name="photoquality", native_enum=False, length=32),
            nullable=False,
        ),
        sa.Column("event_date", sa.Date(), nullable=True),
        sa.Column(
            "place_key",
            sa.String(length=80).with_variant(sa.String(length=80, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("search_text", sa.Text(), nullable=False),
        sa.Column("answers", sa.Integer(), nullable=False),
        sa.Column("needed", sa.Integer(), nullable=False),
        sa.Column("disputed", sa.Boolean(), nullable=False),
        sa.Column(
            "outcome_kind",
            sa.Enum(
                "taxon",
                "unable",
                "no_butterfly",
                "question",
                "comment",
                "undo",
                name="identificationkind",
                native_enum=False,
                length=32,
            ),
            nullable=True,
        ),
        sa.Column("outcome_taxon_id", sa.Integer(), nullable=True),
        sa.Column(
            "outcome_code",
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
            nullable=True,
        ),
        sa.Column("assigned_user_id", sa.Integer(), nullable=True),
        sa.Column("leased_by", sa.Integer(), nullable=True),
        sa.Column("leased_until", app.core.db.UtcDateTime(timezone=True), nullable=True),
        sa.Column("last_user_id", sa.Integer(), nullable=True),
        sa.Column("waiting_since", app.core.db.UtcDateTime(timezone=True), nullable=False),
        sa.Column("closed_at", app.core.db.UtcDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["assigned_user_id"], ["users.id"], name=op.f("fk_review_tasks_assigned_user_id_users"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["claimed_taxon_id"], ["taxa.id"], name=op.f("fk_review_tasks_claimed_taxon_id_taxa")),
        sa.ForeignKeyConstraint(
            ["last_user_id"], ["users.id"], name=op.f("fk_review_tasks_last_user_id_users"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["leased_by"], ["users.id"], name=op.f("fk_review_tasks_leased_by_users"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["model_version_id"], ["model_versions.id"], name=op.f("fk_review_tasks_model_version_id_model_versions")
        ),
        sa.ForeignKeyConstraint(["outcome_taxon_id"], ["taxa.id"], name=op.f("fk_review_tasks_outcome_taxon_id_taxa")),
        sa.ForeignKeyConstraint(
            ["predicted_taxon_id"], ["taxa.id"], name=op.f("fk_review_tasks_predicted_taxon_id_taxa")
        ),
        sa.ForeignKeyConstraint(
            ["submission_id"],
            ["submissions.id"],
            name=op.f("fk_review_tasks_submission_id_submissions"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("submission_id", name=op.f("pk_review_tasks")),
    )
    with op.batch_alter_table("review_tasks", schema=None) as batch_op:
        batch_op.create_index(
            "ix_review_tasks_assigned",
            ["assigned_user_id"],
            unique=False,
            sqlite_where=sa.text("assigned_user_id IS NOT NULL"),
            postgresql_where=sa.text("assigned_user_id IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_review_tasks_audits",
            ["claimed_taxon_id", "closed_at"],
            unique=False,
            sqlite_where=sa.text("audit"),
            postgresql_where=sa.text("audit"),
        )
        batch_op.create_index(
            "ix_review_tasks_claimed", ["claimed_taxon_id", "blind", "state", "position", "submission_id"], unique=False
        )
        batch_op.create_index(
            "ix_review_tasks_event_date", ["state", "event_date", "position", "submission_id"], unique=False
        )
        batch_op.create_index(
            "ix_review_tasks_leased",
            ["leased_by"],
            unique=False,
            sqlite_where=sa.text("leased_by IS NOT NULL"),
            postgresql_where=sa.text("leased_by IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_review_tasks_outcome", ["outcome_taxon_id", "state", "position", "submission_id"], unique=False
        )
        batch_op.create_index(
            "ix_review_tasks_pair",
            ["claimed_taxon_id", "predicted_taxon_id", "blind", "state", "position", "submission_id"],
            unique=False,
        )
        batch_op.create_index(
            "ix_review_tasks_place", ["state", "place_key", "position", "submission_id"], unique=False
        )
        batch_op.create_index(
            "ix_review_tasks_predicted",
            ["predicted_taxon_id", "blind", "state", "position", "submission_id"],
            unique=False,
        )
        batch_op.create_index(
            "ix_review_tasks_quality", ["quality", "state", "position", "submission_id"], unique=False
        )
        batch_op.create_index("ix_review_tasks_queue", ["state", "position", "submission_id"], unique=False)
        batch_op.create_index(
            "ix_review_tasks_reason", ["reason", "blind", "state", "position", "submission_id"], unique=False
        )
        batch_op.create_index(
            "ix_review_tasks_reviewer", ["last_user_id", "state", "position", "submission_id"], unique=False
        )

    op.create_table(
        "review_questions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("submission_id", sa.Integer(), nullable=False),
        sa.Column("asked_by", sa.Integer(), nullable=False),
        sa.Column("identification_id", sa.Integer(), nullable=False),
        sa.Column("language", sa.String(length=12), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("asked_at", app.core.db.UtcDateTime(timezone=True), nullable=False),
        sa.Column("answered_at", app.core.db.UtcDateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_at", app.core.db.UtcDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["asked_by"], ["users.id"], name=op.f("fk_review_questions_asked_by_users")),
        sa.ForeignKeyConstraint(
            ["identification_id"],
            ["identifications.id"],
            name=op.f("fk_review_questions_identification_id_identifications"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["submission_id"],
            ["submissions.id"],
            name=op.f("fk_review_questions_submission_id_submissions"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_review_questions")),
        sa.UniqueConstraint("identification_id", name=op.f("uq_review_questions_identification_id")),
    )
    with op.batch_alter_table("review_questions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_review_questions_asked_by"), ["asked_by"], unique=False)
        batch_op.create_index(batch_op.f("ix_review_questions_submission_id"), ["submission_id"], unique=False)
    _fill_tasks(op.get_bind())


# --- tasks of what waits already ---------------------------------------------------------------------------------------

_BATCH = 1000
_BANDS = {"disagree": 200, "uncertain": 300, "no_claim": 300, "out_of_scope": 400, "agree_unaccepted": 500}
_WAITING = sa.text(
    """
    SELECT s.id, s.event_date, s.place, s.note, s.created_at, c.taxon_id, v.outcome, v.reason, v.support,
           v.model_version_id, p.probabilities
    FROM submissions s
    JOIN claims c ON c.id = (SELECT max(id) FROM claims WHERE submission_id = s.id)
    JOIN verdicts v ON v.id = (SELECT max(id) FROM verdicts WHERE submission_id = s.id)
    LEFT JOIN photos f ON f.submission_id = s.id AND f.position = v.photo_position
    LEFT JOIN predictions p ON p.photo_id = f.id AND p.model_version_id = v.model_version_id
    WHERE s.status IN ('flagged', 'screened') AND s.id > :after
    ORDER BY s.id LIMIT :batch
    """
).columns(
    id=sa.Integer(),
    event_date=sa.Date(),
    created_at=app.core.db.UtcDateTime(),
    support=sa.Double(),
    probabilities=sa.JSON(),
)
_TYPED = sa.text("SELECT submission_id, verbatim FROM claims WHERE verbatim <> '' AND submission_id BETWEEN :a AND :z")


def _fill_tasks(connection: sa.Connection) -> None:
    tasks = sa.Table("review_tasks", sa.MetaData(), autoload_with=connection)
    for column in tasks.columns:
        if isinstance(column.type, sa.DateTime):
            column.type = app.core.db.UtcDateTime()
    taxa = {name: number for number, name in connection.execute(sa.text("SELECT id, scientific_name FROM taxa"))}
    after = 0
    while rows := connection.execute(_WAITING, {"after": after, "batch": _BATCH}).all():
        after = rows[-1].id
        typed: dict[int, str] = {}
        for number, verbatim in connection.execute(_TYPED, {"a": rows[0].id, "z": after}):
            typed[number] = f"{typed.get(number, '')} {verbatim}"
        connection.execute(tasks.insert(), [_task(row, taxa, typed.get(row.id, "")) for row in rows])


def _task(row: Any, taxa: dict[str, int], typed: str) -> dict[str, Any]:
    reason = {"agree": "agree_unaccepted"}.get(row.outcome, row.outcome)
    if row.reason == "no_claim":
        reason = "no_claim"
    shares = row.probabilities or {}
    top = max(shares, key=lambda name: shares[name]) if shares and row.outcome != "out_of_scope" else None
    return {
        "submission_id": row.id,
        "state": "open",
        "reason": reason,
        "position": _BANDS[reason] + _level(reason, row.support),
        "revision": 1,
        "last_event": "screened",
        "changed_at": datetime.now(UTC),
        "blind": False,
        "audit": False,
        "claimed_taxon_id": row.taxon_id,
        "predicted_taxon_id": taxa.get(top) if top else None,
        "model_version_id": row.model_version_id,
        "quality": "unknown",
        "event_date": row.event_date,
        "place_key": " ".join(row.place.lower().split())[:80].rstrip(),
        "search_text": " ".join(f"{row.place} {row.note} {typed}".lower().split()),
        "answers": 0,
        "needed": 1,
        "disputed": False,
        "waiting_since": row.created_at,
    }


def _level(reason: str, support: float | None) -> int:
    if reason in {"uncertain", "no_claim"}:
        return 5 if support is None else min(9, int(abs(support - 0.5) * 20))
    return min(9, int((support or 0.0) * 10)) if reason in {"disagree", "agree_unaccepted"} else 0


def downgrade() -> None:
    with op.batch_alter_table("review_questions", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_review_questions_submission_id"))
        batch_op.drop_index(batch_op.f("ix_review_questions_asked_by"))

    op.drop_table("review_questions")
    with op.batch_alter_table("review_tasks", schema=None) as batch_op:
        batch_op.drop_index("ix_review_tasks_reviewer")
        batch_op.drop_index("ix_review_tasks_reason")
        batch_op.drop_index("ix_review_tasks_queue")
        batch_op.drop_index("ix_review_tasks_quality")
        batch_op.drop_index("ix_review_tasks_predicted")
        batch_op.drop_index("ix_review_tasks_place")
        batch_op.drop_index("ix_review_tasks_pair")
        batch_op.drop_index("ix_review_tasks_outcome")
        batch_op.drop_index(
            "ix_review_tasks_leased",
            sqlite_where=sa.text("leased_by IS NOT NULL"),
            postgresql_where=sa.text("leased_by IS NOT NULL"),
        )
        batch_op.drop_index("ix_review_tasks_event_date")
        batch_op.drop_index("ix_review_tasks_claimed")
        batch_op.drop_index("ix_review_tasks_audits", sqlite_where=sa.text("audit"), postgresql_where=sa.text("audit"))
        batch_op.drop_index(
            "ix_review_tasks_assigned",
            sqlite_where=sa.text("assigned_user_id IS NOT NULL"),
            postgresql_where=sa.text("assigned_user_id IS NOT NULL"),
        )

    op.drop_table("review_tasks")
    with op.batch_alter_table("review_skips", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_review_skips_submission_id"))

    op.drop_table("review_skips")
    with op.batch_alter_table("identifications", schema=None) as batch_op:
        batch_op.drop_index("ix_identifications_user_created")
        batch_op.drop_index(batch_op.f("ix_identifications_submission_id"))
        batch_op.drop_index("ix_identifications_created")
        batch_op.drop_index(batch_op.f("ix_identifications_batch_id"))

    op.drop_table("identifications")
    op.drop_table("saved_filters")
    op.drop_table("reviewer_preferences")
    op.drop_table("review_rules")
    with op.batch_alter_table("review_batches", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_review_batches_user_id"))

    op.drop_table("review_batches")
    with op.batch_alter_table("question_templates", schema=None) as batch_op:
        batch_op.drop_index("ix_question_templates_language_taxon")

    op.drop_table("question_templates")
    with op.batch_alter_table("acceptance_suspensions", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_acceptance_suspensions_open",
            sqlite_where=sa.text("lifted_at IS NULL"),
            postgresql_where=sa.text("lifted_at IS NULL"),
        )

    op.drop_table("acceptance_suspensions")
    op.drop_table("review_settings")
