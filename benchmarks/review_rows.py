"""A queue of any size, made inside the database by one statement per table: a million rows in a minute or two."""

# ruff: noqa: S608 (statements put together here, of parts that are all here)

from sqlalchemy import Connection, text

import app.tables  # noqa: F401  (fills the metadata)
from app.core.db import Base

TAXA, PLACES, PEOPLE, VOLUNTEERS = 12, 5000, 4, 20_000
# Five seasons of two months.
_SEASONS, _DAYS = 5, 62

_SERIES = {
    "postgresql": "SELECT n FROM generate_series(CAST(:first AS bigint), CAST(:last AS bigint)) AS numbers(n)",
    "sqlite": "WITH RECURSIVE numbers(n) AS (SELECT :first UNION ALL SELECT n + 1 FROM numbers WHERE n < :last)"
    " SELECT n FROM numbers",
}
_DATE = {
    "postgresql": "CAST('2022-06-15' AS date) + CAST(365 * ({season}) + ({day}) AS integer)",
    "sqlite": "date('2022-06-15', '+' || (365 * ({season}) + ({day})) || ' days')",
}
_MOMENT = {
    "postgresql": "CAST('2022-06-15 08:00:00+00' AS timestamptz) + n * interval '2 minutes'",
    "sqlite": "strftime('%Y-%m-%d %H:%M:%S.000000', '2022-06-15 08:00:00', '+' || (n * 2) || ' minutes')",
}


def _dice(salt: int, sides: int) -> str:
    """SQL for a number from 0 to ``sides`` - 1 that depends on n: the same in both databases, and the same every time."""
    return f"(((n + {salt}) * 2654435761 % 4294967296) / 64 % {sides})"


def fill(connection: Connection, rows: int) -> None:
    """Submissions 1 to ``rows`` with a photo and a task each; 60 % open, 38 % decided, 2 % with a question.

    Every second open one is something the model agrees with; the other half is doubtful. 2 % are blind.
    """
    dialect = connection.dialect.name
    for index in Base.metadata.tables["review_tasks"].indexes:  # made anew at the end, which is several times quicker
        index.drop(connection)
    if dialect == "postgresql":
        connection.execute(text("SET LOCAL session_replication_role = replica"))  # no look-up per foreign key
    _people(connection)
    given = {"first": 1, "last": rows}
    series, moment = _SERIES[dialect], _MOMENT[dialect]
    day = _DATE[dialect].format(season=_dice(1, _SEASONS), day=_dice(2, _DAYS))
    place = f"'Village ' || {_dice(3, PLACES)}"
    common = f"SELECT n, {moment} AS moment, {day} AS day, {place} AS place FROM ({series}) AS numbers"
    flag = {"postgresql": ("true", "false"), "sqlite": ("1", "0")}[dialect]
    connection.execute(
        text(
            "INSERT INTO submissions (id, token, volunteer_id, idempotency_key, content_digest, status,"
            " verification_status, individual_count, event_date, event_date_source, place, coordinate_source, note,"
            f" created_at) SELECT n, 'submission-' || n, 1 + {_dice(4, VOLUNTEERS)}, 'key-' || n, 'digest-' || n, 'flagged',"
            f" 'pending', 1, day, 'typed', place, 'missing', 'Seen at number ' || n, moment FROM ({common}) AS made"
        ),
        given,
    )
    connection.execute(
        text(
            "INSERT INTO photos (id, token, submission_id, position, sha256, filename, format, byte_size, width, height,"
            " seen_before, square_changes) SELECT n, 'photo-' || n, n, 0, 'sha-' || n, '', 'JPEG', 1, 400, 300,"
            f" {flag[1]}, 0 FROM ({series}) AS numbers"
        ),
        given,
    )
    connection.execute(text(_TASKS.format(common=common, yes=flag[0], no=flag[1], **_parts())), given)
    for index in Base.metadata.tables["review_tasks"].indexes:
        index.create(connection)


