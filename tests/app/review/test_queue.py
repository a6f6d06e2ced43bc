"""The list: order, filters, pages in both directions, counts, saved filters."""

from datetime import date, timedelta

import pytest

from app.core.db import reading, utcnow
from app.core.errors import Conflict, InvalidInput, NotFound
from app.predictions.rules import Outcome
from app.review import filters, queue
from app.review.filters import Filter, ListState, SavedFilters
from app.review.rules import PhotoQuality, ReviewReason, TaskState
from tests.app.sending import TAXA
from tests.desk import it_is, waiting

DAY = date(2026, 7, 14)


def listed(review, user=None, **values):
    with reading(review.sessions) as session:
        return [i.submission_id for i in queue.page(session, Filter(**values), user or review.anna).items]


def test_the_order_is_worth_then_age(review):
    agreed = waiting(review.sessions, outcome=Outcome.AGREE, support=0.97)
    unsure = waiting(review.sessions, 2, outcome=Outcome.UNCERTAIN, support=0.5)
    sure = waiting(review.sessions, 2, support=0.02)
    assert listed(review) == [*sure, *unsure, *agreed]


FILTERS = [
    # what one has and another has not, and the filter that finds the one
    ({"reason": ReviewReason.NO_CLAIM}, {}, {"reason": ReviewReason.NO_CLAIM}),
    ({"claimed": TAXA[1]}, {}, {"claimed": TAXA[1]}),
    ({"claimed": None}, {}, {"claimed": "none"}),
    ({"predicted": TAXA[0]}, {}, {"predicted": TAXA[0]}),
    ({"day": DAY}, {"day": DAY - timedelta(1)}, {"from_date": DAY}),
    ({"day": DAY}, {"day": DAY + timedelta(1)}, {"to_date": DAY}),
    ({"day": DAY}, {}, {"from_date": DAY, "to_date": DAY}),
    ({"place": "Utrecht, by the Gate"}, {"place": "Near Utrecht"}, {"place": " utrecht,  BY"}),
    ({"quality": PhotoQuality.BLURRED}, {}, {"quality": PhotoQuality.BLURRED}),
    ({"place": "In Zeist", "note": "On brambles"}, {"note": "brambles"}, {"text": "zeist BRAMBLE"}),
    ({"note": "100% sure_"}, {"note": "100 sure"}, {"text": "100% sure_"}),
]


@pytest.mark.parametrize(("one", "other", "wanted"), FILTERS)
def test_a_filter_finds_what_it_names(review, one, other, wanted):
    found = waiting(review.sessions, **one)
    waiting(review.sessions, **other)
    assert listed(review, **wanted) == found
    with reading(review.sessions) as session:
        assert queue.count(session, Filter(**wanted), review.anna) == 1


def test_a_species_that_nobody_knows_finds_nothing(review):
    waiting(review.sessions)
    assert listed(review, claimed="Nemo nescitus") == []


def test_the_lists(review):
    open_one, mine, asked, older, newer = waiting(review.sessions, 5)
    review.desk.open(review.anna, mine)
    with review.sessions.begin() as session:
        from app.review.tables import ReviewTask

        session.get_one(ReviewTask, asked).state = TaskState.ASKED
    for number in (older, newer):
        review.decisions.decide(review.ben, number, 1, it_is())
    assert listed(review) == [open_one, mine]
    assert listed(review, state=ListState.MINE) == [mine]
    assert listed(review, review.ben, state=ListState.MINE) == []
    assert listed(review, state=ListState.QUESTIONED) == [asked]
    assert set(listed(review, state=ListState.DECIDED)) == {older, newer}
    assert set(listed(review, state=ListState.DECIDED, reviewer=review.ben)) == {older, newer}
    assert listed(review, state=ListState.DECIDED, reviewer=review.anna) == []


