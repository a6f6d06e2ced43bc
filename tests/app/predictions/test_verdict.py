"""What claim and prediction make together, case by case."""

from dataclasses import replace

import pytest

from app.predictions.rules import (
    Claim,
    ClaimKind,
    Decision,
    ErrorThreshold,
    Opinion,
    Outcome,
    Policy,
    Reason,
    Verdict,
    decide,
    judge,
    posterior,
)

BROWN, KEEPER, RINGLET = "Genus brunneus", "Genus custos", "Genus anulatus"
POLICY = Policy(
    in_scope_threshold=0.4,
    disagree_below=0.5,
    thresholds=(ErrorThreshold(0.01, 0.99), ErrorThreshold(0.05, 0.8)),
    wanted_error=0.05,
)
# From 0.4 on in scope; between 0.4 and 0.7 it may be a look-alike.
CAREFUL = replace(POLICY, confident_in_scope_threshold=0.7)
UNSUPPORTED = Policy(0.4, 0.5, (ErrorThreshold(0.01, None), ErrorThreshold(0.05, None)), 0.05)


def sees(brown: float, in_scope: float = 0.9) -> Opinion:
    """An opinion of a model that knows two taxa."""
    return Opinion({BROWN: brown, KEEPER: 1 - brown}, in_scope)


def sees_three(brown: float, keeper: float, in_scope: float = 0.9) -> Opinion:
    """An opinion of a model that knows three taxa."""
    return Opinion({BROWN: brown, KEEPER: keeper, RINGLET: 1 - brown - keeper}, in_scope)


def with_others(first: Opinion, *others: Opinion) -> Opinion:
    """An opinion of a photo with further animals."""
    return replace(first, others=others)


def sees_nothing(in_scope: float) -> Opinion:
    """An opinion of the middle of a photo in which no animal was found."""
    return replace(sees(0.99, in_scope), nothing_found=True)


def says(name: str = BROWN, reliability: float = 0.85, informed: bool = False) -> Claim:
    return Claim(ClaimKind.TAXON, name, reliability, informed)


OTHER = Claim(ClaimKind.OTHER)
DONT_KNOW = Claim(ClaimKind.UNKNOWN)

