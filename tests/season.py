"""A season in a database, written in bulk: thousands of submissions in seconds, with everything that rows can hold."""

import random
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from itertools import zip_longest
from typing import Any

from sqlalchemy import Engine, create_engine, func, insert, make_url, select, text
from sqlalchemy.exc import OperationalError

from app.accounts.tables import User
from app.core.db import Base, SessionFactory, transaction
from app.core.roles import Role
from app.core.storage import Storage
from app.core.tables import Job, JobKind, JobStatus
from app.predictions.inference import PixelLimits
from app.predictions.rules import ClaimKind, Outcome, Reason, SquareOrigin
from app.predictions.tables import ModelVersion
from app.review.rules import IdentificationKind, ReviewReason, TaskState
from app.review.tables import Identification, ReviewTask
from app.submissions import photos
from app.submissions.rules import Source, SubmissionStatus, VerificationStatus
from app.submissions.tables import ClaimRecord, Photo, PredictionRecord, StatusLog, Submission, VerdictRecord, Volunteer
from app.taxa.tables import Taxon
from tests.conftest import POSTGRESQL, skip_or_fail
from tests.factories import butterfly, encode
from tests.people import write_accounts

START = datetime(2026, 6, 1, 9, 30, 0, 123456, tzinfo=UTC)
EXPERTS = (9001, 9002)
SQUARE = [0.1, 0.2, 1 / 3, 0.25]
TEXTS = ("", "Left of the door", "Ωmega – “quotes”, snowman ☃, butterfly 🦋", "two\nlines\tand a tab", "0", "null")


