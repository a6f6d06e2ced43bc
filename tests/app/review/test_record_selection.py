"""Which records are meant, how many there are, and what is told of each."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import update

from app.accounts.tables import AuditEntry
from app.core.db import reading, transaction, utcnow
from app.core.errors import InvalidInput
from app.organisation.rules import Licence
from app.predictions.rules import ClaimKind, Outcome
from app.records import description, occurrences, selection, summary
from app.records.description import Description
from app.records.occurrences import TERMS, Shape
from app.records.rules import ACCEPTED, Precision, Standing
from app.records.selection import Selection
from app.records.summary import Counted
from app.review.decisions import Decision
from app.review.rules import IdentificationKind
from app.submissions.rules import SubmissionStatus
from app.submissions.rules import VerificationStatus as V
from app.submissions.tables import ClaimRecord, Submission
from tests.app.review.test_decisions import two_must_agree
from tests.app.sending import TAXA
from tests.desk import it_is, submission_of, task_of, waiting

BROWN, GATEKEEPER = TAXA
EVERY = frozenset(Standing)
UNABLE = Decision(IdentificationKind.UNABLE)
JULY = date(2026, 7, 14)
ABOUT = Description("Count", Licence.CC_BY, "Two\nparagraphs")


def decide(review, number, decision, user=None):
    revision = task_of(review.sessions, number).revision
    return review.decisions.decide(user or review.anna, number, revision, decision).identification_id


def change(review, number, **values):
    with transaction(review.sessions) as session:
        session.execute(update(Submission).where(Submission.id == number).values(**values))


def one_of_each(review):
    """A record of every standing: claimed as the first species, those experts named called the second."""
    verified, plausible, undecided, refused = waiting(review.sessions, 4, day=JULY)
    [machine] = waiting(review.sessions, day=JULY, predicted=BROWN, outcome=Outcome.AGREE, support=0.99, accepted=True)
    decide(review, verified, it_is(GATEKEEPER))
    decide(review, plausible, it_is(GATEKEEPER, status_code=V.C3))
    decide(review, refused, UNABLE)
    return dict(zip(Standing, (verified, plausible, machine, undecided, refused), strict=True))


def told(review, wanted=None, shape=None, **pages):
    """Terms by the record's number."""
    found = occurrences.occurrences(review.sessions, wanted or Selection(standings=EVERY), shape or Shape(), **pages)
    return {one.number: one.fields for one in found}


def counted(review, wanted=None):
    with reading(review.sessions) as session:
        return summary.summary(session, wanted or Selection())


def extent(review, **values):
    with reading(review.sessions) as session:
        return vars(summary.extent(session, Selection(**values)))


def test_without_submissions_there_is_nothing(review):
    assert told(review) == {}
    found = counted(review)
    assert (found.volunteers, found.species, found.total) == (0, [], Counted())
    with reading(review.sessions) as session:
        assert selection.years(session) == []


@pytest.mark.parametrize("standing", Standing)
def test_each_standing_is_a_choice(review, standing):
    numbers = one_of_each(review)
    assert list(told(review, Selection(standings=frozenset({standing})))) == [numbers[standing]]


def test_unasked_it_is_what_was_accepted(review):
    numbers = one_of_each(review)
    assert set(told(review, Selection())) == {numbers[standing] for standing in ACCEPTED}


def test_the_species_is_what_experts_said_else_the_claim(review):
    numbers = one_of_each(review)
    found = told(review)
    named = {standing: found[number]["scientificName"] for standing, number in numbers.items()}
    assert named == {
        Standing.VERIFIED: GATEKEEPER,
        Standing.PLAUSIBLE: GATEKEEPER,
        Standing.MACHINE: BROWN,
        Standing.UNDECIDED: BROWN,
        Standing.NOT_ACCEPTED: "",
    }
    assert {fields["verbatimIdentification"] for fields in found.values()} == {BROWN}
    wanted = Selection(scientific_name=GATEKEEPER, standings=EVERY)
    assert set(told(review, wanted)) == {numbers[Standing.VERIFIED], numbers[Standing.PLAUSIBLE]}


