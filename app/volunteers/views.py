"""A submission as its volunteer sees it. Pages and the API are given the same; the API leaves out what only pages show."""

from dataclasses import astuple, dataclass
from datetime import date, datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, InstanceOf, PlainSerializer
from sqlalchemy.orm import Session

from app.core import jobs
from app.core.tables import JobKind
from app.core.web.i18n import Language
from app.core.web.words import listed
from app.predictions.rules import ClaimKind, Outcome, Reason
from app.predictions.views import LooksLikeView, PredictionViews, ScoredTaxon, SquareView, square_view
from app.review import questions
from app.submissions import looks
from app.submissions import words as wording
from app.submissions.rules import BUTTERFLIES, UNDECIDED, SubmissionStatus
from app.submissions.tables import ClaimRecord, Photo, StatusLog, Submission, VerdictRecord
from app.taxa import names as taxa
from app.taxa.views import TaxonView

# --- parts, as the API writes them ------------------------------------------------------------------------------------


class TaxonOut(BaseModel):
    """A species that can be claimed."""

    model_config = ConfigDict(from_attributes=True)

    scientific_name: str = Field(examples=["Maniola jurtina"])
    vernacular_name: str = Field(examples=["meadow brown"])
    marks: list[str] = Field(default_factory=list, description="What to look for, in the language of the answer.")


class ScoredTaxonOut(BaseModel):
    scientific_name: str
    vernacular_name: str
    probability: float


def _flat(scored: ScoredTaxon | LooksLikeView) -> ScoredTaxonOut:
    names = scored.taxon.scientific_name, scored.taxon.vernacular_name
    return ScoredTaxonOut(scientific_name=names[0], vernacular_name=names[1], probability=scored.probability)


def _name(taxon: TaxonView) -> str:
    return taxon.scientific_name


OnlyOnPages = Field(exclude=True)
Scored = Annotated[InstanceOf[ScoredTaxon], PlainSerializer(_flat, return_type=ScoredTaxonOut)]
LooksLike = Annotated[InstanceOf[LooksLikeView], PlainSerializer(_flat, return_type=ScoredTaxonOut)]
ByName = Annotated[InstanceOf[TaxonView], PlainSerializer(_name, return_type=str)]
Square = Annotated[InstanceOf[SquareView], PlainSerializer(astuple, return_type=tuple[float, float, float, float])]


# --- the submission ---------------------------------------------------------------------------------------------------


class AnimalOut(BaseModel):
    """A further animal of a photo."""

    model_config = ConfigDict(from_attributes=True)

    square: Square
    predictions: list[Scored] = Field(description="Empty where it is none of the model's species.")
    in_scope: float


class PhotoOut(BaseModel):
    display_url: str = Field(serialization_alias="url", description="A re-encoded copy without EXIF.")
    cut_url: Annotated[str, OnlyOnPages]
    filename: str
    width: int
    height: int
    square: Square | None = Field(description="Drawn by a person: x, y, width, height in 0…1.")
    looked_at: Square | None = Field(description="What the model looked at; null: the middle of the photo.")
    square_origin: str | None = Field(
        description="Of `looked_at`; null: nothing is said yet.", examples=["given", "found", "middle"]
    )
    searched: bool = Field(description="The model looked for an animal; with `looked_at` null it found none.")
    seen_before: bool = Field(description="The same file was sent before, by anyone.")
    predictions: list[Scored] = Field(description="Empty where it shows none of the model's species.")
    in_scope: float | None
    other_animals: list[AnimalOut] = Field(serialization_alias="animals", description="Further animals in the photo.")


class VerdictOut(BaseModel):
    outcome: str = Field(examples=["agree", "disagree", "uncertain", "out_of_scope"])
    headline: Annotated[str, OnlyOnPages]
    reason: str = Field(description="One plain sentence in the language of the answer.")
    next_step: str
    suggested: ByName | None = Field(description="Scientific name that the model would put in the claim's place.")
    looks_like: list[LooksLike] = Field(
        description="Out of scope: what it probably is instead, the likeliest first; empty where that is unclear."
    )
    model_name: str
    model_version: str
    machine_accepted: bool


class ReviewOut(BaseModel):
    """What experts settled. `look_for` is filled where they named another species than was claimed."""

    kind: str = Field(examples=["taxon", "unable", "no_butterfly"])
    verification_status: str = Field(examples=["V1"])
    taxon: Annotated[InstanceOf[TaxonView] | None, OnlyOnPages]
    claimed: Annotated[InstanceOf[TaxonView] | None, OnlyOnPages]
    scientific_name: str | None
    vernacular_name: str | None
    decided_at: datetime
    look_for: list[TaxonOut] = Field(description="Marks of the species named and of the one claimed, for next time.")


class QuestionOut(BaseModel):
    """What an expert asked. Answer at `/api/v1/submissions/{token}/answer`."""

    model_config = ConfigDict(from_attributes=True)

    body: str
    language: str
    asked_at: datetime
    answer: str | None
    answered_at: datetime | None


