"""What templates and the API are given: plain objects in one language, built from rows while the session is open."""

from dataclasses import dataclass
from datetime import date, datetime

from app.core.web.words import listed
from app.predictions.rules import ClaimKind, Outcome, Reason
from app.predictions.views import AnimalView, LooksLikeView, PredictionViews, ScoredTaxon, SquareView, square_view
from app.submissions import looks
from app.submissions import words as wording
from app.submissions.rules import UNDECIDED, SubmissionStatus
from app.submissions.tables import ClaimRecord, Photo, Submission, VerdictRecord
from app.taxa.views import TaxonView


@dataclass(frozen=True)
class PhotoView:
    """``square``: what a person drew. ``looked_at``: the version's square; None: the middle of the photo, or nothing yet.

    ``square_origin`` is given, found or middle, None before the first verdict. ``predictions`` is empty where the photo
    shows none of the version's species.
    """

    display_url: str
    thumb_url: str
    cut_url: str
    width: int
    height: int
    filename: str
    square: SquareView | None
    looked_at: SquareView | None
    square_origin: str | None
    searched: bool
    seen_before: bool
    predictions: list[ScoredTaxon]
    in_scope: float | None
    other_animals: list[AnimalView]


@dataclass(frozen=True)
class VerdictView:
    outcome: str
    headline: str
    reason: str
    next_step: str
    suggested: TaxonView | None
    looks_like: list[LooksLikeView]
    model_name: str
    model_version: str
    machine_accepted: bool


@dataclass(frozen=True)
class HistoryEntry:
    at: datetime
    text: str


@dataclass(frozen=True)
class SubmissionView:
    token: str
    url: str
    created_at: datetime
    status: str
    status_text: str
    verification_status: str
    verification_text: str
    claim_kind: str
    claim_text: str
    claimed: TaxonView | None
    first_claim_text: str | None
    individual_count: int
    event_date: date | None
    event_date_source: str
    place: str
    latitude: float | None
    longitude: float | None
    coordinate_source: str
    note: str
    waiting: bool
    failed: bool
    withdrawn: bool
    can_withdraw: bool
    can_move_squares: bool
    second_look: bool
    photos: list[PhotoView]
    verdict: VerdictView | None
    history: list[HistoryEntry]


class Views(PredictionViews):
    """Builds views of submissions in one language."""

    def submission(self, row: Submission, *, failed: bool = False) -> SubmissionView:
        """The whole page's worth of a submission."""
        t = self._language.gettext
        verdict = row.verdict
        latest = row.verdicts[-1] if row.verdicts else None  # while a changed claim waits for its own
        withdrawn = row.status is SubmissionStatus.WITHDRAWN
        claim = row.claim
        return SubmissionView(
            token=row.token,
            url=f"/s/{row.token}",
            created_at=row.created_at,
            status=row.status.value,
            status_text=t(wording.STATUSES[row.status]),
            verification_status=row.verification_status.value,
            verification_text=t(wording.VERIFICATIONS[row.verification_status]),
            claim_kind=claim.kind.value,
            claim_text=self._claim_text(claim),
            claimed=self.taxon(claim.taxon.scientific_name) if claim.taxon else None,
            first_claim_text=self._claim_text(row.claims[0]) if len(row.claims) > 1 else None,
            individual_count=row.individual_count,
            event_date=row.event_date,
            event_date_source=row.event_date_source.value,
            place=row.place,
            latitude=row.latitude,
            longitude=row.longitude,
            coordinate_source=row.coordinate_source.value,
            note=row.note,
            waiting=verdict is None and not withdrawn and not failed,
            failed=verdict is None and failed and not withdrawn,
            withdrawn=withdrawn,
            can_withdraw=not withdrawn,
            can_move_squares=row.status in UNDECIDED,
            second_look=_asks_second_look(row, verdict),
            photos=[self._photo(photo, latest) for photo in row.photos if photo.removed_at is None],
            verdict=self._verdict(row, verdict) if verdict and not withdrawn else None,
            history=self._history(row),
        )

    def _claim_text(self, claim: ClaimRecord) -> str:
        if claim.kind is ClaimKind.TAXON and claim.taxon is not None:
            return self.taxon(claim.taxon.scientific_name).vernacular_name
        if claim.kind is ClaimKind.OTHER:
            return claim.verbatim or self._language.gettext(wording.OTHER_SPECIES)
        return self._language.gettext(wording.DONT_KNOW)

    def _photo(self, photo: Photo, verdict: VerdictRecord | None) -> PhotoView:
        made = photo.prediction()
        return PhotoView(
            display_url=f"/photos/{photo.token}/display.jpg",
            thumb_url=f"/photos/{photo.token}/thumb.jpg",
            cut_url=f"/photos/{photo.token}/cut.jpg",
            width=photo.width,
            height=photo.height,
            filename=photo.filename,
            square=square_view(photo.square),
            looked_at=square_view(made.square if made else photo.square),
            square_origin=made.square_origin.value if made else None,
            searched=made.searched if made else False,
            seen_before=photo.seen_before,
            predictions=self.scored(looks.shares(made.opinion, verdict)) if made and verdict else [],
            in_scope=made.in_scope if made else None,
            other_animals=self.animals(looks.animals(made, verdict)) if made and verdict else [],
        )

    def _verdict(self, row: Submission, verdict: VerdictRecord) -> VerdictView:
        t = self._language.gettext
        suggested = self.taxon(verdict.suggested) if verdict.suggested else None
        looks_like = self.looks_like(looks.looks_like(verdict))
        params = {
            "claim": self._claim_text(row.claim),
            "suggested": suggested.vernacular_name if suggested else "",
            "like": looks_like[0].taxon.vernacular_name if looks_like else "",
            "photo": verdict.photo_position + 1,
            "known": listed(
                [self.taxon(name).vernacular_name for name in verdict.model_version.labels], self._language
            ),
        }
        reasons = (wording.REASONS | wording.NAMED_REASONS) if looks_like else wording.REASONS
        reason = t(reasons[verdict.reason], **params)
        if suggested and verdict.reason in {Reason.NO_CLAIM, Reason.OTHER_CLAIMED, Reason.NOT_SURE}:
            reason += " " + t(wording.SUGGESTION, **params)
        step = wording.ACCEPTED_BY_MACHINE if verdict.machine_accepted else wording.NEXT_STEPS[verdict.outcome]
        return VerdictView(
            outcome=verdict.outcome.value,
            headline=t(wording.HEADLINES[verdict.outcome]),
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
            entries.append(HistoryEntry(line.created_at, text))
        return entries


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
