"""One item as the desk shows it. What is hidden until the answer is given is not in the page at all."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from app.core.web.i18n import LANGUAGES
from app.core.web.words import listed
from app.predictions.rules import ClaimKind
from app.predictions.views import LooksLikeView, ScoredTaxon
from app.review import wording
from app.review.desk import Hold
from app.review.item import Item
from app.review.pages.grid_views import grid_url
from app.review.pages.photo_views import DeskPhoto, desk_photo
from app.review.rules import ANSWERS, IdentificationKind, TaskState
from app.review.tables import Identification, QuestionTemplate, ReviewQuestion
from app.review.words import Words
from app.submissions import words as volunteers_wording
from app.submissions.tables import ClaimRecord, StatusLog
from app.taxa.views import TaxonView

MOST_CHOICES = 9


@dataclass(frozen=True)
class ReferenceView:
    taxon: TaxonView
    examples: list[str]


@dataclass(frozen=True)
class EarlierView:
    text: str
    who: str
    at: datetime
    remark: str
    undone: bool


@dataclass(frozen=True)
class QuestionView:
    body: str
    asked_text: str
    answer: str
    answered_text: str


@dataclass(frozen=True)
class HistoryEntry:
    at: datetime
    text: str


@dataclass(frozen=True)
class TemplateView:
    id: int
    body: str


@dataclass(frozen=True)
class ItemView:
    id: int
    url: str
    title: str
    revision: int
    opened: str
    state: str
    can_decide: bool
    standing: str
    undo_id: int | None
    blind: bool
    waiting: bool
    photos: list[DeskPhoto]
    why: str
    claim_text: str
    claimed: TaxonView | None
    first_claim_text: str
    claim_kept: bool
    predicted: TaxonView | None
    scores: list[ScoredTaxon]
    looks_like: list[LooksLikeView]
    verdict_text: str
    model_text: str
    choices: list[TaxonView]
    references: list[ReferenceView]
    pair_url: str
    individual_count: int
    event_date: date | None
    event_date_source_text: str
    place: str
    latitude: float | None
    longitude: float | None
    coordinate_source_text: str
    note: str
    sent_at: datetime
    volunteer_text: str
    earlier: list[EarlierView]
    answer: QuestionView | None
    questions: list[QuestionView]
    templates: list[TemplateView]
    language_name: str
    history: list[HistoryEntry]


class ItemViews:
    """Builds items for one reviewer in one language."""

    def __init__(self, words: Words, user_id: int) -> None:
        self._words = words
        self.t = words.t
        self._user_id = user_id

    def item(self, item: Item, templates: Sequence[QuestionTemplate]) -> ItemView:
        """Everything that the template asks for."""
        title = self.title(item)
        mine = item.state.hold is Hold.MINE
        questions = [self._question(q) for q in item.questions]
        answered = [view for view in questions if view.answer]
        return ItemView(
            id=item.submission_id,
            url=f"/review/{item.submission_id}",
            title=title,
            revision=item.state.revision,
            opened=str(int(time.time())),
            state=item.state.hold.value,
            can_decide=mine,
            standing="" if mine else self._standing(item),
            undo_id=self._to_undo(item),
            blind=item.hidden,
            waiting=not item.hidden and item.verdict is None,
            photos=[desk_photo(self._words, photo, title, hidden=item.hidden) for photo in item.photos],
            why=self.t(wording.WHY[item.reason]) if item.reason else "",
            claim_text=self._claim(item.claim) if item.claim else "",
            claimed=self._words.taxon(item.claimed),
            first_claim_text=self._claim(item.first_claim) if item.first_claim else "",
            claim_kept=bool(item.claim and item.claim.confirmed_at),
            predicted=self._words.taxon(item.predicted),
            scores=self._scores(item),
            looks_like=self._words.views.looks_like(item.looks_like),
            verdict_text=self._verdict(item),
            model_text=self._model(item),
            choices=[self._words.views.taxon(r.taxon.scientific_name) for r in item.references[:MOST_CHOICES]],
            references=self._references(item),
            pair_url=self._pair_url(item),
            individual_count=item.individual_count,
            event_date=item.event_date,
            event_date_source_text=self.t(wording.SOURCES[item.event_date_source]),
            place=item.place,
            latitude=item.latitude,
            longitude=item.longitude,
            coordinate_source_text=self.t(wording.SOURCES[item.coordinate_source]),
            note=item.note,
            sent_at=item.created_at,
            volunteer_text=self._volunteer(item),
            earlier=self._earlier(item.identifications),
            answer=answered[-1] if answered and item.state.state is TaskState.OPEN else None,
            questions=questions,
            templates=[TemplateView(template.id, template.body) for template in templates],
            language_name=LANGUAGES.get(item.language, item.language),
            history=self._history(item),
        )

    def title(self, item: Item) -> str:
        """What it is, in a few words; of a hidden one nothing but its number."""
        if item.hidden:
            return self.t("Blind, number %(number)s", number=item.submission_id)
        return self._words.pair(
            item.claimed.scientific_name if item.claimed else None,
            item.predicted.scientific_name if item.predicted else None,
        )

    def revealed(self, item: Item) -> str:
        """What was hidden, once it is answered."""
        claim = self._claim(item.claim) if item.claim else ""
        sees = self._words.name(item.predicted.scientific_name) if item.predicted else self.t("no species")
        return self.t("The claim was %(claim)s; the computer sees %(sees)s.", claim=claim, sees=sees)

    def _claim(self, claim: ClaimRecord) -> str:
        if claim.kind is ClaimKind.TAXON and claim.taxon is not None:
            return self._words.name(claim.taxon.scientific_name)
        if claim.kind is ClaimKind.OTHER:
            return claim.verbatim or self.t(volunteers_wording.OTHER_SPECIES)
        return self.t("does not know")

    def _scores(self, item: Item) -> list[ScoredTaxon]:
        """Of the photo that decided; of the first where there is no verdict."""
        at = item.verdict.photo_position if item.verdict else 0
        photo = next((p for p in item.photos if p.position == at), item.photos[0] if item.photos else None)
        return self._words.views.scored(photo.predictions if photo else {})

    def _verdict(self, item: Item) -> str:
        verdict = item.verdict
        if verdict is None:
            return ""
        like = self._words.views.looks_like(item.looks_like)
        verdicts = (wording.VERDICTS | wording.NAMED_VERDICTS) if like else wording.VERDICTS
        return self.t(verdicts[verdict.reason]) % {
            "claim": self._claim(item.claim) if item.claim else "",
            "suggested": self._words.name(verdict.suggested),
            "like": like[0].taxon.vernacular_name if like else "",
            "photo": verdict.photo_position + 1,
            "known": listed([self._words.name(n) for n in verdict.model_version.labels], self._words.language),
        }

    def _model(self, item: Item) -> str:
        version = item.verdict.model_version if item.verdict else None
        return self.t("Model: %(name)s %(version)s", name=version.name, version=version.version) if version else ""

    def _references(self, item: Item) -> list[ReferenceView]:
        """Drawings of the species that are confused here; of others only where nothing was claimed or seen."""
        found = item.references
        if not item.hidden:
            named = {taxon.id for taxon in (item.claimed, item.predicted) if taxon}
            found = [r for r in found if r.taxon.id in named] if len(named) > 1 else found
        return [
            ReferenceView(
                self._words.views.taxon(reference.taxon.scientific_name),
                [f"/photos/{token}/cut.jpg" for token in reference.examples],
            )
            for reference in found
        ]

    def _pair_url(self, item: Item) -> str:
        if item.hidden or not item.claimed or not item.predicted or item.state.state is not TaskState.OPEN:
            return ""
        return grid_url(item.claimed.scientific_name, item.predicted.scientific_name)

    def _volunteer(self, item: Item) -> str:
        record = item.volunteer
        if not record.sent:
            return self.t("This is their first submission.")
        sent = self._words.language.ngettext("One other submission.", "%(num)s other submissions.", record.sent)
        known = record.right + record.wrong
        if not known:
            return sent + " " + self.t("None decided yet.")
        right = self._words.language.ngettext(
            "One decided: %(right)s correct.", "%(num)s decided: %(right)s correct.", known, right=record.right
        )
        return f"{sent} {right}"

    def _earlier(self, rows: Sequence[Identification]) -> list[EarlierView]:
        undone = {row.undoes_id for row in rows if row.undoes_id}
        return [
            EarlierView(
                text=self._words.said(
                    row.kind, row.taxon.scientific_name if row.taxon else None, row.verification_status
                ),
                who=row.user.name,
                at=row.created_at,
                remark=row.remark if row.kind is not IdentificationKind.QUESTION else "",
                undone=row.id in undone,
            )
            for row in rows
        ]

    def _question(self, row: ReviewQuestion) -> QuestionView:
        asked = self.t("%(who)s asked (%(when)s):", who=row.asker.name, when=self._words.moment(row.asked_at))
        when = self._words.moment(row.answered_at) if row.answered_at else ""
        return QuestionView(row.body, asked, row.answer or "", self.t("The volunteer (%(when)s):", when=when))

    def _to_undo(self, item: Item) -> int | None:
        """This reviewer's last answer that stands."""
        undone = {row.undoes_id for row in item.identifications if row.undoes_id}
        mine = [row for row in item.identifications if row.user_id == self._user_id and row.id not in undone]
        found = [row.id for row in mine if row.kind in ANSWERS | {IdentificationKind.QUESTION}]
        return found[-1] if found and item.state.state is not TaskState.GONE else None

    def _standing(self, item: Item) -> str:
        if item.state.hold is Hold.OTHERS:
            return self.t(
                "%(name)s has it open, until %(when)s at the latest.",
                name=item.state.holder_name or self.t("Another reviewer"),
                when=self._words.moment(item.state.until) if item.state.until else "",
            )
        if item.state.state is TaskState.ASKED:
            return self.t("Waiting for the volunteer to answer a question.")
        if item.state.state is TaskState.GONE:
            return self.t("Nothing to decide: this was withdrawn, or accepted by the computer.")
        if item.outcome_kind is None:
            return self.t("Already decided.")
        taxon = item.outcome_taxon.scientific_name if item.outcome_taxon else None
        return self.t("Decided: %(what)s.", what=self._words.said(item.outcome_kind, taxon, item.verification_status))

    def _history(self, item: Item) -> list[HistoryEntry]:
        return [HistoryEntry(line.created_at, self.t(_event(line))) for line in item.log]


def _event(line: StatusLog) -> str:
    event = line.to_status.value if line.event == "screened" and line.to_status != "screened" else line.event
    return wording.EVENTS.get(event) or volunteers_wording.STATUSES[line.to_status]
