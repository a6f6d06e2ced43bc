"""What experts may answer, which status code an answer gives, and when the answers of several experts settle a record."""

import math
import random
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from app.core.errors import Conflict
from app.submissions.rules import VerificationStatus

V = VerificationStatus


class ReviewReason(StrEnum):
    """Why a submission is put before a person."""

    DISAGREE = "disagree"
    UNCERTAIN = "uncertain"
    NO_CLAIM = "no_claim"
    OUT_OF_SCOPE = "out_of_scope"
    AGREE_UNACCEPTED = "agree_unaccepted"
    AUDIT = "audit"
    SECOND_OPINION = "second_opinion"
    ANSWERED = "answered"


class TaskState(StrEnum):
    """Whose turn it is: an expert's, the volunteer's, nobody's any more."""

    OPEN = "open"
    ASKED = "asked"
    DECIDED = "decided"
    GONE = "gone"


class PhotoQuality(StrEnum):
    """What makes the best photo of a submission hard to identify."""

    GOOD = "good"
    SMALL = "small"
    BLURRED = "blurred"
    DARK = "dark"
    UNKNOWN = "unknown"


class IdentificationKind(StrEnum):
    """What an identification says. The first three are answers; the others leave the record's taxon alone."""

    TAXON = "taxon"
    UNABLE = "unable"
    NO_BUTTERFLY = "no_butterfly"
    QUESTION = "question"
    COMMENT = "comment"
    UNDO = "undo"


K = IdentificationKind
ANSWERS = frozenset({K.TAXON, K.UNABLE, K.NO_BUTTERFLY})

# The first is the code an answer gives by itself; an expert may choose another of its row. From certain to careful.
CODES: dict[IdentificationKind, tuple[VerificationStatus, ...]] = {
    K.TAXON: (V.V1, V.V2, V.C3),
    K.UNABLE: (V.R4, V.R5),
    K.NO_BUTTERFLY: (V.R5, V.R4),
    K.QUESTION: (V.D,),
}
_CAREFUL = (V.V1, V.V2, V.C3, V.R5, V.R4)


def code_of(kind: IdentificationKind, chosen: VerificationStatus | None) -> VerificationStatus:
    """The status code of an answer. Raises Conflict for a code that this kind of answer can't have."""
    allowed = CODES[kind]
    if chosen is None:
        return allowed[0]
    if chosen not in allowed:
        raise Conflict(f"An answer '{kind}' can't have the code {chosen}.")
    return chosen


@dataclass(frozen=True)
class Happening:
    """What happened to an item while somebody had it open. ``what``: a kind of identification, or an event of its log."""

    what: str
    at: datetime
    user_name: str = ""
    scientific_name: str | None = None
    code: VerificationStatus | None = None


class Stale(Conflict):
    """An item has changed since its page was opened; ``happened`` says how."""

    def __init__(self, detail: str, happened: Sequence[Happening]) -> None:
        super().__init__(detail)
        self.happened = list(happened)


class Rule(StrEnum):
    """How many experts a record takes. From least to most."""

    ONE = "one"
    SECOND_OPINION = "second_opinion"
    TWO_AGREE = "two_agree"


_STRICTNESS = {rule: number for number, rule in enumerate(Rule)}


@dataclass(frozen=True)
class Answer:
    """One expert's answer. ``taxon_id`` is set for the kind TAXON only."""

    user_id: int
    kind: IdentificationKind
    taxon_id: int | None
    code: VerificationStatus

    @property
    def identity(self) -> tuple[IdentificationKind, int | None]:
        """What it says, whatever its code."""
        return self.kind, self.taxon_id


@dataclass(frozen=True)
class Settled:
    """What the experts agree on; ``code`` is the most careful code among those who agree."""

    kind: IdentificationKind
    taxon_id: int | None
    code: VerificationStatus


@dataclass(frozen=True)
class NeedsAnother:
    """Not settled. ``answers``: how many experts have answered; ``disputed``: they say different things."""

    answers: int
    disputed: bool


def present(answers: Sequence[Answer]) -> list[Answer]:
    """Each expert's latest answer, of answers in the order they were given: one vote for each expert."""
    return list({answer.user_id: answer for answer in answers}.values())


def rule_for(answers: Sequence[Answer], claimed: int | None, rules: Mapping[int, Rule], default: Rule) -> Rule:
    """The strictest rule among those of the taxa that somebody named, volunteer or expert; the default where nobody did."""
    named = {answer.taxon_id for answer in answers if answer.taxon_id is not None}
    if claimed is not None:
        named.add(claimed)
    return max((rules.get(taxon, default) for taxon in named), key=_STRICTNESS.__getitem__, default=default)


def needed(answers: Sequence[Answer], claimed: int | None, rule: Rule) -> int:
    """How many experts the rule requires here: one, or two."""
    if rule is Rule.SECOND_OPINION:
        return 2 if any(_contradicts(answer, claimed) for answer in present(answers)) else 1
    return 2 if rule is Rule.TWO_AGREE else 1


def _contradicts(answer: Answer, claimed: int | None) -> bool:
    """Whether an expert contradicts the volunteer. Being unable to identify it contradicts nobody."""
    if claimed is None or answer.kind is K.UNABLE:
        return False
    return answer.taxon_id != claimed