ONE_PHOTO = [
    # claim, what the model sees, policy, outcome, reason, suggested
    # --- the two witnesses agree
    (says(), sees(0.95), POLICY, Outcome.AGREE, Reason.AGREES, None),
    (says(), sees(0.91), POLICY, Outcome.AGREE, Reason.AGREES, None),
    # a mediocre model and a good claim are enough together: 0.8 and 0.85 make 0.958
    (says(), sees(0.80), POLICY, Outcome.AGREE, Reason.AGREES, None),
    # --- not enough between them
    (says(), sees(0.60), POLICY, Outcome.UNCERTAIN, Reason.NOT_SURE, None),
    # the claim outweighs a weak objection, but not by enough
    (says(), sees(0.40), POLICY, Outcome.UNCERTAIN, Reason.NOT_SURE, None),
    # --- the model contradicts: 0.1 against 0.9 leaves a claim of 0.85 at 0.39
    (says(), sees(0.10), POLICY, Outcome.DISAGREE, Reason.MODEL_DISAGREES, KEEPER),
    (says(), sees(0.00), POLICY, Outcome.DISAGREE, Reason.MODEL_DISAGREES, KEEPER),
    (says(KEEPER), sees(0.99), POLICY, Outcome.DISAGREE, Reason.MODEL_DISAGREES, BROWN),
    # --- how reliable such claims are
    (says(reliability=0.99), sees(0.10), POLICY, Outcome.UNCERTAIN, Reason.NOT_SURE, None),
    (says(reliability=0.50), sees(0.80), POLICY, Outcome.UNCERTAIN, Reason.NOT_SURE, None),
    (says(reliability=0.20), sees(0.60), POLICY, Outcome.DISAGREE, Reason.MODEL_DISAGREES, KEEPER),
    # --- a claim made after seeing the verdict says nothing new: the model alone decides
    (says(informed=True), sees(0.91), POLICY, Outcome.UNCERTAIN, Reason.NOT_SURE, None),
    (says(informed=True), sees(0.96), POLICY, Outcome.AGREE, Reason.AGREES, None),
    (says(informed=True), sees(0.40), POLICY, Outcome.DISAGREE, Reason.MODEL_DISAGREES, KEEPER),
    # --- nothing was claimed that the model knows; what it is sure of is suggested
    (DONT_KNOW, sees(0.99), POLICY, Outcome.UNCERTAIN, Reason.NO_CLAIM, BROWN),
    (DONT_KNOW, sees(0.60), POLICY, Outcome.UNCERTAIN, Reason.NO_CLAIM, None),
    (OTHER, sees(0.99), POLICY, Outcome.DISAGREE, Reason.OTHER_CLAIMED, BROWN),
    (OTHER, sees(0.60), POLICY, Outcome.UNCERTAIN, Reason.OTHER_CLAIMED, None),
    (says(RINGLET), sees(0.99), POLICY, Outcome.UNCERTAIN, Reason.TAXON_UNKNOWN_TO_MODEL, BROWN),
    (says(RINGLET), sees(0.60), POLICY, Outcome.UNCERTAIN, Reason.TAXON_UNKNOWN_TO_MODEL, None),
    (Claim(ClaimKind.TAXON, None), sees(0.99), POLICY, Outcome.UNCERTAIN, Reason.TAXON_UNKNOWN_TO_MODEL, BROWN),
    # --- out of scope, however sure the probabilities look
    (says(), sees(0.99, in_scope=0.39), POLICY, Outcome.OUT_OF_SCOPE, Reason.OUT_OF_SCOPE, None),
    (DONT_KNOW, sees(0.99, in_scope=0.0), POLICY, Outcome.OUT_OF_SCOPE, Reason.OUT_OF_SCOPE, None),
    (OTHER, sees(0.99, in_scope=0.39), POLICY, Outcome.OUT_OF_SCOPE, Reason.OUT_OF_SCOPE_AS_CLAIMED, None),
    # exactly at the threshold is inside
    (says(), sees(0.95, in_scope=0.4), POLICY, Outcome.AGREE, Reason.AGREES, None),
    # no animal was found: that is said, whatever was claimed
    (says(), sees_nothing(0.39), POLICY, Outcome.OUT_OF_SCOPE, Reason.NO_ANIMAL, None),
    (OTHER, sees_nothing(0.0), POLICY, Outcome.OUT_OF_SCOPE, Reason.NO_ANIMAL, None),
    # none was found, and the whole photo shows one of the species all the same: too large to be found, or drawn
    (says(), sees_nothing(0.9), POLICY, Outcome.AGREE, Reason.AGREES, None),
    # --- in scope, but perhaps a look-alike: neither agrees nor disagrees, however sure the probabilities look
    (says(), sees(0.99, in_scope=0.69), CAREFUL, Outcome.UNCERTAIN, Reason.PERHAPS_LOOK_ALIKE, None),
    (says(), sees(0.01, in_scope=0.4), CAREFUL, Outcome.UNCERTAIN, Reason.PERHAPS_LOOK_ALIKE, None),
    (says(informed=True), sees(0.99, in_scope=0.5), CAREFUL, Outcome.UNCERTAIN, Reason.PERHAPS_LOOK_ALIKE, None),
    (OTHER, sees(0.99, in_scope=0.5), CAREFUL, Outcome.UNCERTAIN, Reason.OTHER_CLAIMED, None),
    (DONT_KNOW, sees(0.99, in_scope=0.5), CAREFUL, Outcome.UNCERTAIN, Reason.NO_CLAIM, None),
    (says(RINGLET), sees(0.99, in_scope=0.5), CAREFUL, Outcome.UNCERTAIN, Reason.TAXON_UNKNOWN_TO_MODEL, None),
    (says(), sees(0.99, in_scope=0.39), CAREFUL, Outcome.OUT_OF_SCOPE, Reason.OUT_OF_SCOPE, None),
    # exactly at the second threshold it is certain
    (says(), sees(0.99, in_scope=0.7), CAREFUL, Outcome.AGREE, Reason.AGREES, None),
    (says(), sees(0.01, in_scope=0.7), CAREFUL, Outcome.DISAGREE, Reason.MODEL_DISAGREES, KEEPER),
    # --- two animals in one photo: of the same species, no problem
    (says(), with_others(sees(0.95), sees(0.99)), POLICY, Outcome.AGREE, Reason.AGREES, None),
    # certainly of different species
    (says(), with_others(sees(0.95), sees(0.01)), POLICY, Outcome.UNCERTAIN, Reason.TWO_ANIMALS, None),
    (DONT_KNOW, with_others(sees(0.95), sees(0.01)), POLICY, Outcome.UNCERTAIN, Reason.TWO_ANIMALS, None),
    (says(), with_others(sees(0.95), sees(0.99), sees(0.2)), POLICY, Outcome.UNCERTAIN, Reason.TWO_ANIMALS, None),
    # the first one none of the species, the other certainly one
    (says(), with_others(sees(0.95, 0.1), sees(0.99)), POLICY, Outcome.UNCERTAIN, Reason.TWO_ANIMALS, None),
    # a doubtful animal contradicts nobody, and one that is none of the species neither
    (says(), with_others(sees(0.95), sees(0.21)), POLICY, Outcome.AGREE, Reason.AGREES, None),
    (says(), with_others(sees(0.95), sees(0.01, 0.69)), CAREFUL, Outcome.AGREE, Reason.AGREES, None),
    (says(), with_others(sees(0.95), sees(0.01, 0.39)), POLICY, Outcome.AGREE, Reason.AGREES, None),
    (says(), with_others(sees(0.95, 0.1), sees(0.99, 0.1)), POLICY, Outcome.OUT_OF_SCOPE, Reason.OUT_OF_SCOPE, None),
    # --- three taxa: the weight of a wrong claim is shared by two others
    (says(), sees_three(0.8, 0.15), POLICY, Outcome.AGREE, Reason.AGREES, None),
    (says(), sees_three(0.5, 0.4), POLICY, Outcome.UNCERTAIN, Reason.NOT_SURE, None),
    (says(), sees_three(0.05, 0.9), POLICY, Outcome.DISAGREE, Reason.MODEL_DISAGREES, KEEPER),
    (says(RINGLET), sees_three(0.6, 0.39), POLICY, Outcome.DISAGREE, Reason.MODEL_DISAGREES, BROWN),
    # below one half, and still the most probable of three: nothing better to suggest, so no contradiction
    (says(reliability=1 / 3), sees_three(0.4, 0.3), POLICY, Outcome.UNCERTAIN, Reason.NOT_SURE, None),
    # --- without thresholds the posterior still speaks, but the model alone never suggests
    (says(), sees(0.95), UNSUPPORTED, Outcome.AGREE, Reason.AGREES, None),
    (OTHER, sees(0.99), UNSUPPORTED, Outcome.UNCERTAIN, Reason.OTHER_CLAIMED, None),
]


