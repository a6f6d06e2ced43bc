"""Look-alikes by the grid over JSON, and the questions that are asked often."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, Response
from pydantic import BaseModel, Field

from app.models import QuestionTemplate
from app.services.review import batches, questions
from app.services.review.batches import Batches, BatchResult
from app.services.review.questions import MAX_QUESTION, Questions
from app.web.api.review.queue import QueueItemOut, item_out
from app.web.api.review.said import decision_of, outcome_out
from app.web.api.review.schemas import NoButterflySaid, OutcomeOut, TaxonSaid, UnableSaid
from app.web.api.review.shared import LARGEST, NUMBER, Id, Sessions, TaxonName, TaxonOut, refusals, taxon_out, words
from app.web.auth import Reviewer
from app.web.dependencies import LanguageDep, ReadSession
from app.web.i18n import LANGUAGES, Language

router = APIRouter(prefix="/api/v1/review", tags=["review"])
_Name = Annotated[str, Field(min_length=1, max_length=200, description="Scientific name, or `none`.")]


class PairOut(BaseModel):
    """Open items that were claimed as one species and look like another to the model; null: no species."""

    claimed: TaxonOut | None
    predicted: TaxonOut | None
    open: int


class GridIn(BaseModel):
    claimed: _Name
    predicted: _Name
    size: Annotated[int, Field(ge=1, le=batches.LARGEST), NUMBER] = 30


class SeenItem(BaseModel):
    submission_id: Annotated[int, Field(ge=1, le=LARGEST), NUMBER]
    revision: Annotated[int, Field(ge=0, le=LARGEST), NUMBER]


class _ForMany(BaseModel):
    items: Annotated[list[SeenItem], Field(min_length=1, max_length=batches.LARGEST)]
    exceptions: Annotated[list[Annotated[int, Field(ge=1, le=LARGEST), NUMBER]], Field(max_length=batches.LARGEST)] = (
        Field(default_factory=list, description="Items that are left as they are, for others to look at.")
    )


class TaxonBatch(_ForMany, TaxonSaid):
    """All but the exceptions are this species."""


class UnableBatch(_ForMany, UnableSaid):
    """Nobody can tell any but the exceptions."""


class NoButterflyBatch(_ForMany, NoButterflySaid):
    """All but the exceptions are no butterflies, or no photos of use."""


BatchIn = Annotated[TaxonBatch | UnableBatch | NoButterflyBatch, Field(discriminator="kind")]


class BatchItemOut(BaseModel):
    """What became of one item; `problem` says why it was left as it is."""

    submission_id: int
    outcome: OutcomeOut | None
    problem: str


class BatchOut(BaseModel):
    """`batch_id` is what an undo names; null where no item was decided."""

    batch_id: int | None
    decided: int
    items: list[BatchItemOut]


class TemplateIn(BaseModel):
    body: Annotated[str, words(MAX_QUESTION)]
    language: Annotated[str, Field(json_schema_extra={"enum": sorted(LANGUAGES)}, pattern=f"^({'|'.join(LANGUAGES)})$")]
    scientific_name: TaxonName | None = Field(None, description="Left out: for any species.")


class TemplateOut(BaseModel):
    """A question that is asked often."""

    id: int
    body: str
    language: str
    taxon: TaxonOut | None


@router.get(
    "/pairs", summary="Pairs of claimed and predicted species", response_model=list[PairOut], responses=refusals()
)
def pairs(_user: Reviewer, session: ReadSession, language: LanguageDep) -> list[PairOut]:
    """The most frequent first; blind items are in none."""
    return [
        PairOut(
            claimed=taxon_out(pair.claimed, language), predicted=taxon_out(pair.predicted, language), open=pair.open
        )
        for pair in batches.pairs(session)
    ]


@router.post("/grid", summary="Open items of one pair", response_model=list[QueueItemOut], responses=refusals())
def grid(user: Reviewer, sessions: Sessions, language: LanguageDep, wanted: GridIn) -> list[QueueItemOut]:
    """Yours for some minutes; what others hold is not among them."""
    found = Batches(sessions).grid(user.user_id, wanted.claimed, wanted.predicted, wanted.size)
    return [item_out(item, language) for item in found]


@router.post(
    "/batches",
    status_code=201,
    summary="Decide many items at once",
    response_model=BatchOut,
    responses=refusals(_422="A species nobody knows."),
)
def decide(user: Reviewer, sessions: Sessions, language: LanguageDep, batch: Annotated[BatchIn, Body()]) -> BatchOut:
    """An item that has changed meanwhile is left as it is, and told; the others are decided."""
    revisions = {item.submission_id: item.revision for item in batch.items}
    done = Batches(sessions).decide(user.user_id, revisions, set(batch.exceptions), decision_of(batch))
    return _batch(sessions, done, language)


@router.post(
    "/batches/{batch_id}/undo",
    summary="Take a batch back",
    response_model=BatchOut,
    responses=refusals(_404="No such batch of yours."),
)
def undo(user: Reviewer, sessions: Sessions, language: LanguageDep, batch_id: Id) -> BatchOut:
    """All of it, as far as it still can be."""
    return _batch(sessions, Batches(sessions).undo(user.user_id, batch_id), language)


def _batch(sessions: Sessions, done: BatchResult, language: Language) -> BatchOut:
    items = [
        BatchItemOut(
            submission_id=item.submission_id,
            outcome=outcome_out(sessions, item.outcome, language) if item.outcome else None,
            problem=item.problem,
        )
        for item in done.items
    ]
    return BatchOut(batch_id=done.batch_id, decided=done.decided, items=items)


# --- templates -----------------------------------------------------------------------------------------------------------


@router.get(
    "/templates", summary="Questions that are asked often", response_model=list[TemplateOut], responses=refusals()
)
def list_templates(_user: Reviewer, session: ReadSession, language: LanguageDep) -> list[TemplateOut]:
    """In every language; those for one species first."""
    return [_template(row, language) for row in questions.templates(session)]


@router.post(
    "/templates",
    status_code=201,
    summary="Add a template",
    response_model=TemplateOut,
    responses=refusals(_422="A species nobody knows."),
)
def add_template(user: Reviewer, sessions: Sessions, language: LanguageDep, new: TemplateIn) -> TemplateOut:
    """Everybody at the desk can use it."""
    return _save(user.user_id, sessions, language, new, None)


@router.put(
    "/templates/{template_id}",
    summary="Change a template",
    response_model=TemplateOut,
    responses=refusals(_404="No such template.", _422="A species nobody knows."),
)
def change_template(
    user: Reviewer, sessions: Sessions, language: LanguageDep, template_id: Id, new: TemplateIn
) -> TemplateOut:
    """Questions that were asked with it stay as they were."""
    return _save(user.user_id, sessions, language, new, template_id)


@router.delete(
    "/templates/{template_id}",
    status_code=204,
    summary="Delete a template",
    response_class=Response,
    responses=refusals(),
)
def delete_template(user: Reviewer, sessions: Sessions, template_id: Id) -> None:
    """Deleting twice is once."""
    Questions(sessions).delete_template(user.user_id, template_id)


def _save(user_id: int, sessions: Sessions, language: Language, new: TemplateIn, number: int | None) -> Any:
    name = new.scientific_name or ""
    return _template(Questions(sessions).save_template(user_id, new.body, new.language, name, number), language)


def _template(row: QuestionTemplate, language: Language) -> TemplateOut:
    return TemplateOut(id=row.id, body=row.body, language=row.language, taxon=taxon_out(row.taxon, language))
