"""What holds for every claim and every prediction."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.predictions.rules import Claim, ClaimKind, ErrorThreshold, Opinion, Outcome, Policy, judge, posterior

fraction = st.floats(0, 1, allow_nan=False)
some_reliability = st.floats(0.01, 0.99)


@st.composite
def probabilities(draw, least=2, most=12):
    weights = draw(st.lists(st.floats(0.001, 1), min_size=least, max_size=most))
    return {f"Genus species{i}": weight / sum(weights) for i, weight in enumerate(weights)}


@st.composite
def opinions(draw):
    return Opinion(draw(probabilities()), draw(fraction))


def of_two(one, in_scope):
    return Opinion({"Genus species0": one, "Genus species1": 1 - one}, in_scope)


@st.composite
def whole_opinions(draw):
    """With further animals in the photo, and whether any was found."""
    others = draw(st.lists(st.builds(of_two, fraction, fraction), max_size=2))
    return Opinion(draw(probabilities(most=4)), draw(fraction), tuple(others), draw(st.booleans()))


@st.composite
def claims(draw):
    kind = draw(st.sampled_from(ClaimKind))
    name = f"Genus species{draw(st.integers(0, 13))}" if kind is ClaimKind.TAXON else None
    return Claim(kind, name, draw(fraction), draw(st.booleans()))


@st.composite
def policies(draw):
    thresholds = tuple(
        ErrorThreshold(rate, draw(st.none() | fraction)) for rate in draw(st.lists(st.floats(0.001, 0.5), max_size=4))
    )
    return Policy(draw(fraction), draw(fraction), thresholds, draw(st.floats(0.001, 0.5)), draw(fraction))


@given(opinions(), claims())
def test_the_posterior_sums_to_one(opinion, claim):
    assert sum(posterior(opinion, claim).values()) == pytest.approx(1)


@given(some_reliability, some_reliability, fraction)
def test_a_more_reliable_claim_never_lowers_its_own_support(one, another, brown):
    opinion = Opinion({"A a": brown, "B b": 1 - brown}, 1)
    weaker, stronger = sorted([one, another])
    assert (
        posterior(opinion, Claim(ClaimKind.TAXON, "A a", weaker))["A a"]
        <= posterior(opinion, Claim(ClaimKind.TAXON, "A a", stronger))["A a"] + 1e-9
    )


@given(fraction, fraction, some_reliability)
def test_a_higher_probability_never_lowers_the_support_of_the_claim(one, another, reliability):
    claim = Claim(ClaimKind.TAXON, "A a", reliability)
    less, more = sorted([one, another])
    assert (
        posterior(Opinion({"A a": less, "B b": 1 - less}, 1), claim)["A a"]
        <= posterior(Opinion({"A a": more, "B b": 1 - more}, 1), claim)["A a"] + 1e-9
    )


@given(probabilities(least=3), some_reliability, st.booleans())
def test_an_uninformative_claim_changes_nothing(shares, reliability, informed):
    evenly = 1 / len(shares)
    claim = Claim(ClaimKind.TAXON, next(iter(shares)), reliability if informed else evenly, informed)
    assert posterior(Opinion(shares, 1), claim) == pytest.approx(shares, abs=1e-4)


@given(claims(), st.lists(whole_opinions(), min_size=1, max_size=3), policies())
def test_every_verdict_points_at_a_photo_and_keeps_its_promises(claim, seen, policy):
    verdict = judge(claim, seen, policy)
    assert 0 <= verdict.photo < len(seen)
    assert verdict.support is None or 0 <= verdict.support <= 1 + 1e-9
    assert verdict.suggested is None or verdict.suggested in seen[verdict.photo].probabilities
    if verdict.within_error_bound:
        assert verdict.outcome is Outcome.AGREE
    if verdict.outcome is Outcome.AGREE:
        assert claim.kind is ClaimKind.TAXON
        assert verdict.support >= 1 - policy.wanted_error
        least = max(policy.in_scope_threshold, policy.confident_in_scope_threshold)
        assert all(opinion.in_scope >= least for opinion in seen)
    if verdict.outcome is Outcome.DISAGREE:
        assert seen[verdict.photo].in_scope >= policy.confident_in_scope_threshold


@given(st.lists(whole_opinions(), min_size=1, max_size=3), policies())
def test_what_nobody_named_is_never_accepted(seen, policy):
    assert judge(Claim(ClaimKind.UNKNOWN), seen, policy).outcome is not Outcome.AGREE