@dataclass(frozen=True)
class HistoryEntry:
    """``changes``: what was corrected, in words, with its value before and after."""

    at: datetime
    text: str
    changes: list[tuple[str, str, str]]


class SubmissionOut(BaseModel):
    """A submission as its volunteer sees it."""

    token: str = Field(description="The unguessable part of its link.")
    url: str
    created_at: datetime
    status: str = Field(examples=["received", "screened", "flagged", "auto_accepted"])
    status_text: Annotated[str, OnlyOnPages]
    verification_status: str = Field(examples=["pending", "V1"])
    claim_kind: Annotated[str, OnlyOnPages]
    claim_verbatim: Annotated[str, OnlyOnPages]
    claim_text: str = Field(serialization_alias="claim", description="The claim that stands, in words.")
    claimed: ByName | None = Field(description="Its scientific name; null for another species or don't know.")
    first_claim_text: str | None = Field(
        serialization_alias="first_claim", description="Set where the claim was changed at the second look."
    )
    individual_count: int
    event_date: date | None
    event_date_source: str
    place: str
    latitude: float | None
    longitude: float | None
    coordinate_source: str
    note: str
    waiting: bool = Field(description="The verdict is not there yet; ask again.")
    failed: Annotated[bool, OnlyOnPages]
    second_look: Annotated[bool, OnlyOnPages]
    perhaps_two: Annotated[bool, OnlyOnPages]
    photos: list[PhotoOut]
    verdict: VerdictOut | None
    review: ReviewOut | None = Field(None, description="null: no expert has settled it.")
    question: QuestionOut | None = Field(None, description="A question that waits for an answer.")
    answered: list[QuestionOut] = Field(default_factory=list)
    history: Annotated[list[InstanceOf[HistoryEntry]], OnlyOnPages]

    @property
    def withdrawn(self) -> bool:
        """Whether it was taken back."""
        return self.status == SubmissionStatus.WITHDRAWN

    @property
    def can_correct(self) -> bool:
        """Whether what was told may be corrected: no expert has decided, and it was not withdrawn."""
        return self.status in UNDECIDED

    @property
    def can_place_square(self) -> bool:
        """Whether its squares may be moved: nobody has decided, and no verdict is on its way."""
        return self.status in UNDECIDED and not self.waiting


# --- from rows --------------------------------------------------------------------------------------------------------


def view_of(session: Session, row: Submission, language: Language) -> SubmissionOut:
    """All there is to see of a submission, with what experts say."""
    views = SubmissionViews(language, taxa.all_by_name(session))
    shown = views.submission(row, failed=jobs.failed_for(session, JobKind.SCREENING, row.id))
    review = questions.report_for_volunteer(session, row)
    return shown.model_copy(
        update={
            "review": views.review(review.told) if review.told else None,
            "question": QuestionOut.model_validate(review.question) if review.question else None,
            "answered": [QuestionOut.model_validate(question) for question in review.answered],
        }
    )


