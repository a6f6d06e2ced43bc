"""From the desk's form fields to what services take. What no page of ours sends is refused as a conflict or a bad field."""

from collections.abc import Sequence

from app.core.errors import FieldError, InvalidInput
from app.review.decisions import Decision
from app.review.rules import ANSWERS, IdentificationKind
from app.review.words import Words
from app.submissions.rules import VerificationStatus


def read_decision(
    words: Words, decision: str, taxon: str, status_code: str, *, remark: str = "", seconds: float | None = None
) -> Decision:
    """``decision``: "taxon:NAME", "taxon" (then ``taxon`` has any of its names), "unable" or "no_butterfly".

    The status code is that of a taxon; other answers have their own. Raises InvalidInput.
    """
    kind, _, named = decision.partition(":")
    if kind not in {answer.value for answer in ANSWERS}:
        raise InvalidInput([FieldError("decision", "kind_unknown")])
    is_taxon = kind == IdentificationKind.TAXON.value
    return Decision(
        kind=IdentificationKind(kind),
        scientific_name=words.find(named or taxon) if is_taxon else None,
        status_code=_code(status_code) if is_taxon and status_code else None,
        remark=remark,
        seconds=seconds,
    )


def _code(text: str) -> VerificationStatus:
    try:
        return VerificationStatus(text)
    except ValueError as error:
        raise InvalidInput([FieldError("status_code", "kind_unknown")]) from error


def read_revisions(items: Sequence[str]) -> dict[int, int]:
    """Submission → revision, of fields such as "12:3". Raises InvalidInput."""
    found = {}
    for text in items:
        number, _, revision = text.partition(":")
        if not (number.isdecimal() and revision.isdecimal() and len(text) < 22):
            raise InvalidInput([FieldError("item", "filter_invalid")])
        found[int(number)] = int(revision)
    return found
