"""Phrases that several pages of the desk share, in one language."""

from collections.abc import Sequence
from datetime import datetime

from app.core.web.i18n import Language
from app.predictions.views import PredictionViews
from app.review import wording
from app.review.queue import MOST_COUNTED
from app.review.rules import Happening, IdentificationKind
from app.submissions.rules import VerificationStatus
from app.taxa.tables import Taxon
from app.taxa.views import TaxonView


class Words:
    """Says things of the desk in ``language``. ``known``: every taxon by scientific name."""

    def __init__(self, language: Language, known: dict[str, Taxon]) -> None:
        self.language = language
        self.t = language.gettext
        self.views = PredictionViews(language, known)
        self.known = known

    def taxon(self, taxon: Taxon | None) -> TaxonView | None:
        """The taxon as pages show it."""
        return self.views.taxon(taxon.scientific_name) if taxon else None

    def name(self, scientific_name: str | None) -> str:
        """What people call it."""
        return self.views.taxon(scientific_name).vernacular_name if scientific_name else ""

    def pair(self, claimed: str | None, predicted: str | None) -> str:
        """A submission in a few words: what was claimed, and what the computer sees where that is something else."""
        claim = self.name(claimed) if claimed else self.t("no species claimed")
        claim = claim[:1].upper() + claim[1:]
        if predicted == claimed:
            return claim
        sees = self.name(predicted) if predicted else self.t("no known species")
        return self.t("%(claim)s; computer: %(sees)s", claim=claim, sees=sees)

    def said(self, kind: IdentificationKind, taxon: str | None, code: VerificationStatus | None) -> str:
        """An identification in a few words."""
        text = self.t(
            wording.SAID[kind],
            **({"taxon": self.name(taxon), "code": self.code(code)} if kind is IdentificationKind.TAXON else {}),
        )
        return text[:1].upper() + text[1:]

    def code(self, code: VerificationStatus | None) -> str:
        """A status code in words."""
        return self.t(wording.CODES[code]) if code in wording.CODES else ""

    def happened(self, events: Sequence[Happening]) -> str:
        """What became of an item while somebody had it open, in sentences."""
        return " ".join(self._happening(event) for event in events) or self.t(
            "This submission has changed since you opened it."
        )

    def _happening(self, event: Happening) -> str:
        sentence = wording.HAPPENED.get(event.what, wording.HAPPENED_OTHERWISE)
        return self.t(sentence) % {
            "who": event.user_name or self.t("Somebody"),
            "when": self.language.moment(event.at),
            "taxon": self.name(event.scientific_name),
            "code": self.code(event.code),
        }

    def find(self, text: str) -> str:
        """The scientific name of the taxon that somebody typed by any of its names; what was typed, where nobody knows it."""
        wanted = " ".join(text.split()).lower()
        for name, taxon in self.known.items():
            if wanted in {name.lower(), *(one.name.lower() for one in taxon.vernacular_names)}:
                return name
        return text.strip()

    def matching(self, text: str, most: int) -> list[dict[str, str]]:
        """Up to ``most`` taxa with these letters in a name: first those that begin with them, then those with such a word."""
        wanted = " ".join(text.split()).lower()
        found = []
        for name, taxon in self.known.items():
            names = [name.lower(), *(one.name.lower() for one in taxon.vernacular_names)]
            if wanted and taxon.active and any(wanted in one for one in names):
                begins = any(one.startswith(wanted) for one in names)
                word = any(f" {wanted}" in one for one in names)
                found.append((not begins, not word, self.name(name), name))
        return [{"scientific_name": name, "name": called} for *_, called, name in sorted(found)[:most]]

    def moment(self, at: datetime) -> str:
        """A day and a time."""
        return self.language.moment(at)


def capped(number: int) -> str:
    """A count as pages show it: "1000+" where it goes on."""
    return f"{MOST_COUNTED}+" if number > MOST_COUNTED else str(number)
