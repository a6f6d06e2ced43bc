"""Which status may follow which: the whole table, so that a change to it is a decision."""

from itertools import product

import pytest

from app.core.errors import Conflict
from app.submissions.rules import ALLOWED_TRANSITIONS, SubmissionStatus, check_transition

ALLOWED = {
    # from: to
    "received": "screened withdrawn",
    "screened": "auto_accepted flagged queried verified withdrawn",
    "auto_accepted": "flagged queried verified withdrawn",
    "flagged": "screened queried verified withdrawn",
    "queried": "screened auto_accepted flagged verified withdrawn",
    "verified": "screened auto_accepted flagged queried withdrawn",
    "withdrawn": "",
}
PAIRS = [(a, b, b.value in ALLOWED[a.value].split()) for a, b in product(SubmissionStatus, repeat=2)]


@pytest.mark.parametrize(("current", "new"), [(a, b) for a, b, allowed in PAIRS if allowed])
def test_allowed(current, new):
    check_transition(current, new)


@pytest.mark.parametrize(("current", "new"), [(a, b) for a, b, allowed in PAIRS if not allowed])
def test_not_allowed(current, new):
    with pytest.raises(Conflict, match=f"is {current} can't become {new}"):
        check_transition(current, new)


def test_every_status_has_a_row():
    assert set(ALLOWED_TRANSITIONS) == set(SubmissionStatus)


def test_only_a_withdrawn_submission_stays_as_it_is():
    assert [status for status, following in ALLOWED_TRANSITIONS.items() if not following] == ["withdrawn"]
