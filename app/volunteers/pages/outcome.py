"""What a volunteer is told of the experts' work on a submission."""

from dataclasses import dataclass

from app.core.web.i18n import Language
from app.review.questions import ReviewDecision, ReviewReport
from app.review.rules import IdentificationKind
from app.review.tables import ReviewQuestion
from app.submissions.rules import VerificationStatus
from app.submissions.views import Views
from app.taxa.views import TaxonView

_ = str  # marks messages for extraction
_SURE: dict[VerificationStatus, str] = {
    VerificationStatus.V1: _("The record counts as correct."),
    VerificationStatus.V2: _("The record counts as considered correct."),
    VerificationStatus.C3: _("The record counts as plausible."),
    VerificationStatus.R4: _("The record can’t be verified, so it does not count. Thank you for your help."),
    VerificationStatus.R5: _("The record does not count."),
}


@dataclass(frozen=True)
class AskedView:
    body: str
    language: str
    asked_text: str
    answer: str
    answered_text: str


@dataclass(frozen=True)
class OutcomeView:
    tone: str
    icon: str
    headline: str
    text: str
    standing_text: str
    taxa: list[TaxonView]


@dataclass(frozen=True)
class ReviewView:
    question: AskedView | None
    outcome: OutcomeView | None
    answered: list[AskedView]


def review_view(found: ReviewReport, language: Language, views: Views) -> ReviewView:
    """What stands on the submission's page."""
    return ReviewView(
        question=_asked(found.question, language) if found.question else None,
        outcome=_outcome(found.told, language, views) if found.told else None,
        answered=[_asked(row, language) for row in found.answered],
    )


def _asked(row: ReviewQuestion, language: Language) -> AskedView:
    t = language.gettext
    answered = t("You answered on %(when)s:", when=language.moment(row.answered_at)) if row.answered_at else ""
    return AskedView(
        body=row.body,
        language=row.language,
        asked_text=t("An expert asked on %(when)s:", when=language.moment(row.asked_at)),
        answer=row.answer or "",
        answered_text=answered,
    )


def _outcome(told: ReviewDecision, language: Language, views: Views) -> OutcomeView:
    t = language.gettext
    taxon = views.taxon(told.taxon.scientific_name) if told.taxon else None
    claimed = views.taxon(told.claimed.scientific_name) if told.claimed else None
    standing = t(_SURE[told.code]) if told.code in _SURE else ""
    when = language.date(told.at)
    if told.kind is IdentificationKind.NO_BUTTERFLY:
        headline = t("An expert found no recognisable butterfly")
        text = t("Either it is something else, or the photo does not show enough.")
        return OutcomeView("out-of-scope", "outside", headline, text, f"{standing} {when}", [])
    if taxon is None:
        headline = t("Experts can’t identify it from this photo")
        text = t("This happens with many photos: a mark is hidden, or both species can look like this.")
        return OutcomeView("uncertain", "question", headline, text, f"{standing} {when}", [])
    if claimed is None:
        headline = t("An expert says: %(name)s", name=taxon.vernacular_name)
        return OutcomeView("agree", "check", headline, t("Now you know."), f"{standing} {when}", [taxon])
    if told.differs:
        headline = t("An expert says: %(name)s", name=taxon.vernacular_name)
        text = t(
            "You said %(claim)s. They are easily confused; the marks below show the difference.",
            claim=claimed.vernacular_name,
        )
        return OutcomeView("disagree", "look", headline, text, f"{standing} {when}", [taxon, claimed])
    headline = t("An expert agrees: %(name)s", name=taxon.vernacular_name)
    return OutcomeView("agree", "check", headline, t("You were right. Thank you."), f"{standing} {when}", [])
