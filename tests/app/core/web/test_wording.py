"""Errors that pages show are worded in the reader's language."""

import ast
from pathlib import Path

import pytest

from app.core import jobs
from app.core.db import transaction
from app.core.errors import Conflict
from app.core.roles import Role
from app.core.tables import Job, JobKind
from app.core.web.i18n import Language
from app.core.web.words import FIELD_ERRORS, error_message, job_message
from app.versions.runner import ProcessKilled, TrainingFailed
from tests.people import signed_in

DUTCH = Language("nl")
APP = Path(__file__).parents[4] / "app"
# Errors whose second argument is a code.
CODED = {
    "Conflict", "NothingNew", "ModelUnavailable", "TrainingFailed", "RemovalFailed", "CollectingFailed", "Interrupted",
}  # fmt: skip


def codes():
    for path in sorted(APP.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) in CODED:
                for argument in node.args[1:2]:
                    assert isinstance(argument, ast.Constant | ast.Attribute), ast.unparse(node)
                    if isinstance(argument, ast.Constant):
                        yield argument.value


def test_every_code_has_words():
    found = set(codes())
    assert len(found) > 15
    assert found - set(FIELD_ERRORS) == set()


def test_an_error_with_a_code_is_worded_and_one_without_is_told_as_it_is():
    error = Conflict("Run 7 is using this collection and has not finished.", "collection_learnt_from", run=7)
    assert error_message(DUTCH, error) != error.detail
    assert "7" in error_message(DUTCH, error)
    assert error_message(Language("en"), error) == error.detail
    assert error_message(DUTCH, Conflict("Photo Not Found")) == "Photo Not Found"


@pytest.mark.parametrize(
    ("error", "worded"),
    [
        (TrainingFailed("The run exceeded its time limit.", "run_time"), True),
        (ProcessKilled("The process was killed (SIGKILL).", "process_killed", signal="SIGKILL"), True),
        (TrainingFailed("ValueError: no such layer"), False),
        (OSError(5, "Input/output error"), False),
    ],
)
def test_a_job_keeps_its_error_so_that_pages_can_word_it(lite, error, worded):
    def fail(_job_id, _subject_id):
        raise error

    lite.worker.handlers[JobKind.SCREENING] = fail
    with transaction(lite.sessions) as session:
        number = jobs.create(session, JobKind.SCREENING, 1).id
    lite.worker.handle(number)
    with transaction(lite.sessions) as session:
        job = session.get_one(Job, number)
    told = job_message(DUTCH, job)
    assert (told != job.error) is worded
    assert "%(" not in told


def test_a_dutch_page_says_in_dutch_why_nothing_starts(lite):
    admin = signed_in(lite, Role.ADMIN)
    form = {"config": "tiny", "codes": ["V1"], "epochs": "3", "start": "scratch"}
    page = admin.post("/admin/runs/plan", data=form, headers={"Accept-Language": "nl"}).text
    assert DUTCH.gettext(FIELD_ERRORS["nothing_to_learn"]) in page
    assert FIELD_ERRORS["nothing_to_learn"] not in page