def test_what_was_decided_last_comes_first(review):
    now = utcnow()
    items = [
        waiting(review.sessions, state=TaskState.DECIDED, closed_at=now, position=position)[0]
        for position in (-10, -30, -20)
    ]
    assert listed(review, state=ListState.DECIDED) == [items[1], items[2], items[0]]


@pytest.mark.parametrize("wanted", [{}, {"claimed": TAXA[0]}, {"text": "x"}, {"from_date": DAY}])
def test_pages_hold_everything_once_in_both_directions(review, wanted):
    items = [waiting(review.sessions, support=n / 25, place="X", day=DAY)[0] for n in range(23)]
    with reading(review.sessions) as session:
        everything = [i.submission_id for i in queue.page(session, Filter(**wanted), review.anna, size=100).items]
        assert sorted(everything) == sorted(items)
        seen, page = [], queue.page(session, Filter(**wanted), review.anna, size=5)
        assert page.previous is None
        pages = [page]
        while page.next:
            page = queue.page(session, Filter(**wanted), review.anna, page.next, size=5)
            pages.append(page)
        seen = [i.submission_id for page in pages for i in page.items]
        assert seen == everything
        back = queue.page(session, Filter(**wanted), review.anna, pages[2].previous, size=5)
        assert back.items == pages[1].items
        first = queue.page(session, Filter(**wanted), review.anna, back.previous, size=5)
        assert (first.items, first.previous) == (pages[0].items, None)


@pytest.mark.parametrize("cursor", ["", "x", "n.1", "n.a.b", "z.1.2", "n.1.2.3"])
def test_a_cursor_that_is_none_is_refused(review, cursor):
    with reading(review.sessions) as session:
        if not cursor:
            assert queue.page(session, Filter(), review.anna, cursor).items == []
            return
        with pytest.raises(InvalidInput):
            queue.page(session, Filter(), review.anna, cursor)


def test_a_cursor_beyond_everything_leads_to_an_empty_page(review):
    waiting(review.sessions)
    with reading(review.sessions) as session:
        assert queue.page(session, Filter(), review.anna, f"n.{10**30}.{10**30}").items == []


def test_a_line_says_what_a_reviewer_needs(review):
    [number] = waiting(review.sessions, place="Utrecht", day=DAY)
    review.desk.open(review.ben, number)
    with reading(review.sessions) as session:
        [line] = queue.page(session, Filter(), review.anna).items
    assert [taxon.scientific_name for taxon in (line.claimed, line.predicted) if taxon] == [TAXA[0], TAXA[1]]
    assert (line.place, line.event_date, line.photos, line.reason) == ("Utrecht", DAY, 1, ReviewReason.DISAGREE)
    assert (line.leased_by_name, line.revision) == ("Ben", 1)
    assert line.thumb_token


def test_a_blind_line_tells_nothing_and_no_filter_finds_it_out(review):
    [number] = waiting(review.sessions, blind=True)
    with reading(review.sessions) as session:
        [line] = queue.page(session, Filter(), review.anna).items
    assert (line.claimed, line.predicted, line.reason) == (None, None, None)
    for wanted in ({"claimed": TAXA[0]}, {"predicted": TAXA[1]}, {"reason": ReviewReason.DISAGREE}):
        assert listed(review, **wanted) == []
    review.decisions.decide(review.anna, number, 1, it_is())
    assert listed(review, state=ListState.DECIDED, claimed=TAXA[0]) == [number]


# --- counts --------------------------------------------------------------------------------------------------------------


