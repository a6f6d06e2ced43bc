"""Two reviewers at once, each in a process of their own, over 120 items: none is decided twice unasked, none is lost."""

import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

from sqlalchemy import select

from app.core.db import make_engine, make_session_factory, reading
from app.review.batches import Batches
from app.review.decisions import Decisions
from app.review.desk import Desk
from app.review.filters import Filter
from app.review.rules import IdentificationKind, Stale, TaskState
from app.review.tables import Identification, ReviewTask
from tests.app.sending import TAXA
from tests.desk import it_is, task_of, waiting

ITEMS = 120


def review_until_nothing_is_left(url: str, user_id: int) -> None:
    """As a reviewer does: load ahead, decide, sometimes undo, skip, or take a grid; nobody ever waits for the other."""
    engine = make_engine(url)
    sessions = make_session_factory(engine)
    desk, decisions, luck = Desk(sessions), Decisions(sessions), random.Random(user_id)
    while (number := desk.next(user_id, Filter())) is not None:
        what = luck.random()
        if what < 0.02:
            desk.skip(user_id, number)
            continue
        if what < 0.08:
            grid = Batches(sessions).grid(user_id, TAXA[0], TAXA[1], 20)
            Batches(sessions).decide(user_id, {i.submission_id: i.revision for i in grid}, set(), it_is())
            continue
        desk.peek(user_id, Filter(), 2, number)
        try:
            done = decisions.decide(user_id, number, task_of(sessions, number).revision, it_is())
        except Stale:  # "next" never hands out what another one holds
            print("stale", number)
            continue
        if what < 0.13:
            decisions.undo(user_id, done.identification_id)
    engine.dispose()


def test_two_reviewers_over_one_queue(review, engine):
    numbers = waiting(review.sessions, ITEMS)
    url = engine.url.render_as_string(hide_password=False)
    reviewers = [
        subprocess.Popen(
            [
                sys.executable,
                "-c",
                f"from tests.app.review.test_two_reviewers import *; review_until_nothing_is_left({url!r}, {user})",
            ],
            cwd=Path(__file__).parents[3],
            stdout=subprocess.PIPE,
            text=True,
        )
        for user in (review.anna, review.ben)
    ]
    said = [process.communicate(timeout=250)[0] for process in reviewers]
    assert [process.returncode for process in reviewers] == [0, 0]
    assert said == ["", ""]
    with reading(review.sessions) as session:
        rows = list(session.scalars(select(Identification)))
        states = Counter(session.scalars(select(ReviewTask.state)))
    undone = {row.undoes_id for row in rows}
    standing = Counter(
        row.submission_id for row in rows if row.kind is IdentificationKind.TAXON and row.id not in undone
    )
    assert states == {TaskState.DECIDED: ITEMS}
    assert standing == dict.fromkeys(numbers, 1)
    assert {row.user_id for row in rows} == {review.anna, review.ben}