def agreement(answers: Sequence[Answer], needed: int) -> Settled | NeedsAnother:
    """What ``answers`` (in the order they were given, without undone ones) settle where ``needed`` experts must agree.

    More than two thirds must say the same. Experts who are unable to identify it don't block those who can; where more
    than two thirds are unable, the record can't be verified. The order of the answers makes no difference.
    """
    votes = present(answers)
    able = [vote for vote in votes if vote.kind is not K.UNABLE]
    for group in (votes, able):
        settled = _agreed(group, needed)
        if settled is not None:
            return settled
    return NeedsAnother(len(votes), disputed=len({vote.identity for vote in able}) > 1)


def _agreed(votes: Sequence[Answer], needed: int) -> Settled | None:
    if not votes or len(votes) < needed:
        return None
    (identity, count), *_ = Counter(vote.identity for vote in votes).most_common(1)
    if 3 * count <= 2 * len(votes):
        return None
    code = max((vote.code for vote in votes if vote.identity == identity), key=_CAREFUL.index)
    return Settled(*identity, code)


def is_hidden(item_blind: bool, reviewer_blind: bool, answered: bool) -> bool:
    """Whether claim and verdict are hidden from a reviewer: until the reviewer has answered, where either is blind."""
    return (item_blind or reviewer_blind) and not answered


# 95 %, two-sided.
_Z = 1.959963984540054


@dataclass(frozen=True)
class Rate:
    """``count`` of ``total``, with the 95 % Wilson interval; without any observation it runs from 0 to 1."""

    count: int
    total: int

    @property
    def value(self) -> float | None:
        """The share itself; None where nothing was observed."""
        return self.count / self.total if self.total else None

    @property
    def lower(self) -> float:
        """Lower end of the interval."""
        return self._interval()[0]

    @property
    def upper(self) -> float:
        """Upper end of the interval."""
        return self._interval()[1]

    def _interval(self) -> tuple[float, float]:
        if not self.total:
            return 0.0, 1.0
        share, squared = self.count / self.total, _Z * _Z
        scale = 1 + squared / self.total
        middle = (share + squared / (2 * self.total)) / scale
        spread = _Z / scale * math.sqrt(share * (1 - share) / self.total + squared / (4 * self.total**2))
        return max(0.0, middle - spread), min(1.0, middle + spread)


def audits_to_pass(limit: float) -> int:
    """How many audits without a wrong one it takes until the upper bound is within ``limit`` (0 < limit < 1)."""
    return math.ceil(_Z * _Z * (1 - limit) / limit - 1e-9)


def must_suspend(wrong: Rate, wanted_error: float, limit: float, minimum: int) -> bool:
    """Whether a species loses machine acceptance: its upper bound passes ``limit``.

    With few audits the upper bound passes any limit, even when all were right. So it counts from the number of audits at
    which a faultless record would stay within the limit (or from ``minimum``, if that is more). Before, it takes two wrong
    ones and a lower bound above the wanted error rate.
    """
    if wrong.total >= max(minimum, audits_to_pass(limit)):
        return wrong.upper > limit
    return wrong.count >= 2 and wrong.lower > wanted_error


def cohens_kappa(pairs: Sequence[tuple[Hashable, Hashable]]) -> float | None:
    """Agreement of two reviewers on the same items beyond chance, from -1 to 1; None without items or without any choice."""
    if not pairs:
        return None
    total = len(pairs)
    observed = sum(a == b for a, b in pairs) / total
    first, second = Counter(a for a, _ in pairs), Counter(b for _, b in pairs)
    expected = sum(first[answer] * second[answer] for answer in first) / total**2
    if expected >= 1:
        return None
    return (observed - expected) / (1 - expected)


_BAND = {
    ReviewReason.ANSWERED: 0,
    ReviewReason.SECOND_OPINION: 100,
    ReviewReason.DISAGREE: 200,
    ReviewReason.UNCERTAIN: 300,
    ReviewReason.NO_CLAIM: 300,
    ReviewReason.OUT_OF_SCOPE: 400,
    ReviewReason.AGREE_UNACCEPTED: 500,
}
_LEVELS = 10
# Seconds are counted from here, so that they fit into 32 bits until 2088.
_EPOCH = datetime(2020, 1, 1, tzinfo=UTC)


def position(reason: ReviewReason, support: float | None) -> int:
    """The position of an open task. ``support``: the probability that the claim is right, None where it is unknown.

    An audit gets a random position among the doubtful ones, so that its place in the queue reveals nothing.
    """
    if reason is ReviewReason.AUDIT:
        first, last = _BAND[ReviewReason.DISAGREE], _BAND[ReviewReason.OUT_OF_SCOPE]
        return random.SystemRandom().randrange(first, last)
    return _BAND[reason] + _level(reason, support)


def _level(reason: ReviewReason, support: float | None) -> int:
    if reason is ReviewReason.DISAGREE:
        return _tenth(support or 0.0)  # without a support the model is confident of what was not claimed
    if reason in {ReviewReason.UNCERTAIN, ReviewReason.NO_CLAIM}:
        return _LEVELS // 2 if support is None else _tenth(2 * abs(support - 0.5))
    if reason is ReviewReason.AGREE_UNACCEPTED:
        return _tenth(support or 0.0)
    return 0


def _tenth(value: float) -> int:
    return min(_LEVELS - 1, max(0, int(value * _LEVELS)))


def position_when_over(at: datetime) -> int:
    """The position of a task that has left the queue: the latest first."""
    return -int((at - _EPOCH).total_seconds())