def _parts() -> dict[str, str]:
    state = f"CASE WHEN {_dice(5, 100)} < 60 THEN 'open' WHEN {_dice(5, 100)} < 98 THEN 'decided' ELSE 'asked' END"
    kind = _dice(6, 100)
    reason = (
        f"CASE WHEN {kind} < 10 THEN 'disagree' WHEN {kind} < 30 THEN 'uncertain' WHEN {kind} < 35 THEN 'no_claim'"
        f" WHEN {kind} < 48 THEN 'out_of_scope' WHEN {kind} < 50 THEN 'audit' ELSE 'agree_unaccepted' END"
    )
    band = f"CASE WHEN {kind} < 10 THEN 200 WHEN {kind} < 35 THEN 300 WHEN {kind} < 50 THEN 400 ELSE 500 END"
    quality = (
        f"CASE WHEN {_dice(7, 10)} < 7 THEN 'good' WHEN {_dice(7, 10)} < 8 THEN 'small'"
        f" WHEN {_dice(7, 10)} < 9 THEN 'blurred' ELSE 'dark' END"
    )
    return {
        "state": state,
        "reason": reason,
        "band": f"{band} + {_dice(8, 10)}",
        "quality": quality,
        # A few species are most of what is seen: the smaller of two dice.
        "claimed": f"1 + {_dice(9, TAXA)} * {_dice(10, TAXA)} / {TAXA}",
        "predicted": f"1 + {_dice(9, TAXA)} * {_dice(11, TAXA)} / {TAXA}",
        "reviewer": f"1 + {_dice(12, PEOPLE)}",
        "blind": _dice(13, 50),
    }


_TASKS = """
INSERT INTO review_tasks (submission_id, state, reason, position, revision, last_event, changed_at, blind, audit,
    claimed_taxon_id, predicted_taxon_id, quality, event_date, place_key, search_text, answers, needed, disputed,
    outcome_kind, outcome_taxon_id, outcome_code, last_user_id, waiting_since, closed_at)
SELECT n, state, reason, CASE WHEN state = 'open' THEN band ELSE -n END, 1, 'screened', moment,
    CASE WHEN blind = 0 THEN {yes} ELSE {no} END, {no}, claimed, predicted, quality, day, lower(place),
    lower(place) || ' seen at number ' || n, CASE WHEN state = 'decided' THEN 1 ELSE 0 END, 1, {no},
    CASE WHEN state = 'decided' THEN 'taxon' END, CASE WHEN state = 'decided' THEN claimed END,
    CASE WHEN state = 'decided' THEN 'V1' END, CASE WHEN state = 'decided' THEN reviewer END, moment,
    CASE WHEN state = 'decided' THEN moment END
FROM (SELECT n, moment, day, place, {state} AS state, {reason} AS reason, {band} AS band, {quality} AS quality,
    {claimed} AS claimed, {predicted} AS predicted, {reviewer} AS reviewer, {blind} AS blind FROM ({common}) AS made)
    AS ready
"""


def _people(connection: Connection) -> None:
    now = "2022-06-01 08:00:00+00" if connection.dialect.name == "postgresql" else "2022-06-01 08:00:00.000000"
    yes = "true" if connection.dialect.name == "postgresql" else "1"
    no = "false" if connection.dialect.name == "postgresql" else "0"
    for number in range(1, TAXA + 1):
        connection.execute(
            text(f"INSERT INTO taxa (id, scientific_name, taxon_rank, active) VALUES (:id, :name, 'species', {yes})"),
            {"id": number, "name": f"Genus species{number:02}"},
        )
    for number in range(1, PEOPLE + 1):
        connection.execute(
            text(
                "INSERT INTO users (id, email, name, password_hash, role, active, must_change_password, language,"
                f" created_at) VALUES (:id, :email, :name, '', 'coordinator', {yes}, {no}, 'en', '{now}')"
            ),
            {"id": number, "email": f"reviewer{number}@example.org", "name": f"Reviewer {number}"},
        )
    series = _SERIES[connection.dialect.name]
    connection.execute(
        text(
            "INSERT INTO volunteers (id, key, language, created_at)"
            f" SELECT n, 'volunteer-' || n, 'en', '{now}' FROM ({series}) AS numbers"
        ),
        {"first": 1, "last": VOLUNTEERS},
    )