@pytest.mark.parametrize(("claim", "opinion", "policy", "outcome", "reason", "suggested"), ONE_PHOTO)
def test_one_photo_and_a_claim(claim, opinion, policy, outcome, reason, suggested):
    verdict = judge(claim, [opinion], policy)
    assert (verdict.outcome, verdict.reason, verdict.suggested) == (outcome, reason, suggested)


def test_every_reason_has_a_case():
    several = {Reason.PHOTOS_CONTRADICT, Reason.SOME_OUT_OF_SCOPE}
    assert {case[4] for case in ONE_PHOTO} | several == set(Reason)


SEVERAL_PHOTOS = [
    # what the model sees in each photo, outcome, reason, deciding photo
    # the least certain photo decides, wherever it stands
    ([sees(0.99), sees(0.95)], Outcome.AGREE, Reason.AGREES, 1),
    ([sees(0.60), sees(0.99)], Outcome.UNCERTAIN, Reason.NOT_SURE, 0),
    ([sees(0.99), sees(0.60), sees(0.97)], Outcome.UNCERTAIN, Reason.NOT_SURE, 1),
    # photos that all show another species than claimed
    ([sees(0.05), sees(0.02)], Outcome.DISAGREE, Reason.MODEL_DISAGREES, 0),
    # two sure photos of different species: perhaps two butterflies
    ([sees(0.99), sees(0.01)], Outcome.UNCERTAIN, Reason.PHOTOS_CONTRADICT, 1),
    ([sees(0.60), sees(0.99), sees(0.01)], Outcome.UNCERTAIN, Reason.PHOTOS_CONTRADICT, 2),
    # a doubtful photo contradicts nobody
    ([sees(0.99), sees(0.45)], Outcome.UNCERTAIN, Reason.NOT_SURE, 1),
    # one photo that shows none of the species is pointed at, and outranks everything else
    ([sees(0.99), sees(0.99, 0.1)], Outcome.UNCERTAIN, Reason.SOME_OUT_OF_SCOPE, 1),
    ([sees(0.99, 0.1), sees(0.99), sees(0.01)], Outcome.UNCERTAIN, Reason.SOME_OUT_OF_SCOPE, 0),
    # all of them: the clearest case is shown
    ([sees(0.99, 0.3), sees(0.99, 0.1)], Outcome.OUT_OF_SCOPE, Reason.OUT_OF_SCOPE, 1),
    # where there is an animal, rather than where none was found
    ([sees_nothing(0.0), sees(0.99, 0.3)], Outcome.OUT_OF_SCOPE, Reason.OUT_OF_SCOPE, 1),
    ([sees_nothing(0.1), sees_nothing(0.0)], Outcome.OUT_OF_SCOPE, Reason.NO_ANIMAL, 1),
    ([sees(0.99), sees_nothing(0.1)], Outcome.UNCERTAIN, Reason.SOME_OUT_OF_SCOPE, 1),
    # two animals in one of the photos, after a photo that shows none of the species, and before what the photos say together
    ([sees(0.99), with_others(sees(0.99), sees(0.01))], Outcome.UNCERTAIN, Reason.TWO_ANIMALS, 1),
    ([with_others(sees(0.99), sees(0.01)), sees(0.99, 0.1)], Outcome.UNCERTAIN, Reason.SOME_OUT_OF_SCOPE, 1),
    ([sees(0.99), sees(0.01), with_others(sees(0.99), sees(0.01))], Outcome.UNCERTAIN, Reason.TWO_ANIMALS, 2),
]


