"""What templates and the API are given: plain objects in one language, built from rows while the session is open."""

from dataclasses import dataclass
from datetime import date, datetime

from app.domain.submission import ClaimKind, SubmissionStatus
from app.domain.taxonomy import slug
from app.domain.verdict import Outcome, Reason
from app.models import ClaimRecord, Photo, Submission, Taxon, VerdictRecord
from app.paths import STATIC
from app.web import wording
from app.web.assets import asset
from app.web.i18n import Language


@dataclass(frozen=True)
class TaxonView:
    scientific_name: str
    vernacular_name: str
    drawing: str | None
    marks: list[str]


@dataclass(frozen=True)
class ScoredTaxon:
    taxon: TaxonView
    probability: float


@dataclass(frozen=True)
class SquareView:
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class PhotoView:
    display_url: str
    thumb_url: str
    width: int
    height: int
    filename: str
    square: SquareView | None
    seen_before: bool
    predictions: list[ScoredTaxon]
    in_scope: float | None


@dataclass(frozen=True)
class VerdictView:
    outcome: str
    headline: str
    reason: str
    next_step: str
    suggested: TaxonView | None
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
    second_look: bool
    photos: list[PhotoView]
    verdict: VerdictView | None
    history: list[HistoryEntry]


def taxon_view(taxon: Taxon, language: Language) -> TaxonView:
    """A taxon with its name, marks and drawing; the scientific name where nobody entered another."""
    drawing = f"drawings/{slug(taxon.scientific_name)}.svg"
    return TaxonView(
        scientific_name=taxon.scientific_name,
        vernacular_name=taxon.vernacular_name(language.code) or taxon.vernacular_name("en") or taxon.scientific_name,
        drawing=asset(drawing) if (STATIC / drawing).is_file() else None,
        marks=taxon.marks_in(language.code),
    )


class Views:
    """Builds views of submissions in one language. ``known``: every taxon by scientific name."""

    def __init__(self, language: Language, known: dict[str, Taxon]) -> None:
        self._language = language
        self._known = known

    def taxon(self, scientific_name: str) -> TaxonView:
        """The taxon of that name; one that is no longer in the table keeps its scientific name."""
        taxon = self._known.get(scientific_name)
        if taxon is None:
            return TaxonView(scientific_name, scientific_name, None, [])
        return taxon_view(taxon, self._language)

    def submission(self, row: Submission, *, failed: bool = False) -> SubmissionView:
        """The whole page's worth of a submission."""
        t = self._language.gettext
        verdict = row.verdict
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
            second_look=_asks_second_look(row, verdict),
            photos=[self._photo(photo) for photo in row.photos if photo.removed_at is None],
            verdict=self._verdict(row, verdict) if verdict and not withdrawn else None,
            history=self._history(row),
        )

    def _claim_text(self, claim: ClaimRecord) -> str:
        if claim.kind is ClaimKind.TAXON and claim.taxon is not None:
            return self.taxon(claim.taxon.scientific_name).vernacular_name
        if claim.kind is ClaimKind.OTHER:
            return claim.verbatim or self._language.gettext(wording.OTHER_SPECIES)
        return self._language.gettext(wording.DONT_KNOW)

    def _photo(self, photo: Photo) -> PhotoView:
        newest = photo.predictions[-1] if photo.predictions else None
        scores = sorted((newest.probabilities if newest else {}).items(), key=lambda item: -item[1])
        return PhotoView(
            display_url=f"/photos/{photo.token}/display.jpg",
            thumb_url=f"/photos/{photo.token}/thumb.jpg",
            width=photo.width,
            height=photo.height,
            filename=photo.filename,
            square=SquareView(*photo.square) if photo.square else None,
            seen_before=photo.seen_before,
            predictions=[ScoredTaxon(self.taxon(name), probability) for name, probability in scores],
            in_scope=newest.in_scope if newest else None,
        )

    def _verdict(self, row: Submission, verdict: VerdictRecord) -> VerdictView:
        t = self._language.gettext
        suggested = self.taxon(verdict.suggested) if verdict.suggested else None
        params = {
            "claim": self._claim_text(row.claim),
            "suggested": suggested.vernacular_name if suggested else "",
            "photo": verdict.photo_position + 1,
            "known": wording.listed(
                [self.taxon(name).vernacular_name for name in verdict.model_version.labels], self._language
            ),
        }
        reason = t(wording.REASONS[verdict.reason], **params)
        if suggested and verdict.reason in {Reason.NO_CLAIM, Reason.OTHER_CLAIMED, Reason.NOT_SURE}:
            reason += " " + t(wording.SUGGESTION, **params)
        step = wording.ACCEPTED_BY_MACHINE if verdict.machine_accepted else wording.NEXT_STEPS[verdict.outcome]
        return VerdictView(
            outcome=verdict.outcome.value,
            headline=t(wording.HEADLINES[verdict.outcome]),
            reason=reason,
            next_step=t(step),
            suggested=suggested,
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
