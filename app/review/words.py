"""What reviewers read: codes and phrases that several pages of the desk share. For volunteers: app/submissions/words.py."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from app.core.web.i18n import Language
from app.core.web.words import listed
from app.predictions.rules import ClaimKind
from app.predictions.views import PredictionViews
from app.review.filters import NO_TAXON, ListState
from app.review.queue import MOST_COUNTED
from app.review.rules import Happening, IdentificationKind, PhotoQuality, ReviewReason, Rule
from app.submissions.rules import Source, VerificationStatus
from app.submissions.tables import ClaimRecord
from app.submissions.words import OTHER_SPECIES
from app.taxa.tables import Taxon
from app.taxa.views import TaxonView

_ = str  # marks messages for extraction; they are translated when a language is known

_CODES: dict[type[StrEnum], Mapping[StrEnum, str]] = {
    ReviewReason: {
        ReviewReason.DISAGREE: _("The computer sees something else"),
        ReviewReason.UNCERTAIN: _("The computer is not sure"),
        ReviewReason.NO_CLAIM: _("The volunteer did not know"),
        ReviewReason.OUT_OF_SCOPE: _("Perhaps something else altogether"),
        ReviewReason.AGREE_UNACCEPTED: _("Claim and computer agree"),
        ReviewReason.AUDIT: _("Random audit"),
        ReviewReason.SECOND_OPINION: _("Another expert is needed"),
        ReviewReason.ANSWERED: _("The volunteer has answered"),
    },
    ListState: {
        ListState.OPEN: _("Waiting"),
        ListState.MINE: _("With me"),
        ListState.QUESTIONED: _("Asked"),
        ListState.DECIDED: _("Decided"),
    },
    PhotoQuality: {
        PhotoQuality.GOOD: _("good"),
        PhotoQuality.SMALL: _("small"),
        PhotoQuality.BLURRED: _("blurred"),
        PhotoQuality.DARK: _("dark"),
        PhotoQuality.UNKNOWN: _("not known"),
    },
    Source: {
        Source.EXIF: _("from the photo"),
        Source.DEVICE: _("from the volunteer’s device"),
        Source.TYPED: _("entered by the volunteer"),
        Source.MISSING: _("not given"),
    },
    Rule: {
        Rule.ONE: _("One expert is enough"),
        Rule.SECOND_OPINION: _("A second expert if the first disagrees with the volunteer"),
        Rule.TWO_AGREE: _("Two experts must agree, and more than two thirds of all experts who answer"),
    },
    IdentificationKind: {
        IdentificationKind.UNABLE: _("unable to tell"),
        IdentificationKind.NO_BUTTERFLY: _("no butterfly, or unusable photo"),
        IdentificationKind.QUESTION: _("asked the volunteer"),
        IdentificationKind.COMMENT: _("a comment"),
        IdentificationKind.UNDO: _("undid the decision"),
    },
    VerificationStatus: {
        VerificationStatus.V1: _("correct"),
        VerificationStatus.V2: _("considered correct"),
        VerificationStatus.C3: _("plausible"),
        VerificationStatus.R4: _("unable to verify"),
        VerificationStatus.R5: _("incorrect"),
        VerificationStatus.D: _("queried"),
        VerificationStatus.A: _("answered"),
    },
}

# By kind of identification, or by event of the log.
_HAPPENED: dict[str, str] = {
    "taxon": _("%(who)s decided: %(taxon)s, %(code)s (%(when)s)."),
    "unable": _("%(who)s decided that it can’t be identified (%(when)s)."),
    "no_butterfly": _("%(who)s decided: no butterfly, or unusable photo (%(when)s)."),
    "question": _("%(who)s asked the volunteer a question (%(when)s)."),
    "undo": _("%(who)s undid a decision (%(when)s)."),
    "leased": _("%(who)s has it open, until %(when)s at the latest."),
    "claim_changed": _("The volunteer changed the claim (%(when)s)."),
    "two_butterflies": _("The volunteer said that there are two butterflies (%(when)s)."),
    "one_butterfly": _("The volunteer said that there is one butterfly (%(when)s)."),
    "corrected": _("The volunteer corrected the record (%(when)s)."),
    "square_moved": _("The square around the butterfly was changed (%(when)s)."),
    "withdrawn": _("The volunteer withdrew it (%(when)s)."),
    "answered": _("The volunteer answered a question (%(when)s)."),
    "accepted": _("The computer accepted it (%(when)s)."),
    "screened": _("The computer checked it again (%(when)s)."),
}
_HAPPENED_OTHERWISE = _("It has been changed (%(when)s).")


class ClaimAndPrediction(Protocol):
    """Anything with a claimed and a predicted species: an item, a line of the queue, a batch."""

    @property
    def claimed(self) -> Taxon | None:
        """None: no species was claimed."""

    @property
    def predicted(self) -> Taxon | None:
        """None: the model sees none of its species."""


class Words:
    """Phrases of the desk in ``language``. ``known``: every taxon by scientific name."""

    def __init__(self, language: Language, known: dict[str, Taxon]) -> None:
        self.language = language
        self.t = language.gettext
        self.views = PredictionViews(language, known)
        self.known = known

    def of(self, code: StrEnum | None) -> str:
        """A code of the desk in words; empty for None, and for codes that its pages never show."""
        message = _CODES.get(type(code), {}).get(code) if code is not None else None
        return self.t(message) if message else ""

    def taxon(self, taxon: Taxon | None) -> TaxonView | None:
        """The taxon as pages show it."""
        return self.views.taxon(taxon.scientific_name) if taxon else None

    def name(self, scientific_name: str | None) -> str:
        """The name that people use."""
        return self.views.taxon(scientific_name).vernacular_name if scientific_name else ""

    def species_filter(self, scientific_name: str) -> str:
        """The species of a filter; "none" is one too."""
        return self.t("no species") if scientific_name == NO_TAXON else self.name(scientific_name)

    def either(self, scientific_names: Sequence[str]) -> str:
        """Several names in a sentence: "a, b or c"."""
        return listed([self.name(name) for name in scientific_names], self.language)

    def options(self) -> list[tuple[str, str]]:
        """Every taxon to choose from: scientific name and name, by name."""
        return sorted(((name, self.name(name)) for name in self.known), key=lambda option: option[1])

    def pair(self, claimed: str | None, predicted: str | None) -> str:
        """A submission in a few words: what was claimed, and what the computer sees where that is something else."""
        claim = capital(self.name(claimed) if claimed else self.t("no species claimed"))
        if predicted == claimed:
            return claim
        sees = self.name(predicted) if predicted else self.t("no known species")
        return self.t("%(claim)s; computer: %(sees)s", claim=claim, sees=sees)

    def title(self, item: ClaimAndPrediction) -> str:
        """The same for anything that has both species."""
        return self.pair(*(taxon.scientific_name if taxon else None for taxon in (item.claimed, item.predicted)))

    def claim(self, claim: ClaimRecord | None) -> str:
        """What the volunteer said it is; empty for None."""
        if claim is None:
            return ""
        if claim.kind is ClaimKind.TAXON and claim.taxon is not None:
            return self.name(claim.taxon.scientific_name)
        if claim.kind is ClaimKind.OTHER:
            return claim.verbatim or self.t(OTHER_SPECIES)
        return self.t("does not know")

    def identification(
        self, kind: IdentificationKind, taxon: Taxon | None, code: VerificationStatus | None = None
    ) -> str:
        """An identification in a few words."""
        if kind is not IdentificationKind.TAXON:
            return capital(self.of(kind))
        name = self.name(taxon.scientific_name if taxon else None)
        return capital(self.t("%(taxon)s, %(code)s", taxon=name, code=self.of(code)))

    def happened(self, events: Sequence[Happening]) -> str:
        """What became of an item while somebody had it open, in sentences."""
        return " ".join(self._happened(event) for event in events) or self.t(
            "This submission has changed since you opened it."
        )

    def _happened(self, event: Happening) -> str:
        return self.t(
            _HAPPENED.get(event.what, _HAPPENED_OTHERWISE),
            who=event.user_name or self.t("Somebody"),
            when=self.moment(event.at),
            taxon=self.name(event.scientific_name),
            code=self.of(event.code),
        )

    def find(self, text: str) -> str:
        """The scientific name of the taxon that somebody typed by any of its names; the text itself where there is none."""
        typed = " ".join(text.split()).lower()
        return next((name for name, taxon in self.known.items() if typed in _names(taxon)), text.strip())

    def matching(self, text: str, most: int) -> list[dict[str, str]]:
        """Up to ``most`` taxa with these letters in a name: first those that begin with them, then those with such a word."""
        typed = " ".join(text.split()).lower()
        matches = []
        for name, taxon in self.known.items():
            names = _names(taxon)
            if typed and taxon.active and any(typed in other for other in names):
                begins = any(other.startswith(typed) for other in names)
                word = any(f" {typed}" in other for other in names)
                matches.append((not begins, not word, self.name(name), name))
        return [{"scientific_name": name, "name": label} for *_rank, label, name in sorted(matches)[:most]]

    def moment(self, at: datetime) -> str:
        """A day and a time."""
        return self.language.moment(at)

    @staticmethod
    def capped(number: int) -> str:
        """A count as pages show it: "1000+" where it goes on."""
        return f"{MOST_COUNTED}+" if number > MOST_COUNTED else str(number)


def capital(text: str) -> str:
    """The text with a capital letter at its start."""
    return text[:1].upper() + text[1:]


def _names(taxon: Taxon) -> set[str]:
    return {taxon.scientific_name.lower(), *(row.name.lower() for row in taxon.vernacular_names)}
