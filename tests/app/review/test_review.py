"""What experts' answers amount to: tables for the rules, properties for what must hold whatever they say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import Conflict
from app.review.rules import (
    CODES,
    Answer,
    IdentificationKind,
    NeedsAnother,
    Rule,
    Settled,
    agreement,
    code_of,
    needed,
    present,
    rule_for,
)
from app.submissions.rules import VerificationStatus as V

K = IdentificationKind
ONE, OTHER, THIRD = 1, 2, 3


def says(user, taxon=None, kind=None, code=None):
    kind = kind or (K.TAXON if taxon else K.UNABLE)
    return Answer(user, kind, taxon, code or CODES[kind][0])


def unable(user):
    return says(user)


def nothing_there(user):
    return says(user, kind=K.NO_BUTTERFLY)


X, Y, Z = ((lambda user, taxon=taxon: says(user, taxon)) for taxon in (ONE, OTHER, THIRD))

STANDINGS = [
    # answers in their order, how many are needed, the taxon (or kind) they settle on; None: another is needed
    ([], 1, None),
    ([X(1)], 1, ONE),
    ([X(1)], 2, None),
    ([X(1), X(2)], 2, ONE),
    ([X(1), Y(2)], 2, None),
    ([X(1), Y(2), X(3)], 2, None),  # two thirds are not more than two thirds
    ([X(1), Y(2), X(3), X(4)], 2, ONE),
    ([X(1), X(1)], 2, None),  # nobody agrees with themselves
    ([X(1), Y(2), Y(1)], 2, OTHER),  # the first was convinced
    ([X(1), Y(1)], 1, OTHER),
    ([X(1), Y(2)], 1, None),  # a decision that another expert contradicts is open again
    ([unable(1)], 1, K.UNABLE),
    ([unable(1)], 2, None),
    ([unable(1), unable(2)], 2, K.UNABLE),
    ([unable(1), X(2)], 1, ONE),  # whoever can tell outranks whoever can't
    ([unable(1), X(2)], 2, None),
    ([unable(1), X(2), X(3)], 2, ONE),
    ([X(1), unable(2), unable(3), unable(4)], 2, K.UNABLE),
    ([nothing_there(1)], 1, K.NO_BUTTERFLY),
    ([nothing_there(1), X(2)], 1, None),
    ([nothing_there(1), nothing_there(2)], 2, K.NO_BUTTERFLY),
]


@pytest.mark.parametrize(("answers", "wanted", "expected"), STANDINGS)
def test_what_answers_amount_to(answers, wanted, expected):
    found = agreement(answers, wanted)
    if expected is None:
        assert isinstance(found, NeedsAnother)
    else:
        assert isinstance(found, Settled)
        assert expected in (found.taxon_id, found.kind)


@pytest.mark.parametrize(
    ("codes", "settled"),
    [([V.V1], V.V1), ([V.V1, V.V2], V.V2), ([V.C3, V.V1], V.C3), ([V.V2, V.C3, V.V1], V.C3)],
)
def test_the_most_careful_of_those_who_agree_decides_the_code(codes, settled):
    answers = [says(user, ONE, code=code) for user, code in enumerate(codes)]
    found = agreement(answers, len(codes))
    assert isinstance(found, Settled)
    assert found.code is settled


CAREFUL = [
    # codes of those who agree, in their order; the code of the record
    (K.UNABLE, [V.R4, V.R5], V.R4),
    (K.UNABLE, [V.R5, V.R4], V.R4),
    (K.NO_BUTTERFLY, [V.R5, V.R5], V.R5),
    (K.NO_BUTTERFLY, [V.R4, V.R5], V.R4),
    (K.TAXON, [V.V2, V.V1], V.V2),
]


@pytest.mark.parametrize(("kind", "codes", "settled"), CAREFUL)
def test_what_experts_settle_has_one_kind_taxon_and_code(kind, codes, settled):
    taxon = ONE if kind is K.TAXON else None
    answers = [Answer(user, kind, taxon, code) for user, code in enumerate(codes)]
    assert agreement(answers, 2) == Settled(kind, taxon, settled)


def test_who_disagrees_is_told_from_who_is_missing():
    assert agreement([X(1)], 2) == NeedsAnother(1, disputed=False)
    assert agreement([X(1), Y(2)], 2) == NeedsAnother(2, disputed=True)
    assert agreement([X(1), unable(2)], 2) == NeedsAnother(2, disputed=False)


RULES = [
    # the species' rules, the default, the claim, answers, the rule in force
    ({}, Rule.ONE, ONE, [X(1)], Rule.ONE),
    ({ONE: Rule.TWO_AGREE}, Rule.ONE, ONE, [], Rule.TWO_AGREE),
    ({OTHER: Rule.TWO_AGREE}, Rule.ONE, ONE, [Y(1)], Rule.TWO_AGREE),
    ({OTHER: Rule.TWO_AGREE}, Rule.ONE, ONE, [X(1)], Rule.ONE),
    ({ONE: Rule.ONE}, Rule.TWO_AGREE, ONE, [X(1)], Rule.ONE),  # an easy species
    ({ONE: Rule.ONE}, Rule.TWO_AGREE, ONE, [Y(1)], Rule.TWO_AGREE),
    ({}, Rule.SECOND_OPINION, None, [unable(1)], Rule.SECOND_OPINION),
]


@pytest.mark.parametrize(("rules", "default", "claimed", "answers", "expected"), RULES)
def test_the_strictest_rule_of_the_species_named_holds(rules, default, claimed, answers, expected):
    assert rule_for(answers, claimed, rules, default) is expected


NEEDED = [
    # rule, claim, answers, experts needed
    (Rule.ONE, ONE, [Y(1)], 1),
    (Rule.TWO_AGREE, ONE, [X(1)], 2),
    (Rule.SECOND_OPINION, ONE, [X(1)], 1),
    (Rule.SECOND_OPINION, ONE, [Y(1)], 2),
    (Rule.SECOND_OPINION, ONE, [nothing_there(1)], 2),
    (Rule.SECOND_OPINION, ONE, [unable(1)], 1),  # contradicts nobody
    (Rule.SECOND_OPINION, None, [Y(1)], 1),
    (Rule.SECOND_OPINION, ONE, [Y(1), X(1)], 1),  # a changed mind
]


@pytest.mark.parametrize(("rule", "claimed", "answers", "experts"), NEEDED)
def test_how_many_experts_a_record_takes(rule, claimed, answers, experts):
    assert needed(answers, claimed, rule) == experts


@pytest.mark.parametrize("kind", list(CODES))
def test_every_kind_of_answer_has_a_usual_code_and_no_others_than_its_own(kind):
    assert code_of(kind, None) is CODES[kind][0]
    for code in V:
        if code in CODES[kind]:
            assert code_of(kind, code) is code
        else:
            with pytest.raises(Conflict):
                code_of(kind, code)


# --- whatever they say ---------------------------------------------------------------------------------------------------

ANSWER = st.builds(
    lambda user, said, careful: Answer(user, said[0], said[1], CODES[said[0]][careful]),
    st.integers(1, 5),
    st.sampled_from([(K.TAXON, ONE), (K.TAXON, OTHER), (K.UNABLE, None), (K.NO_BUTTERFLY, None)]),
    st.integers(0, 1),
)
ANSWERS = st.lists(ANSWER, max_size=8)
EXPERTS = st.integers(1, 2)


@given(ANSWERS, EXPERTS)
def test_more_than_two_thirds_of_those_who_can_tell_agree_with_what_is_settled(answers, wanted):
    found = agreement(answers, wanted)
    if isinstance(found, Settled):
        votes = present(answers)
        agreeing = [vote for vote in votes if (vote.kind, vote.taxon_id) == (found.kind, found.taxon_id)]
        able = [vote for vote in votes if vote.kind is not K.UNABLE or found.kind is K.UNABLE]
        assert 3 * len(agreeing) > 2 * len(able) or 3 * len(agreeing) > 2 * len(votes)
        assert len(votes) >= wanted
        assert found.code in {vote.code for vote in agreeing}


@given(ANSWERS, EXPERTS)
def test_an_expert_who_agrees_never_opens_what_was_settled(answers, wanted):
    found = agreement(answers, wanted)
    if isinstance(found, Settled):
        another = Answer(99, found.kind, found.taxon_id, found.code)
        after = agreement([*answers, another], wanted)
        assert isinstance(after, Settled)
        assert (after.kind, after.taxon_id) == (found.kind, found.taxon_id)


@given(ANSWERS, EXPERTS, st.randoms(use_true_random=False))
def test_it_makes_no_difference_who_spoke_first(answers, wanted, luck):
    votes = present(answers)
    shuffled = luck.sample(votes, len(votes))
    assert agreement(shuffled, wanted) == agreement(votes, wanted)


@given(ANSWERS, EXPERTS)
def test_only_what_somebody_said_is_settled(answers, wanted):
    found = agreement(answers, wanted)
    if isinstance(found, Settled):
        assert (found.kind, found.taxon_id) in {(a.kind, a.taxon_id) for a in present(answers)}
    else:
        assert found.answers == len({answer.user_id for answer in answers})
