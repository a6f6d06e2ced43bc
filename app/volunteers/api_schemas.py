"""What submissions look like to programs, as the OpenAPI document shows it."""

from datetime import date, datetime

from pydantic import BaseModel, Field


class TaxonOut(BaseModel):
    """A species that can be claimed."""

    scientific_name: str = Field(examples=["Maniola jurtina"])
    vernacular_name: str = Field(examples=["meadow brown"])
    marks: list[str] = Field(default_factory=list, description="What to look for, in the language of the answer.")


class ScoredTaxonOut(BaseModel):
    scientific_name: str
    vernacular_name: str
    probability: float


SquareNumbers = tuple[float, float, float, float]


class AnimalOut(BaseModel):
    """A further animal of a photo."""

    square: SquareNumbers
    predictions: list[ScoredTaxonOut] = Field(description="Empty where it is none of the model's species.")
    in_scope: float


class PhotoOut(BaseModel):
    url: str = Field(description="A re-encoded copy without EXIF.")
    filename: str
    width: int
    height: int
    square: SquareNumbers | None = Field(description="Drawn by a person: x, y, width, height in 0…1.")
    looked_at: SquareNumbers | None = Field(description="What the model looked at; null: the middle of the photo.")
    square_origin: str | None = Field(
        description="Of `looked_at`; null: nothing is said yet.", examples=["given", "found", "middle"]
    )
    searched: bool = Field(description="The model looked for an animal; with `looked_at` null it found none.")
    seen_before: bool = Field(description="The same file was sent before, by anyone.")
    predictions: list[ScoredTaxonOut] = Field(description="Empty where it shows none of the model's species.")
    in_scope: float | None
    animals: list[AnimalOut] = Field(description="Further animals in the photo.")


class VerdictOut(BaseModel):
    outcome: str = Field(examples=["agree", "disagree", "uncertain", "out_of_scope"])
    reason: str = Field(description="One plain sentence in the language of the answer.")
    next_step: str
    suggested: str | None = Field(description="Scientific name that the model would put in the claim's place.")
    looks_like: list[ScoredTaxonOut] = Field(
        description="Out of scope: what it probably is instead, the likeliest first; empty where that is unclear."
    )
    model_name: str
    model_version: str
    machine_accepted: bool


class ReviewOut(BaseModel):
    """What experts settled. `look_for` is filled where they named another species than was claimed."""

    kind: str = Field(examples=["taxon", "unable", "no_butterfly"])
    verification_status: str = Field(examples=["V1"])
    scientific_name: str | None
    vernacular_name: str | None
    decided_at: datetime
    look_for: list[TaxonOut] = Field(description="Marks of the species named and of the one claimed, for next time.")


class QuestionOut(BaseModel):
    """What an expert asked. Answer at `/api/v1/submissions/{token}/answer`."""

    body: str
    language: str
    asked_at: datetime
    answer: str | None
    answered_at: datetime | None


class SubmissionOut(BaseModel):
    """A submission as its volunteer sees it."""

    token: str = Field(description="The unguessable part of its link.")
    url: str
    created_at: datetime
    status: str = Field(examples=["received", "screened", "flagged", "auto_accepted"])
    verification_status: str = Field(examples=["pending", "V1"])
    claim: str = Field(description="The claim that stands, in words.")
    claimed: str | None = Field(description="Its scientific name; null for another species or don't know.")
    first_claim: str | None = Field(description="Set where the claim was changed at the second look.")
    individual_count: int
    event_date: date | None
    event_date_source: str
    place: str
    latitude: float | None
    longitude: float | None
    coordinate_source: str
    note: str
    waiting: bool = Field(description="The verdict is not there yet; ask again.")
    photos: list[PhotoOut]
    verdict: VerdictOut | None
    review: ReviewOut | None = Field(None, description="null: no expert has settled it.")
    question: QuestionOut | None = Field(None, description="A question that waits for an answer.")
    answered: list[QuestionOut] = Field(default_factory=list)