@pytest.mark.parametrize(("opinions", "outcome", "reason", "photo"), SEVERAL_PHOTOS)
def test_several_photos_are_one_submission(opinions, outcome, reason, photo):
    verdict = judge(says(), opinions, POLICY)
    assert (verdict.outcome, verdict.reason, verdict.photo) == (outcome, reason, photo)


def test_a_photo_that_may_show_a_look_alike_decides_however_clear_the_others_are():
    verdict = judge(says(), [sees(0.85, 0.95), sees(0.99, 0.5)], CAREFUL)
    assert (verdict.outcome, verdict.reason, verdict.photo) == (Outcome.UNCERTAIN, Reason.PERHAPS_LOOK_ALIKE, 1)
    assert verdict.support == pytest.approx(posterior(sees(0.99), says())[BROWN])
    assert not verdict.within_error_bound


def test_a_verdict_needs_a_photo():
    with pytest.raises(ValueError, match="at least one photo"):
        judge(says(), [], POLICY)


def test_support_is_the_probability_that_the_claim_is_right():
    verdict = judge(says(), [sees(0.91)], POLICY)
    assert verdict.support == pytest.approx(0.91 * 0.85 / (0.91 * 0.85 + 0.09 * 0.15))


@pytest.mark.parametrize("claim", [OTHER, DONT_KNOW, says(RINGLET)])
def test_there_is_no_support_where_nothing_was_claimed_that_the_model_knows(claim):
    assert judge(claim, [sees(0.99)], POLICY).support is None


WITHIN_BOUND = [
    # what the model sees of the claimed taxon, policy, within the error bound
    (0.80, POLICY, True),
    (0.99, POLICY, True),
    # together certain enough, but the model below the probability that calibration photos support
    (0.79, POLICY, False),
    # thresholds that calibration photos were too few for
    (0.99, UNSUPPORTED, False),
    (0.999999, UNSUPPORTED, False),
    (0.99, Policy(0.4, 0.5, (), 0.05), False),
    # a threshold for a stricter rate bounds the wanted one too, at its own probability
    (0.99, Policy(0.4, 0.5, (ErrorThreshold(0.01, 0.99),), 0.05), True),
    (0.98, Policy(0.4, 0.5, (ErrorThreshold(0.01, 0.99),), 0.05), False),
    (0.98, Policy(0.4, 0.5, (ErrorThreshold(0.01, 0.99), ErrorThreshold(0.05, None)), 0.05), False),
    # one for a laxer rate bounds nothing
    (0.999, Policy(0.4, 0.5, (ErrorThreshold(0.1, 0.7),), 0.05), False),
]


@pytest.mark.parametrize(("brown", "policy", "within"), WITHIN_BOUND)
def test_only_what_calibration_photos_support_is_within_the_error_bound(brown, policy, within):
    verdict = judge(says(reliability=0.95), [sees(brown)], policy)
    assert verdict.outcome is Outcome.AGREE
    assert verdict.within_error_bound is within


@pytest.mark.parametrize("claim", [OTHER, DONT_KNOW, says(KEEPER), says(RINGLET)])
def test_only_agreement_is_ever_within_the_error_bound(claim):
    assert judge(claim, [sees(0.999)], POLICY).within_error_bound is False


@pytest.mark.parametrize(
    ("wanted", "probability"),
    [(0.01, 0.99), (0.02, 0.99), (0.05, 0.8), (0.2, 0.8), (0.005, None), (0.049999999999, 0.8)],
)
def test_the_threshold_is_that_of_the_nearest_rate_at_least_as_strict(wanted, probability):
    assert POLICY.threshold_for(wanted) == probability