def write_season(sessions: SessionFactory, storage: Storage, count: int, pictures: int = 5) -> list[str]:
    """`count` submissions of about a tenth as many volunteers, their photos among `pictures` stored ones.

    Returns the hashes of the stored photos. The bundled model version must be registered.
    """
    hashes = [_store(storage, seed) for seed in range(pictures)]
    luck = random.Random(1)
    with transaction(sessions) as session:
        model = session.scalars(select(ModelVersion)).first()
        assert model is not None
        taxa = list(session.scalars(select(Taxon.id)))
        volunteers = max(1, count // 10)
        rows: dict[type[Base], list[dict[str, Any]]] = {
            User: [_user(n) for n in EXPERTS],
            Volunteer: [_volunteer(n) for n in range(1, volunteers + 1)],
        }
        for n in range(1, count + 1):
            for table, row in _submission(n, luck, 1 + n % volunteers, luck.choice(taxa), model, hashes):
                rows.setdefault(table, []).append(row)
        for table, values in rows.items():
            session.execute(insert(table), values)
        if session.get_bind().dialect.name == "postgresql":
            for table in rows.keys() - {ReviewTask}:
                name = table.__tablename__
                last = session.scalar(select(func.max(table.__table__.c.id)))
                session.execute(text(f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), {last})"))
    write_accounts(sessions)
    return hashes


def _store(storage: Storage, seed: int) -> str:
    original = encode(butterfly(seed, (120, 90)), quality=50)
    prepared = photos.prepare(original, PixelLimits())
    photos.keep(storage, prepared, lambda: original)
    return prepared.sha256


def _volunteer(n: int) -> dict[str, Any]:
    return {
        "id": n,
        "key": f"volunteer-{n}",
        "email": f"volunteer{n}@example.org" if n % 3 == 0 else None,
        "language": "nl" if n % 2 else "en",
        "created_at": START,
    }


def _user(n: int) -> dict[str, Any]:
    return {
        "id": n,
        "email": f"expert{n}@example.org",
        "name": f"Expert {n}",
        "password_hash": "",
        "role": Role.REVIEWER,
        "created_at": START,
    }


def _submission(
    n: int, luck: random.Random, volunteer: int, taxon: int, model: ModelVersion, hashes: list[str]
) -> Iterator[tuple[type[Base], dict[str, Any]]]:
    sent = START + timedelta(minutes=n, microseconds=n)
    located, probability = n % 2 == 0, luck.random()
    yield (
        Submission,
        {
            "id": n,
            "token": f"token-of-submission-{n:06}",
            "volunteer_id": volunteer,
            "idempotency_key": f"key-{n}",
            "content_digest": f"{n:064x}",
            "status": SubmissionStatus.FLAGGED if n % 5 == 0 else SubmissionStatus.SCREENED,
            "verification_status": VerificationStatus.PENDING,
            "individual_count": 1 + n % 7,
            "event_date": date(2026, 7, 1 + n % 28) if n % 4 else None,
            "event_date_source": Source.TYPED if n % 4 else Source.MISSING,
            "place": luck.choice(TEXTS),
            "latitude": luck.uniform(-90, 90) if located else None,
            "longitude": luck.uniform(-180, 180) if located else None,
            "coordinate_source": Source.EXIF if located else Source.MISSING,
            "note": luck.choice(TEXTS),
            "created_at": sent,
        },
    )
    yield (
        Photo,
        {
            "id": n,
            "token": f"token-of-photo-{n:06}",
            "submission_id": n,
            "position": 0,
            "sha256": hashes[n % len(hashes)],
            "filename": f"IMG_{n}.jpg",
            "format": "JPEG",
            "byte_size": 4000 + n,
            "width": 120,
            "height": 90,
            "square": SQUARE if n % 3 == 0 else None,
            "square_changes": n % 7 == 0,
            "taken_at": "2026-07-14T15:30:00" if located else None,
            "seen_before": n > len(hashes),
        },
    )
    claim = {"id": n, "submission_id": n, "created_at": sent}
    kinds = [(ClaimKind.TAXON, taxon, ""), (ClaimKind.UNKNOWN, None, ""), (ClaimKind.OTHER, None, "peacock")]
    kind, claimed, verbatim = kinds[n % 3 if n % 10 == 0 else 0]
    yield ClaimRecord, claim | {"kind": kind, "taxon_id": claimed, "verbatim": verbatim, "informed": False}
    probabilities = dict(zip(model.labels, (probability, 1 - probability), strict=False))
    yield (
        PredictionRecord,
        {
            "id": n,
            "photo_id": n,
            "model_version_id": model.id,
            "probabilities": probabilities,
            "in_scope": luck.random(),
            "created_at": sent,
            "square_changes": n % 7 == 0,
        }
        | _looked(n, probabilities),
    )
    yield (
        VerdictRecord,
        {
            "id": n,
            "submission_id": n,
            "claim_id": n,
            "model_version_id": model.id,
            "outcome": Outcome.DISAGREE if n % 5 == 0 else Outcome.AGREE,
            "reason": next(iter(Reason)),
            "photo_position": 0,
            "square_changes": n % 7 == 0,
            "support": probability if n % 2 else None,
            "suggested": model.labels[0] if n % 5 == 0 else None,
            "within_error_bound": n % 2 == 0,
            "machine_accepted": False,
            "policy": {"wanted_error": 0.05, "thresholds": [[0.01, None], [0.05, 0.81]]},
            "created_at": sent,
        },
    )
    yield ReviewTask, _task(n, sent, taxon if kind is ClaimKind.TAXON else None, model)
    if n % 4 == 0:
        yield Identification, _identification(n, sent, taxon)
    for offset, (event, status) in enumerate((("received", "received"), ("screened", "screened"))):
        yield (
            StatusLog,
            {
                "id": 2 * n + offset,
                "submission_id": n,
                "event": event,
                "actor": "volunteer" if event == "received" else "machine",
                "from_status": None if event == "received" else SubmissionStatus.RECEIVED,
                "to_status": SubmissionStatus(status),
                "verification_status": VerificationStatus.PENDING,
                "model_version_id": None if event == "received" else model.id,
                "created_at": sent + timedelta(seconds=offset),
            },
        )
    yield (
        Job,
        {
            "id": n,
            "kind": JobKind.SCREENING,
            "subject_id": n,
            "status": JobStatus.DONE,
            "attempts": 1,
            "progress": 1.0,
            "created_at": sent,
            "finished_at": sent + timedelta(seconds=2),
        },
    )


def _looked(n: int, probabilities: dict[str, float]) -> dict[str, Any]:
    """Where the version looked: at what was drawn, at what it found, or, every other time, at the middle."""
    others = [{"square": [0.5, 0.5, 0.1, 0.2], "probabilities": probabilities, "in_scope": 1 / 3}]
    names = [{"scientific_name": "Genus alius", "probability": 0.7, "vernacular_names": {"en": TEXTS[n % len(TEXTS)]}}]
    if n % 3 == 0:
        found: dict[str, Any] = {"square": SQUARE, "square_origin": SquareOrigin.GIVEN}
    elif n % 2:
        found = {"square": [0.2, 0.1, 0.3, 0.4], "square_origin": SquareOrigin.FOUND}
    else:
        found = {"square": None, "square_origin": SquareOrigin.MIDDLE}
    return found | {
        "searched": n % 3 != 0,
        "others": others if n % 5 == 0 else [],
        "looks_like": names if n % 4 == 0 else [],
    }


def _task(n: int, sent: datetime, taxon: int | None, model: ModelVersion) -> dict[str, Any]:
    return {
        "submission_id": n,
        "state": TaskState.OPEN,
        "reason": ReviewReason.DISAGREE if n % 5 == 0 else ReviewReason.AGREE_UNACCEPTED,
        "position": 200 + n % 10 if n % 5 == 0 else 500,
        "revision": 1,
        "changed_at": sent,
        "blind": n % 9 == 0,
        "claimed_taxon_id": taxon,
        "model_version_id": model.id,
        "place_key": "by the door" if n % 2 else "",
        "leased_by": EXPERTS[0] if n % 7 == 0 else None,
        "leased_until": sent if n % 7 == 0 else None,
        "waiting_since": sent,
    }


def _identification(n: int, sent: datetime, taxon: int) -> dict[str, Any]:
    return {
        "id": n,
        "submission_id": n,
        "user_id": EXPERTS[n % 2],
        "kind": IdentificationKind.TAXON if n % 8 else IdentificationKind.COMMENT,
        "taxon_id": taxon if n % 8 else None,
        "verification_status": VerificationStatus.V2 if n % 8 else None,
        "remark": TEXTS[n % len(TEXTS)],
        "seconds": 1 / 3 if n % 8 else None,
        "revision": 2,
        "created_at": sent,
    }


@contextmanager
def new_postgresql() -> Iterator[str]:
    """A PostgreSQL database without tables, dropped at the end."""
    server = create_engine(POSTGRESQL, isolation_level="AUTOCOMMIT", connect_args={"connect_timeout": 3})
    name = f"wingcheck_test_{uuid.uuid4().hex[:12]}"
    try:
        with server.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
    except OperationalError as error:
        skip_or_fail(f"no PostgreSQL at {make_url(POSTGRESQL)!r}: {error.orig}")
    try:
        yield make_url(POSTGRESQL).set(database=name).render_as_string(hide_password=False)
    finally:
        with server.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        server.dispose()


def assert_same_rows(one: Engine, other: Engine) -> int:
    """Every row of every table is the same in both, compared one by one. Returns how many there are."""
    count = 0
    with (
        one.connect().execution_options(read_only=True) as left,
        other.connect().execution_options(read_only=True) as right,
    ):
        for table in Base.metadata.sorted_tables:
            query = select(table).order_by(*table.primary_key.columns)
            for mine, theirs in zip_longest(left.execute(query), right.execute(query)):
                assert mine == theirs, table.name
                count += 1
    return count