def test_what_is_not_accepted_is_no_presence(review):
    number = one_of_each(review)[Standing.NOT_ACCEPTED]
    fields = told(review)[number]
    assert (fields["occurrenceStatus"], fields["identificationVerificationStatus"]) == (
        "",
        "Not accepted - unable to verify",
    )


def test_no_person_is_said_to_have_seen_what_the_machine_accepted(review):
    number = one_of_each(review)[Standing.MACHINE]
    fields = told(review, shape=Shape(names=True))[number]
    assert fields["identificationVerificationStatus"] == "Unconfirmed - not reviewed"
    assert fields["identificationRemarks"].startswith("Accepted by machine: ")
    assert (fields["identifiedBy"], fields["dateIdentified"]) == ("", "")


def test_an_undone_decision_is_none(review):
    [number] = waiting(review.sessions)
    review.decisions.undo(review.anna, decide(review, number, it_is(GATEKEEPER)))
    fields = told(review, shape=Shape(names=True))[number]
    assert (fields["scientificName"], fields["identifiedBy"]) == (BROWN, "")


def test_experts_are_named_where_that_is_asked_for_and_only_those_who_said_so(review):
    [number] = waiting(review.sessions)
    decide(review, number, it_is(GATEKEEPER))
    decide(review, number, it_is(GATEKEEPER), review.ben)
    assert told(review)[number]["identifiedBy"] == ""
    assert told(review, shape=Shape(names=True))[number]["identifiedBy"] == "Anna | Ben"


def test_an_expert_who_changed_their_mind_is_not_named_for_what_they_said_before(review):
    [number] = waiting(review.sessions)
    decide(review, number, it_is(GATEKEEPER))
    decide(review, number, UNABLE)
    decide(review, number, it_is(GATEKEEPER), review.ben)
    assert told(review, shape=Shape(names=True))[number]["identifiedBy"] == "Ben"


def test_what_an_expert_spoke_about_is_not_the_machines_any_more(review):
    two_must_agree(review)
    [number] = waiting(review.sessions, predicted=BROWN, outcome=Outcome.AGREE, support=0.99, accepted=True)
    decide(review, number, it_is(GATEKEEPER))
    assert told(review, Selection()) == {}
    fields = told(review, Selection(standings=frozenset({Standing.UNDECIDED})))[number]
    assert fields["identificationRemarks"] == ""
    assert counted(review).standings[Standing.MACHINE] == Counted()


def test_what_an_expert_is_to_judge_unseen_can_be_left_out(review):
    blind, seen = waiting(review.sessions, blind=True), waiting(review.sessions)
    wanted = Selection(standings=EVERY)
    found = occurrences.page(review.sessions, wanted, Shape(), 0, 10, blind=False)
    assert [one.number for one in found] == seen
    assert set(told(review)) == {*blind, *seen}


def test_the_first_claim_is_told_though_another_stands(review):
    [number] = waiting(review.sessions)
    with transaction(review.sessions) as session:
        session.add(ClaimRecord(submission_id=number, kind=ClaimKind.OTHER, verbatim="Ringlet", informed=True))
    fields = told(review)[number]
    assert (fields["verbatimIdentification"], fields["scientificName"]) == (BROWN, "")
    # What the machine said was about the other claim.
    assert fields["dynamicProperties"] == '{"verificationStatus": "pending"}'


def test_a_typed_name_is_told_as_it_was_typed(review):
    [number] = waiting(review.sessions, claimed=None)
    with transaction(review.sessions) as session:
        session.execute(
            update(ClaimRecord).where(ClaimRecord.submission_id == number).values(verbatim="Ringlet, I think")
        )
    typed = told(review, shape=Shape(words=True))[number]
    assert (typed["verbatimIdentification"], typed["informationWithheld"]) == ("Ringlet, I think", "")
    kept = told(review)[number]
    assert (kept["verbatimIdentification"], kept["informationWithheld"]) == ("", "Withheld: verbatimIdentification")


