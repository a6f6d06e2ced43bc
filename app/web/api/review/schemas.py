"""What the routes of one item take and give, as the OpenAPI document shows it."""

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from app.domain.review import IdentificationKind, PhotoQuality, ReviewReason, TaskState
from app.domain.submission import SquareOrigin
from app.domain.verification import VerificationStatus
from app.services.review.questions import MAX_QUESTION
from app.web.api.review.shared import Remark, Revision, Seconds, TaxonName, TaxonOut, YesNo, words
from app.web.openapi import SQUARE


class ItemStateOut(BaseModel):
    """How an item stands to you. A decision names the `revision`."""

    submission_id: int
    revision: int
    state: TaskState
    hold: Literal["mine", "others", "closed"]
    until: datetime | None
    holder_name: str | None = Field(description="Who has it open, where that is not you.")


SquareNumbers = tuple[float, float, float, float]


class ItemAnimalOut(BaseModel):
    """A further animal of a photo."""

    square: SquareNumbers
    predictions: dict[str, float]
    in_scope: float


class ItemPhotoOut(BaseModel):
    """A photo. What the model says of it is left out while its opinion is hidden."""

    display_url: str
    attention_url: str | None = Field(description="Where the network looked; null while that is hidden.")
    width: int
    height: int
    square: SquareNumbers | None = Field(description="Drawn by a person: x, y, width, height in 0…1.")
    looked_at: SquareNumbers | None = Field(description="What the model looked at; null: the middle of the photo.")
    square_origin: SquareOrigin | None = Field(description="Of `looked_at`; null: nothing is said yet.")
    searched: bool = Field(description="The model looked for an animal; with `looked_at` null it found none.")
    seen_before: bool
    predictions: dict[str, float] = Field(
        description="Scientific name to probability, the highest first; empty where it shows none of the model's species."
    )
    in_scope: float | None
    animals: list[ItemAnimalOut] = Field(description="Further animals in the photo.")


class LooksLikeOut(TaxonOut):
    probability: float


class VolunteerOut(BaseModel):
    """What else the same volunteer sent, and how often experts confirmed the claim."""

    sent: int
    right: int
    wrong: int
    waiting: int


class ReferenceOut(BaseModel):
    """A species that this could be, with photos that experts accepted as it."""

    taxon: TaxonOut
    marks: list[str]
    examples: list[str]


class IdentificationOut(BaseModel):
    """What a person said. `undone`: it was taken back by another row."""

    id: int
    kind: IdentificationKind
    taxon: TaxonOut | None
    code: VerificationStatus | None
    remark: str
    user_name: str
    claim_shown: bool
    model_shown: bool
    model: str | None
    seconds: float | None
    batch_id: int | None
    undoes_id: int | None
    undone: bool
    created_at: datetime


class QuestionOut(BaseModel):
    body: str
    answer: str | None
    asked_by: str
    asked_at: datetime
    answered_at: datetime | None


class ItemOut(ItemStateOut):
    """Everything about an item. While `hidden`, claim, verdict, note and what others said are left out."""

    hidden: bool
    reason: ReviewReason | None
    quality: PhotoQuality
    photos: list[ItemPhotoOut]
    claim_kind: str | None
    claim_text: str | None = Field(description="What was typed for another species.")
    claimed: TaxonOut | None
    predicted: TaxonOut | None
    outcome: str | None = Field(description="Of the verdict.", examples=["disagree"])
    looks_like: list[LooksLikeOut] = Field(
        description="Out of scope: what it probably is instead, the likeliest first; empty where that is unclear."
    )
    verdict_reason: str | None
    support: float | None = Field(description="Probability that the claim is right.")
    model: str | None
    individual_count: int
    event_date: date | None
    event_date_source: str
    place: str
    latitude: float | None
    longitude: float | None
    coordinate_source: str
    note: str
    language: str = Field(description="The volunteer's: questions are asked in it.")
    created_at: datetime
    verification_status: VerificationStatus
    answers: int
    needed: int
    volunteer: VolunteerOut
    references: list[ReferenceOut]
    identifications: list[IdentificationOut]
    questions: list[QuestionOut]


class Said(BaseModel):
    """What goes with any answer."""

    remark: Remark = ""
    claim_shown: YesNo = Field(True, description="Whether the claim was to be seen. Of a blind item it never was.")
    model_shown: YesNo = True
    seconds: Seconds | None = None


class SaidOfOne(Said):
    """And with an answer to one item."""

    revision: Revision


class TaxonSaid(Said):
    """It is this species."""

    kind: Literal["taxon"]
    scientific_name: TaxonName
    code: Literal["V1", "V2", "C3"] = "V1"


class UnableSaid(Said):
    """Nobody can tell from these photos."""

    kind: Literal["unable"]
    code: Literal["R4", "R5"] = Field("R4", description="R5: not what was claimed, but no saying what else.")


class NoButterflySaid(Said):
    """Not a butterfly, or no photo of use."""

    kind: Literal["no_butterfly"]
    code: Literal["R5", "R4"] = "R5"


class TaxonAnswer(TaxonSaid, SaidOfOne):
    """It is this species."""


class UnableAnswer(UnableSaid, SaidOfOne):
    """Nobody can tell from these photos."""


class NoButterflyAnswer(NoButterflySaid, SaidOfOne):
    """Not a butterfly, or no photo of use."""


AnswerIn = Annotated[TaxonAnswer | UnableAnswer | NoButterflyAnswer, Field(discriminator="kind")]


class SettledOut(BaseModel):
    kind: IdentificationKind
    taxon: TaxonOut | None
    code: VerificationStatus


class OutcomeOut(BaseModel):
    """What became of it. `settled` null: another expert is needed, or it is open again."""

    submission_id: int
    identification_id: int = Field(description="What an undo names.")
    revision: int
    settled: SettledOut | None
    answers: int
    needed: int


class QuestionIn(BaseModel):
    revision: Revision
    body: Annotated[str, words(MAX_QUESTION)]


class SquareIn(BaseModel):
    revision: Revision
    square: Annotated[
        str,
        SQUARE,
        Field(max_length=200, description="`x,y,width,height` as fractions of the upright photo; empty takes it away."),
    ]


class CommentIn(BaseModel):
    remark: Annotated[str, words(2000)]


class AskedOut(BaseModel):
    submission_id: int
    identification_id: int = Field(description="What an undo names.")
    revision: int


class CommentOut(BaseModel):
    identification_id: int


class AheadOut(BaseModel):
    """Items that are yours for two minutes."""

    submission_ids: list[int]


class FoundTaxonOut(TaxonOut):
    marks: list[str]
