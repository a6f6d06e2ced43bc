"""From what the services give to what programs are told, in one language; and from their answers to decisions."""

from typing import Any

from app.db import reading
from app.domain.review import IdentificationKind, Settled
from app.domain.verification import VerificationStatus
from app.models import Identification, Taxon
from app.services import taxa
from app.services.review import item
from app.services.review.decisions import Decision, Outcome
from app.services.review.desk import ItemState
from app.web.api.review.schemas import (
    IdentificationOut,
    ItemAnimalOut,
    ItemOut,
    ItemPhotoOut,
    ItemStateOut,
    LooksLikeOut,
    NoButterflySaid,
    OutcomeOut,
    QuestionOut,
    ReferenceOut,
    SettledOut,
    TaxonSaid,
    UnableSaid,
    VolunteerOut,
)
from app.web.api.review.shared import Sessions, named, taxon_out
from app.web.i18n import Language
from app.web.views import Views


def decision_of(answer: TaxonSaid | UnableSaid | NoButterflySaid) -> Decision:
    """An answer as the service takes it."""
    return Decision(
        kind=IdentificationKind(answer.kind),
        scientific_name=answer.scientific_name if isinstance(answer, TaxonSaid) else None,
        status_code=VerificationStatus(answer.code),
        remark=answer.remark,
        claim_shown=answer.claim_shown,
        model_shown=answer.model_shown,
        seconds=answer.seconds,
    )


def outcome_out(sessions: Sessions, done: Outcome, language: Language) -> OutcomeOut:
    """What became of a decision, in one language."""
    return OutcomeOut(**vars(done) | {"settled": _settled(sessions, done.settled, language)})


def _settled(sessions: Sessions, found: Settled | None, language: Language) -> SettledOut | None:
    if found is None:
        return None
    with reading(sessions) as session:
        taxon = session.get(Taxon, found.taxon_id) if found.taxon_id is not None else None
        return SettledOut(kind=found.kind, taxon=taxon_out(taxon, language), code=found.code)


def state_out(state: ItemState) -> ItemStateOut:
    """How an item stands to its reader."""
    return ItemStateOut(**vars(state))


def load(sessions: Sessions, user_id: int, submission_id: int, language: Language) -> ItemOut:
    """An item as a user may see it. Raises NotFound."""
    with reading(sessions) as session:
        found = item.load(session, user_id, submission_id)
        names = [name["scientific_name"] for name in found.looks_like]
        return _item(found, {taxon.scientific_name: taxon for taxon in taxa.by_names(session, names)}, language)


def _item(found: item.Item, known: dict[str, Taxon], language: Language) -> ItemOut:
    undone = {row.undoes_id for row in found.identifications}
    plain = {name: getattr(found, name) for name in ItemOut.model_fields if hasattr(found, name)}
    verdict = found.verdict
    return ItemOut(
        **plain
        | vars(found.state)
        | {
            "photos": [_photo(photo, found.hidden) for photo in found.photos],
            "claim_kind": found.claim.kind.value if found.claim else None,
            "claim_text": found.claim.verbatim if found.claim else None,
            "claimed": taxon_out(found.claimed, language),
            "predicted": taxon_out(found.predicted, language),
            "outcome": verdict.outcome.value if verdict else None,
            "looks_like": _looks_like(found.looks_like, known, language),
            "verdict_reason": verdict.reason.value if verdict else None,
            "support": verdict.support if verdict else None,
            "model": f"{verdict.model_version.name} {verdict.model_version.version}" if verdict else None,
            "volunteer": VolunteerOut(**vars(found.volunteer)),
            "references": [_reference(one, language) for one in found.references],
            "identifications": [_identification(row, row.id in undone, language) for row in found.identifications],
            "questions": [
                QuestionOut(
                    body=row.body,
                    answer=row.answer,
                    asked_by=row.asker.name,
                    asked_at=row.asked_at,
                    answered_at=row.answered_at,
                )
                for row in found.questions
            ],
        }
    )


def _photo(photo: item.ItemPhoto, hidden: bool) -> ItemPhotoOut:
    return ItemPhotoOut(
        display_url=f"/photos/{photo.token}/display.jpg",
        attention_url=None if hidden else f"/api/v1/review/photos/{photo.token}/attention.png",
        width=photo.width,
        height=photo.height,
        square=_square(photo.square),
        looked_at=_square(photo.looked_at),
        square_origin=photo.square_origin,
        searched=photo.searched,
        seen_before=photo.seen_before,
        predictions=photo.predictions,
        in_scope=photo.in_scope,
        animals=[
            ItemAnimalOut(square=animal.square, predictions=animal.shares, in_scope=animal.in_scope)
            for animal in photo.others
        ],
    )


def _square(numbers: list[float] | None) -> tuple[float, float, float, float] | None:
    return (numbers[0], numbers[1], numbers[2], numbers[3]) if numbers else None


def _looks_like(found: list[dict[str, Any]], known: dict[str, Taxon], language: Language) -> list[LooksLikeOut]:
    return [
        LooksLikeOut(
            scientific_name=one.taxon.scientific_name,
            vernacular_name=one.taxon.vernacular_name,
            probability=one.probability,
        )
        for one in Views(language, known).looks_like(found)
    ]


def _reference(found: item.Reference, language: Language) -> ReferenceOut:
    examples = [f"/photos/{token}/thumb.jpg" for token in found.examples]
    return ReferenceOut(
        taxon=named(found.taxon, language), marks=found.taxon.marks_in(language.code), examples=examples
    )


def _identification(row: Identification, undone: bool, language: Language) -> IdentificationOut:
    version = row.model_version
    return IdentificationOut(
        id=row.id,
        kind=row.kind,
        taxon=taxon_out(row.taxon, language),
        code=row.verification_status,
        remark=row.remark,
        user_name=row.user.name,
        claim_shown=row.claim_shown,
        model_shown=row.model_shown,
        model=f"{version.name} {version.version}" if version else None,
        seconds=row.seconds,
        batch_id=row.batch_id,
        undoes_id=row.undoes_id,
        undone=undone,
        created_at=row.created_at,
    )