def test_counts_per_filter(review):
    waiting(review.sessions, 3)
    waiting(review.sessions, 2, claimed=None, quality=PhotoQuality.DARK)
    waiting(review.sessions, blind=True)
    [decided] = waiting(review.sessions, claimed=TAXA[1])
    review.decisions.decide(review.ben, decided, 1, it_is())
    with reading(review.sessions) as session:
        found = queue.counts(session, Filter(), review.anna)
        of_decided = queue.counts(session, Filter(state=ListState.DECIDED), review.anna)
    assert found.state == {"open": 6, "mine": 0, "questioned": 0, "decided": 1}
    assert (found.reason["disagree"], found.reason["no_claim"], found.reason["audit"]) == (3, 2, 0)
    assert found.claimed == {"none": 2, TAXA[0]: 3}
    assert found.predicted == {"none": 0, TAXA[1]: 5}
    assert (found.quality["dark"], found.quality["unknown"]) == (2, 4)
    assert of_decided.reviewer == {str(review.ben): 1}
    assert of_decided.claimed == {"none": 0, TAXA[1]: 1}


def test_counts_stop_at_a_thousand(review, monkeypatch):
    monkeypatch.setattr(queue, "MOST_COUNTED", 4)
    waiting(review.sessions, 7)
    with reading(review.sessions) as session:
        assert queue.count(session, Filter(), review.anna) == 5
        assert queue.counts(session, Filter(), review.anna).reason["disagree"] == 5


# --- filters in addresses and under names ----------------------------------------------------------------------------------

EXAMPLES = [
    "",
    "state=decided&reviewer=3",
    "reason=disagree&claimed=Maniola+jurtina&from=2026-07-01&to=2026-07-31&place=By+the+pond&quality=dark&text=a+b",
    "claimed=none&predicted=none",
]


@pytest.mark.parametrize("query", EXAMPLES)
def test_a_filter_survives_its_address(query):
    from urllib.parse import parse_qsl

    assert Filter.parse(dict(parse_qsl(query))).to_query() == query


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ({"reason": "x", "from": "July", "reviewer": "-1"}, ["reason", "from", "reviewer"]),
        ({"text": "x" * 101, "place": "a\0b"}, ["place", "text"]),
        ({"reviewer": str(2**31)}, ["reviewer"]),
    ],
)
def test_all_parts_that_can_not_be_read_are_named(given, wrong):
    with pytest.raises(InvalidInput) as refused:
        Filter.parse(given)
    assert [error.field for error in refused.value.errors] == wrong


def test_what_narrows_a_filter(review):
    wanted = Filter(state=ListState.DECIDED, place="x", text="y")
    assert wanted.narrowed_by == ("place", "text")
    assert wanted.without("text") == Filter(state=ListState.DECIDED, place="x")


def test_saved_filters_are_their_users(review):
    saved = SavedFilters(review.sessions)
    row = saved.save(review.anna, "  My   browns ", Filter(claimed=TAXA[0]))
    saved.save(review.anna, "My browns", Filter(claimed=TAXA[1]))  # the same name is written over
    other = saved.save(review.anna, "Dark", Filter(quality=PhotoQuality.DARK))
    with pytest.raises(Conflict):
        saved.rename(review.anna, other.id, "My browns")
    with pytest.raises(NotFound):
        saved.rename(review.ben, row.id, "Ben's")
    saved.delete(review.ben, row.id)
    saved.rename(review.anna, other.id, "At dusk")
    with reading(review.sessions) as session:
        assert [(f.name, f.query) for f in saved.of(session, review.anna)] == [
            ("At dusk", "quality=dark"),
            ("My browns", Filter(claimed=TAXA[1]).to_query()),
        ]
        assert saved.of(session, review.ben) == []
    saved.delete(review.anna, row.id)
    saved.delete(review.anna, row.id)


@pytest.mark.parametrize("name", ["", "  ", "x" * 81, "a\0"])
def test_a_name_that_is_none_is_refused(review, name):
    with pytest.raises(InvalidInput):
        SavedFilters(review.sessions).save(review.anna, name, Filter())


def test_nobody_saves_filters_without_end(review, monkeypatch):
    monkeypatch.setattr(filters, "MOST_SAVED", 1)
    SavedFilters(review.sessions).save(review.anna, "one", Filter())
    with pytest.raises(Conflict):
        SavedFilters(review.sessions).save(review.anna, "two", Filter())