class SubmissionViews(PredictionViews):
    """Shows submissions in one language."""

    def submission(self, row: Submission, *, failed: bool = False) -> SubmissionOut:
        """A submission without what experts say. ``failed``: its screening was given up."""
        verdict = row.verdict
        latest = row.verdicts[-1] if row.verdicts else None  # while a changed claim waits for its own
        withdrawn = row.status is SubmissionStatus.WITHDRAWN
        claim = row.claim
        columns = {
            name: getattr(row, name) for name in SubmissionOut.model_fields if name in Submission.__table__.columns
        }
        return SubmissionOut(
            **columns,
            url=f"/s/{row.token}",
            status_text=self._language.gettext(wording.STATUSES[row.status]),
            claim_kind=claim.kind,
            claim_verbatim=claim.verbatim,
            claim_text=self._claim_text(claim),
            claimed=self.taxon(claim.taxon.scientific_name) if claim.taxon else None,
            first_claim_text=self._claim_text(row.claims[0]) if len(row.claims) > 1 else None,
            waiting=verdict is None and not withdrawn and not failed,
            failed=verdict is None and failed and not withdrawn,
            second_look=_asks_second_look(row, verdict),
            perhaps_two=_perhaps_two(row, verdict),
            photos=[self._photo(photo, latest) for photo in row.remaining_photos],
            verdict=self._verdict(row, verdict) if verdict and not withdrawn else None,
            history=self._history(row),
        )

    def review(self, settled: questions.ReviewDecision) -> ReviewOut:
        """What experts settled."""
        taxon, claimed = (self.taxon(t.scientific_name) if t else None for t in (settled.taxon, settled.claimed))
        return ReviewOut(
            kind=settled.kind,
            verification_status=settled.code,
            taxon=taxon,
            claimed=claimed,
            scientific_name=taxon.scientific_name if taxon else None,
            vernacular_name=taxon.vernacular_name if taxon else None,
            decided_at=settled.at,
            look_for=[taxon, claimed] if settled.differs else [],
        )

    def changes(self, line: StatusLog) -> list[tuple[str, str, str]]:
        """What a volunteer corrected: field, value before, value after."""
        t = self._language.gettext
        return [
            (t(wording.FIELDS[name]), self._corrected(name, before), self._corrected(name, after))
            for name, (before, after) in (line.changes or {}).items()
        ]

    def _corrected(self, name: str, value: str | int | None) -> str:
        if value in {None, ""}:
            return self._language.gettext(wording.NOTHING)
        if name == "event_date":
            return self._language.date(date.fromisoformat(str(value)))
        if name == "claim":
            kinds = {ClaimKind.OTHER.value: wording.OTHER_SPECIES, ClaimKind.UNKNOWN.value: wording.DONT_KNOW}
            return (
                self._language.gettext(kinds[str(value)]) if value in kinds else self.taxon(str(value)).vernacular_name
            )
        return str(value)

    def _claim_text(self, claim: ClaimRecord) -> str:
        if claim.kind is ClaimKind.TAXON and claim.taxon is not None:
            return self.taxon(claim.taxon.scientific_name).vernacular_name
        if claim.kind is ClaimKind.OTHER:
            return claim.verbatim or self._language.gettext(wording.OTHER_SPECIES)
        return self._language.gettext(wording.DONT_KNOW)

    def _photo(self, photo: Photo, verdict: VerdictRecord | None) -> PhotoOut:
        prediction = photo.prediction()
        return PhotoOut(
            display_url=f"/photos/{photo.token}/display.jpg",
            cut_url=f"/photos/{photo.token}/cut.jpg",
            filename=photo.filename,
            width=photo.width,
            height=photo.height,
            square=square_view(photo.square),
            looked_at=square_view(prediction.square if prediction else photo.square),
            square_origin=prediction.square_origin if prediction else None,
            searched=prediction.searched if prediction else False,
            seen_before=photo.seen_before,
            predictions=self.scored(looks.shares(prediction.opinion, verdict)) if prediction and verdict else [],
            in_scope=prediction.in_scope if prediction else None,
            other_animals=self.animals(looks.animals(prediction, verdict)) if prediction and verdict else [],
        )

    def _verdict(self, row: Submission, verdict: VerdictRecord) -> VerdictOut:
        t = self._language.gettext
        suggested = self.taxon(verdict.suggested) if verdict.suggested else None
        looks_like = self.looks_like(looks.looks_like(verdict))
        known = [self.taxon(name).vernacular_name for name in verdict.model_version.labels]
        params = {
            "claim": self._claim_text(row.claim),
            "suggested": suggested.vernacular_name if suggested else "",
            "like": looks_like[0].taxon.vernacular_name if looks_like else "",
            "photo": verdict.photo_position + 1,
            "known": listed(known, self._language),
        }
        reasons = (wording.REASONS | wording.NAMED_REASONS) if looks_like else wording.REASONS
        reason = t(reasons[verdict.reason], **params)
        if suggested and verdict.reason in {Reason.OTHER_CLAIMED, Reason.NOT_SURE}:
            reason += " " + t(wording.SUGGESTION, **params)
        step = wording.ACCEPTED_BY_MACHINE if verdict.machine_accepted else wording.NEXT_STEPS[verdict.outcome]
        if verdict.outcome is Outcome.DISAGREE and not _asks_second_look(row, verdict):
            step = wording.AFTER_SECOND_LOOK
        headline = wording.HEADLINES[verdict.outcome]
        if suggested and verdict.reason is Reason.NO_CLAIM:
            headline = wording.HEADLINE_OF_SUGGESTION
        return VerdictOut(
            outcome=verdict.outcome,
            headline=t(headline, **params),
            reason=reason,
            next_step=t(step),
            suggested=suggested,
            looks_like=looks_like,
            model_name=verdict.model_version.name,
            model_version=verdict.model_version.version,
            machine_accepted=verdict.machine_accepted,
        )

    def _history(self, row: Submission) -> list[HistoryEntry]:
        entries = []
        for line in row.log:
            event = line.to_status.value if line.event == "screened" and line.to_status != "screened" else line.event
            text = self._language.gettext(wording.EVENTS.get(event, wording.STATUSES[line.to_status]))
            entries.append(HistoryEntry(line.created_at, text, self.changes(line)))
        return entries


def _perhaps_two(row: Submission, verdict: VerdictRecord | None) -> bool:
    """Whether to ask if there are two butterflies: where the model saw two species, until that is answered."""
    return (
        verdict is not None
        and row.status in UNDECIDED
        and verdict.reason in {Reason.TWO_ANIMALS, Reason.PHOTOS_CONTRADICT}
        and not BUTTERFLIES & {line.event for line in row.log}
    )


def _asks_second_look(row: Submission, verdict: VerdictRecord | None) -> bool:
    """Shown once: where the model disagrees and the volunteer has neither kept nor changed the claim."""
    return (
        verdict is not None
        and row.status is SubmissionStatus.FLAGGED
        and verdict.outcome is Outcome.DISAGREE
        and verdict.suggested is not None
        and not row.claim.informed
        and row.claim.confirmed_at is None
    )
