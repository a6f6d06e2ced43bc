"""A spreadsheet shows what strangers wrote; it never evaluates it."""

import pytest

from app.core.formulas import as_text

UNSEEN = ["", " ", "\t", "\u200b", "\ufeff", "\u00ad", "\u2060\u200d", "\u202e", " \u00a0\u200b"]


@pytest.mark.parametrize("unseen", UNSEEN)
@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "＝1"])
def test_what_begins_like_a_formula_is_quoted(unseen, text):
    assert as_text(unseen + text) == f"'{unseen}{text}"


@pytest.mark.parametrize("unseen", UNSEEN)
def test_a_cell_can_not_begin_inside(unseen):
    assert ";" not in as_text(f"a;{unseen}=1")


@pytest.mark.parametrize("text", ["", "Achter de Kerk 7", "a=b", "a;b", "3 - 4", "\u200bplain"])
def test_everything_else_is_left_alone(text):
    assert as_text(text) == text