def test_what_was_withdrawn_is_gone(review):
    numbers = waiting(review.sessions, 2)
    change(review, numbers[0], status=SubmissionStatus.WITHDRAWN)
    assert list(told(review)) == [numbers[1]]
    assert counted(review).total.records == 1


@pytest.mark.parametrize(
    ("since", "until", "expected"),
    [
        (None, None, {1, 2, 3}),
        (JULY, JULY, {2}),
        (date(2026, 7, 15), None, {3}),
        (None, date(2026, 7, 13), {1}),
        (date.min, date.max, {1, 2, 3}),
    ],
)
def test_a_time_takes_both_its_days_in(review, since, until, expected):
    days = [date(2026, 7, 13), JULY, date(2026, 7, 15)]
    numbers = {waiting(review.sessions, day=day)[0]: n for n, day in enumerate(days, 1)}
    wanted = Selection(since, until, standings=EVERY)
    assert {numbers[number] for number in told(review, wanted)} == expected
    assert counted(review, wanted).total.records == len(expected)


def test_only_what_has_changed_since_a_moment(review):
    """Sent on that day or later, or decided since."""
    first, second, third = waiting(review.sessions, 3, day=JULY)
    sent = datetime(2026, 7, 14, 12, tzinfo=UTC)
    for days, number in enumerate((first, second, third)):
        change(review, number, created_at=sent + timedelta(days=days))
    wanted = Selection(standings=EVERY, changed_since=sent + timedelta(days=1))
    assert list(told(review, wanted)) == [second, third]
    decide(review, first, it_is(GATEKEEPER))
    assert list(told(review, wanted)) == [first, second, third]
    assert list(told(review, wanted, after=first, batch=1)) == [second, third]
    assert told(review, Selection(standings=EVERY, changed_since=utcnow() + timedelta(minutes=1))) == {}


def test_without_a_date_it_counts_for_the_day_it_was_sent(review):
    dated, undated = waiting(review.sessions, 2)
    change(review, dated, event_date=date(2025, 8, 1), created_at=datetime(2026, 1, 2, tzinfo=UTC))
    change(review, undated, created_at=datetime(2026, 7, 14, 23, 59, tzinfo=UTC))
    assert list(told(review, Selection(JULY, JULY, standings=EVERY))) == [undated]
    assert told(review)[undated]["eventDate"] == ""
    with reading(review.sessions) as session:
        assert selection.years(session) == [2026, 2025]
    change(review, dated, event_date=date(1926, 8, 1))
    with reading(review.sessions) as session:
        assert selection.years(session) == [2026, 1926]


def test_places_are_told_as_exactly_as_is_asked_for(review):
    [number] = waiting(review.sessions, place="Mill Lane 4")
    change(review, number, latitude=52.370216, longitude=4.895168)

    def place(**shape):
        fields = told(review, shape=Shape(**shape))[number]
        return [fields[name] for name in ("decimalLatitude", "decimalLongitude", "locality", "informationWithheld")]

    assert place() == ["52.37", "4.90", "", "Withheld: locality"]
    assert place(precision=Precision.EXACT, words=True) == ["52.370216", "4.895168", "Mill Lane 4", ""]
    assert place(precision=Precision.NONE) == ["", "", "", "Withheld: coordinates, locality"]
    assert told(review)[number]["coordinateUncertaintyInMeters"] == "653"


