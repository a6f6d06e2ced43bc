"""The verdict: is this record right?

There are two independent sources of evidence: the model (calibrated probabilities) and the volunteer (a claim, right with a
known reliability). Bayes' rule combines them. The coordinator's wanted error rate and the model version's policy decide what
is certain enough; there are no thresholds in this file.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

# A calibrated probability of exactly 0 or 1 would outweigh any claim.
_FLOOR = 1e-6


class ClaimKind(StrEnum):
    """What kind of answer the volunteer gave to "which species?"."""

    TAXON = "taxon"
    OTHER = "other"
    UNKNOWN = "unknown"


class SquareOrigin(StrEnum):
    """Origin of the square that a model version looked at. MIDDLE: there is none, it looked at the middle of the photo."""

    GIVEN = "given"
    FOUND = "found"
    MIDDLE = "middle"


class Outcome(StrEnum):
    """The result of a verdict: how claim and prediction compare under the policy."""

    AGREE = "agree"
    DISAGREE = "disagree"
    UNCERTAIN = "uncertain"
    OUT_OF_SCOPE = "out_of_scope"


class Decision(StrEnum):
    """What a prediction says by itself, without a claim (``/predict``)."""

    CONFIDENT = "confident"
    UNCERTAIN = "uncertain"
    OUT_OF_SCOPE = "out_of_scope"


class Reason(StrEnum):
    """The reason of a verdict, worded per language in app/submissions/words.py."""

    AGREES = "agrees"
    MODEL_DISAGREES = "model_disagrees"
    NOT_SURE = "not_sure"
    NO_CLAIM = "no_claim"
    OTHER_CLAIMED = "other_claimed"
    TAXON_UNKNOWN_TO_MODEL = "taxon_unknown_to_model"
    PHOTOS_CONTRADICT = "photos_contradict"
    SOME_OUT_OF_SCOPE = "some_out_of_scope"
    OUT_OF_SCOPE = "out_of_scope"
    OUT_OF_SCOPE_AS_CLAIMED = "out_of_scope_as_claimed"
    NO_ANIMAL = "no_animal"
    TWO_ANIMALS = "two_animals"
    PERHAPS_LOOK_ALIKE = "perhaps_look_alike"


@dataclass(frozen=True)
class ErrorThreshold:
    """The lowest top probability that calibration photos support for an error rate; None where they don't support it."""

    error_rate: float
    probability: float | None


@dataclass(frozen=True)
class Policy:
    """A model version's thresholds, and the coordinator's wanted error rate.

    From ``in_scope_threshold`` on, a photo counts as showing one of the version's species; only from
    ``confident_in_scope_threshold`` on, look-alikes are ruled out as well and an answer may be certain.
    """

    in_scope_threshold: float
    disagree_below: float
    thresholds: tuple[ErrorThreshold, ...]
    wanted_error: float
    confident_in_scope_threshold: float = 0.0

    def threshold_for(self, error_rate: float) -> float | None:
        """The probability that limits the error to ``error_rate``: that of the nearest rate at least as strict."""
        strict = [t for t in self.thresholds if t.error_rate <= error_rate + 1e-9 and t.probability is not None]
        return max(strict, key=lambda t: t.error_rate).probability if strict else None


@dataclass(frozen=True)
class Claim:
    """The volunteer's answer. ``reliability``: how often such claims turn out right, in 0…1.

    ``informed``: changed after seeing a verdict, so no longer independent evidence.
    """

    kind: ClaimKind
    scientific_name: str | None = None
    reliability: float = 0.5
    informed: bool = False


@dataclass(frozen=True)
class Opinion:
    """The model's view of one photo: calibrated probabilities by scientific name, summing to 1, and the in-scope score.

    ``others``: those of further animals in the photo. ``nothing_found``: the model looked for an animal and found none.
    """

    probabilities: Mapping[str, float]
    in_scope: float
    others: tuple["Opinion", ...] = ()
    nothing_found: bool = False

    @property
    def top(self) -> str:
        """The most probable scientific name."""
        return max(self.probabilities, key=lambda name: self.probabilities[name])

    @property
    def top_probability(self) -> float:
        return self.probabilities[self.top]


@dataclass(frozen=True)
class Verdict:
    """The outcome with its reason.

    ``support``: probability that the claim is right, None where the model does not know the claimed taxon.
    ``suggested``: the taxon that the model suggests instead, if any. ``photo``: position of the deciding photo.
    ``within_error_bound``: calibration data support accepting it at the wanted error rate.
    """

    outcome: Outcome
    reason: Reason
    photo: int
    support: float | None = None
    suggested: str | None = None
    within_error_bound: bool = False


def decide(opinion: Opinion, policy: Policy) -> Decision:
    """What one prediction says by itself at the policy's wanted error rate."""
    if opinion.in_scope < policy.in_scope_threshold:
        return Decision.OUT_OF_SCOPE
    if _perhaps_look_alike(opinion, policy):
        return Decision.UNCERTAIN
    threshold = policy.threshold_for(policy.wanted_error)
    if threshold is not None and opinion.top_probability >= threshold:
        return Decision.CONFIDENT
    return Decision.UNCERTAIN


def _perhaps_look_alike(opinion: Opinion, policy: Policy) -> bool:
    return opinion.in_scope < policy.confident_in_scope_threshold