@pytest.mark.parametrize(
    ("opinion", "policy", "decision"),
    [
        (sees(0.80), POLICY, Decision.CONFIDENT),
        (sees(0.20), POLICY, Decision.CONFIDENT),
        (sees(0.79), POLICY, Decision.UNCERTAIN),
        (sees(0.99, 0.39), POLICY, Decision.OUT_OF_SCOPE),
        (sees(0.99, 0.40), POLICY, Decision.CONFIDENT),
        (sees(1.00), UNSUPPORTED, Decision.UNCERTAIN),
        (sees_three(0.1, 0.85), POLICY, Decision.CONFIDENT),
        (sees(0.99, 0.69), CAREFUL, Decision.UNCERTAIN),
        (sees(0.99, 0.70), CAREFUL, Decision.CONFIDENT),
        (sees(0.79, 0.70), CAREFUL, Decision.UNCERTAIN),
        (sees(0.99, 0.39), CAREFUL, Decision.OUT_OF_SCOPE),
        # of a version whose second threshold lies below the first, the first holds for both
        (sees(0.99, 0.39), replace(POLICY, confident_in_scope_threshold=0.1), Decision.OUT_OF_SCOPE),
    ],
)
def test_what_a_prediction_is_worth_alone(opinion, policy, decision):
    assert decide(opinion, policy) is decision


def test_a_claim_of_a_taxon_that_the_model_does_not_know_leaves_its_probabilities_alone():
    assert posterior(sees(0.7), says(RINGLET)) == pytest.approx({BROWN: 0.7, KEEPER: 0.3})


def test_a_probability_of_zero_does_not_silence_a_good_claim_for_ever():
    assert 0 < posterior(sees(0.0), says())[BROWN] < 1e-4


def test_a_verdict_says_which_photo_decided_by_its_position():
    assert judge(says(), [sees(0.95)], POLICY) == Verdict(
        Outcome.AGREE, Reason.AGREES, 0, pytest.approx(0.9908, abs=1e-4), None, True
    )


AT_A_BOUNDARY = [
    # claim, informed by a verdict, so that the model's probability counts alone; outcome, suggested; 5 % of error wanted
    (BROWN, 0.95, Outcome.AGREE, None),
    (BROWN, 0.9499, Outcome.UNCERTAIN, None),
    # a contradiction below one half; at one half the other taxon is suggested where it comes first
    (KEEPER, 0.5, Outcome.UNCERTAIN, BROWN),
    (BROWN, 0.5, Outcome.UNCERTAIN, None),
    (KEEPER, 0.5001, Outcome.DISAGREE, BROWN),
]


@pytest.mark.parametrize(("name", "brown", "outcome", "suggested"), AT_A_BOUNDARY)
def test_exactly_at_what_was_wanted_is_enough(name, brown, outcome, suggested):
    verdict = judge(says(name, informed=True), [sees(brown)], POLICY)
    assert (verdict.outcome, verdict.suggested) == (outcome, suggested)


POSTERIORS = [
    # what the model sees, claim, probability of each taxon by Bayes' rule
    (sees(0.5), says(reliability=0.75), {BROWN: 0.75, KEEPER: 0.25}),
    (sees(0.2), says(KEEPER, 0.75), {BROWN: 1 / 13, KEEPER: 12 / 13}),
    # a wrong claim is as probable for each of the other two: weights of 0.5, 0.1 and 0.1
    (sees_three(0.5, 0.25), says(reliability=0.8), {BROWN: 16 / 18, KEEPER: 1 / 18, RINGLET: 1 / 18}),
    (sees_three(0.5, 0.25), says(RINGLET, 0.8), {BROWN: 2 / 11, KEEPER: 1 / 11, RINGLET: 8 / 11}),
    (sees(0.7), says(reliability=0.9, informed=True), {BROWN: 0.7, KEEPER: 0.3}),
    # certain of nothing by itself: a millionth is left
    (sees(1.0), says(KEEPER, 0.5), {BROWN: 1 - 1e-6, KEEPER: 1e-6}),
    # one taxon, and a claim that is never right: nothing is left to share out
    (Opinion({BROWN: 1.0}, 0.9), says(reliability=0.3), {BROWN: 1.0}),
    (Opinion({BROWN: 1.0}, 0.9), says(reliability=0.0), {BROWN: 1.0}),
]


@pytest.mark.parametrize(("opinion", "claim", "expected"), POSTERIORS)
def test_posteriors_by_hand(opinion, claim, expected):
    assert posterior(opinion, claim) == pytest.approx(expected, rel=1e-6)
