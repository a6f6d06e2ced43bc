"""What experts may answer, which status code each answer gives, and when the answers of several settle a record."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from app.domain.errors import Conflict
from app.domain.verification import VerificationStatus

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
    """What stands in the way of telling a species, in the best photo of a submission."""

    GOOD = "good"
    SMALL = "small"
    BLURRED = "blurred"
    DARK = "dark"
    UNKNOWN = "unknown"


class IdentificationKind(StrEnum):
    """What a row of the record says. The first three are answers; the others leave the record's taxon alone."""

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
    """The status code of an answer. Raises Conflict for one that this kind of answer can't have."""
    allowed = CODES[kind]
    if chosen is None:
        return allowed[0]
    if chosen not in allowed:
        raise Conflict(f"An answer '{kind}' can't have the code {chosen}.")
    return chosen


@dataclass(frozen=True)
class Happening:
    """What became of an item while somebody had it open. ``what``: a kind of identification, or an event of its log."""

    what: str
    at: datetime
    user_name: str = ""
    scientific_name: str | None = None
    code: VerificationStatus | None = None


class Stale(Conflict):
    """An item is not any more as it was when the page was opened; ``happened`` says what became of it meanwhile."""

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


@dataclass(frozen=True)
class Settled:
    """What the experts say together; ``code`` is the most careful one among those who agree."""

    kind: IdentificationKind
    taxon_id: int | None
    code: VerificationStatus


@dataclass(frozen=True)
class NeedsAnother:
    """Not settled: so many experts have answered. ``disputed``: they say different things."""

    answers: int
    disputed: bool


def present(answers: Sequence[Answer]) -> list[Answer]:
    """Each expert's latest answer, of answers in the order they were given: a changed mind is one vote."""
    return list({answer.user_id: answer for answer in answers}.values())


def rule_for(answers: Sequence[Answer], claimed: int | None, rules: Mapping[int, Rule], default: Rule) -> Rule:
    """The strictest rule among those of the taxa that somebody named, volunteer or expert; the default where nobody did."""
    named = {answer.taxon_id for answer in answers if answer.taxon_id is not None}
    if claimed is not None:
        named.add(claimed)
    return max((rules.get(taxon, default) for taxon in named), key=_STRICTNESS.__getitem__, default=default)


def needed(answers: Sequence[Answer], claimed: int | None, rule: Rule) -> int:
    """How many experts the rule wants here: one, or two."""
    if rule is Rule.SECOND_OPINION:
        return 2 if any(_contradicts(answer, claimed) for answer in present(answers)) else 1
    return 2 if rule is Rule.TWO_AGREE else 1


def _contradicts(answer: Answer, claimed: int | None) -> bool:
    """Whether an expert says something else than the volunteer did. Being unable to tell contradicts nobody."""
    if claimed is None or answer.kind is K.UNABLE:
        return False
    return answer.taxon_id != claimed


def standing(answers: Sequence[Answer], needed: int) -> Settled | NeedsAnother:
    """What ``answers`` (in the order they were given, undone ones left out) amount to where ``needed`` experts must agree.

    More than two thirds must say the same. Whoever is unable to tell does not stand in the way of those who can; where
    more than two thirds are unable, the record can't be verified. Who answered first makes no difference.
    """
    votes = present(answers)
    able = [vote for vote in votes if vote.kind is not K.UNABLE]
    for group in (votes, able):
        found = _agreed(group, needed)
        if found is not None:
            return found
    return NeedsAnother(len(votes), disputed=len({_said(vote) for vote in able}) > 1)


def _agreed(votes: Sequence[Answer], needed: int) -> Settled | None:
    if not votes or len(votes) < needed:
        return None
    (said, count), *_ = Counter(_said(vote) for vote in votes).most_common(1)
    if 3 * count <= 2 * len(votes):
        return None
    code = max((vote.code for vote in votes if _said(vote) == said), key=_CAREFUL.index)
    return Settled(*said, code)


def _said(vote: Answer) -> tuple[IdentificationKind, int | None]:
    return vote.kind, vote.taxon_id