def posterior(opinion: Opinion, claim: Claim) -> dict[str, float]:
    """Probability per taxon given prediction and claim (Bayes; wrong claims spread evenly over the other taxa)."""
    names = list(opinion.probabilities)
    weights = {}
    for name in names:
        likelihood = 1.0
        if claim.scientific_name in opinion.probabilities and not claim.informed:
            wrong = (1 - claim.reliability) / max(1, len(names) - 1)
            likelihood = claim.reliability if name == claim.scientific_name else wrong
        weights[name] = min(max(opinion.probabilities[name], _FLOOR), 1 - _FLOOR) * likelihood
    total = sum(weights.values())
    return {name: weight / total for name, weight in weights.items()} if total > 0 else dict(opinion.probabilities)


def judge(claim: Claim, opinions: Sequence[Opinion], policy: Policy) -> Verdict:
    """The verdict on a submission of one or more photos. Raises ValueError without a photo."""
    if not opinions:
        raise ValueError("a verdict needs at least one photo")
    mixed = [i for i, opinion in enumerate(opinions) if _shows_two_species(opinion, policy)]
    outside = [i for i, o in enumerate(opinions) if i not in mixed and o.in_scope < policy.in_scope_threshold]
    if len(outside) == len(opinions):
        return _out_of_scope(claim, opinions)
    if outside:
        return Verdict(Outcome.UNCERTAIN, Reason.SOME_OUT_OF_SCOPE, photo=outside[0])
    if mixed:
        return Verdict(Outcome.UNCERTAIN, Reason.TWO_ANIMALS, photo=mixed[0])
    contradiction = _contradicting(opinions, policy)
    if contradiction is not None:
        return Verdict(Outcome.UNCERTAIN, Reason.PHOTOS_CONTRADICT, photo=contradiction)
    # The least certain photo decides: a clear photo does not make up for one that shows something else.
    everything = range(len(opinions))
    doubtful = [i for i in everything if _perhaps_look_alike(opinions[i], policy)]
    decider = min(doubtful or everything, key=lambda i: opinions[i].top_probability)
    return _judge_one(claim, opinions[decider], policy, decider)


def _shows_two_species(opinion: Opinion, policy: Policy) -> bool:
    """Whether another animal of the photo is certainly of another species than the first."""
    first = opinion.top if opinion.in_scope >= policy.in_scope_threshold else None
    return any(decide(other, policy) is Decision.CONFIDENT and other.top != first for other in opinion.others)


def _out_of_scope(claim: Claim, opinions: Sequence[Opinion]) -> Verdict:
    """The verdict where no photo shows any of the species. It points at the clearest photo that has an animal."""
    with_animal = [i for i, opinion in enumerate(opinions) if not opinion.nothing_found]
    worst = min(with_animal or range(len(opinions)), key=lambda i: opinions[i].in_scope)
    if not with_animal:
        reason = Reason.NO_ANIMAL
    elif claim.kind is ClaimKind.OTHER:
        reason = Reason.OUT_OF_SCOPE_AS_CLAIMED
    else:
        reason = Reason.OUT_OF_SCOPE
    return Verdict(Outcome.OUT_OF_SCOPE, reason, photo=worst)


def _contradicting(opinions: Sequence[Opinion], policy: Policy) -> int | None:
    sure = [i for i, o in enumerate(opinions) if decide(o, policy) is Decision.CONFIDENT]
    return next((i for i in sure if opinions[i].top != opinions[sure[0]].top), None)


def _judge_one(claim: Claim, opinion: Opinion, policy: Policy, photo: int) -> Verdict:
    confident = decide(opinion, policy) is Decision.CONFIDENT
    suggested = opinion.top if confident else None
    if claim.kind is ClaimKind.UNKNOWN:
        return Verdict(Outcome.UNCERTAIN, Reason.NO_CLAIM, photo, suggested=suggested)
    if claim.kind is ClaimKind.OTHER:
        outcome = Outcome.DISAGREE if confident else Outcome.UNCERTAIN
        return Verdict(outcome, Reason.OTHER_CLAIMED, photo, suggested=suggested)
    name = claim.scientific_name
    if name is None or name not in opinion.probabilities:
        return Verdict(Outcome.UNCERTAIN, Reason.TAXON_UNKNOWN_TO_MODEL, photo, suggested=suggested)
    joint = posterior(opinion, claim)
    support = joint[name]
    if _perhaps_look_alike(opinion, policy):
        return Verdict(Outcome.UNCERTAIN, Reason.PERHAPS_LOOK_ALIKE, photo, support)
    if support >= 1 - policy.wanted_error:
        threshold = policy.threshold_for(policy.wanted_error)
        bound = threshold is not None and opinion.probabilities[name] >= threshold
        return Verdict(Outcome.AGREE, Reason.AGREES, photo, support, None, bound)
    best = max(joint, key=lambda taxon: joint[taxon])
    if support < policy.disagree_below and best != name:
        return Verdict(Outcome.DISAGREE, Reason.MODEL_DISAGREES, photo, support, best)
    return Verdict(Outcome.UNCERTAIN, Reason.NOT_SURE, photo, support, best if best != name else None)


@dataclass(frozen=True)
class Animal:
    """A further animal of a photo: its square (x, y, width, height as fractions), ``shares`` as ``shares`` gives them."""

    square: list[float]
    shares: dict[str, float]
    in_scope: float