@pytest.mark.parametrize("shape", [Shape(), Shape(Precision.EXACT, words=True, names=True)])
def test_nothing_leads_back_to_a_volunteer(review, shape):
    [number] = waiting(review.sessions, note="Ask for Kim at the gate", place="Mill Lane 4")
    with transaction(review.sessions) as session:
        session.get_one(Submission, number).volunteer.email = "kim@example.org"
        typed = update(ClaimRecord).where(ClaimRecord.submission_id == number)
        session.execute(typed.values(verbatim="Ringlet, says Kim"))
    row = submission_of(review.sessions, number)
    everything = " ".join(told(review, shape=shape)[number].values())
    never = [row.token, row.volunteer.key, row.volunteer.email, row.note, row.photos[0].token, row.photos[0].sha256]
    assert [secret for secret in never if secret and secret in everything] == []
    assert [text in everything for text in ("Mill Lane 4", "says Kim")] == [shape.words] * 2


def test_a_record_keeps_its_number_and_shares_it_with_none(review):
    waiting(review.sessions, 3)
    first = [fields["occurrenceID"] for fields in told(review).values()]
    assert len(set(first)) == 3
    assert first == [fields["occurrenceID"] for fields in told(review).values()]


def test_small_batches_tell_the_same_and_every_term_each_time(review):
    one_of_each(review)
    assert told(review, batch=2) == told(review)
    assert all(tuple(fields) == TERMS for fields in told(review).values())


def test_counted_by_species_standing_and_week(review):
    numbers = one_of_each(review)
    change(review, numbers[Standing.MACHINE], individual_count=4)
    waiting(review.sessions, claimed=None)
    found = counted(review)
    by_name = {one.taxon.scientific_name if one.taxon else None: one for one in found.species}
    assert list(by_name) == [BROWN, GATEKEEPER, None]
    standings = {name: {s: c.records for s, c in one.standings.items()} for name, one in by_name.items()}
    assert standings == {
        BROWN: {Standing.MACHINE: 1, Standing.UNDECIDED: 1, Standing.NOT_ACCEPTED: 1},
        GATEKEEPER: {Standing.VERIFIED: 1, Standing.PLAUSIBLE: 1},
        None: {Standing.UNDECIDED: 1},
    }
    assert by_name[BROWN].accepted == Counted(1, 4)
    assert by_name[GATEKEEPER].weeks == {date(2026, 7, 13): 1}
    assert (found.volunteers, found.undated, found.unplaced, found.total) == (6, 1, 6, Counted(6, 9))
    assert found.standings[Standing.NOT_ACCEPTED] == Counted(1, 1)


def test_what_a_download_would_hold(review):
    one_of_each(review)
    waiting(review.sessions, claimed=None)
    assert extent(review) == {"records": 2, "undated": 0, "unplaced": 2, "unnamed": 0}
    assert extent(review, standings=EVERY) == {"records": 6, "undated": 1, "unplaced": 6, "unnamed": 2}
    assert extent(review, scientific_name="Nemo nescitus") == {"records": 0, "undated": 0, "unplaced": 0, "unnamed": 0}


def test_records_are_described_once_and_it_is_logged(review):
    with reading(review.sessions) as session:
        assert (description.current(session), description.changed_at(session)) == (None, None)
    for wanted in (ABOUT, ABOUT, Description(" Count ", Licence.CC0)):
        description.save(review.sessions, review.anna, wanted)
    with reading(review.sessions) as session:
        assert description.current(session) == Description("Count", Licence.CC0)
        noted = session.query(AuditEntry).filter_by(action="records.described").all()
    assert [sorted(entry.details) for entry in noted] == [
        ["abstract", "licence", "title"],
        ["abstract", "licence"],
    ]


def test_every_mistake_of_a_description_is_named_and_nothing_is_kept(review):
    with pytest.raises(InvalidInput) as refused:
        description.save(review.sessions, review.anna, Description("", Licence.CC0, "x" * 5001))
    assert {(error.field, error.code) for error in refused.value.errors} == {
        ("title", "text_missing"),
        ("abstract", "text_too_long"),
    }
    with reading(review.sessions) as session:
        assert description.current(session) is None
