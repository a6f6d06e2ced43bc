"""Look-alike batches: the pairs that there are, the grid of one, and what became of a batch."""

import time
from dataclasses import dataclass

from app.review.batches import Pair
from app.review.filters import NO_TAXON
from app.review.queue import QueueItem
from app.review.words import Words, capped
from app.taxa.views import TaxonView


@dataclass(frozen=True)
class PairView:
    url: str
    taxa: list[TaxonView]
    claimed_text: str
    predicted_text: str
    count: str


@dataclass(frozen=True)
class TileView:
    id: int
    revision: int
    url: str
    photo_url: str
    width: int
    height: int
    alt: str
    title: str
    words: str


@dataclass(frozen=True)
class ChoiceView:
    value: str
    key: str
    role: str
    small: str
    name: str
    help: str


@dataclass(frozen=True)
class GridView:
    url: str
    title: str
    lede: str
    opened: str
    items: list[TileView]
    references: list[TaxonView]
    choices: list[ChoiceView]
    count_text: str


def grid_url(claimed: str, predicted: str) -> str:
    """The address of a pair's grid; names in an address have no spaces."""
    return f"/review/grid/{claimed.replace(' ', '_') or NO_TAXON}/{predicted.replace(' ', '_') or NO_TAXON}"


def named(part: str) -> str:
    """The scientific name in an address."""
    return part.replace("_", " ")


class GridViews:
    """Builds them in one language."""

    def __init__(self, words: Words) -> None:
        self._words = words
        self.t = words.t

    def pair(self, pair: Pair) -> PairView:
        """One pair of the overview."""
        claimed, predicted = self._words.taxon(pair.claimed), self._words.taxon(pair.predicted)
        return PairView(
            url=grid_url(*(one.scientific_name if one else NO_TAXON for one in (pair.claimed, pair.predicted))),
            taxa=list({one.scientific_name: one for one in (claimed, predicted) if one}.values()),
            claimed_text=claimed.vernacular_name if claimed else self.t("no species"),
            predicted_text=predicted.vernacular_name if predicted else self.t("no known species"),
            count=capped(pair.open),
        )

    def grid(self, claimed: str, predicted: str, items: list[QueueItem]) -> GridView:
        """``claimed`` and ``predicted``: scientific names, or "none"."""
        names = list(dict.fromkeys(name for name in (claimed, predicted) if name != NO_TAXON))
        title = self._words.pair(*(None if name == NO_TAXON else name for name in (claimed, predicted)))
        return GridView(
            url=grid_url(claimed, predicted),
            title=title,
            lede=self.t("Mark the exceptions: they stay in the queue. The rest is decided in one go."),
            opened=str(int(time.time())),
            items=[self.tile(item, title) for item in items],
            references=[self._words.views.taxon(name) for name in names],
            choices=self._choices(claimed, predicted),
            count_text=self._words.language.ngettext("%(num)s photo", "%(num)s photos", len(items)),
        )

    def tile(self, item: QueueItem, title: str) -> TileView:
        """One photo of the grid."""
        day = self._words.language.date(item.event_date) if item.event_date else ""
        told = ", ".join(part for part in (day, item.place) if part)
        more = self._words.language.ngettext("%(num)s photo", "%(num)s photos", item.photos) if item.photos > 1 else ""
        return TileView(
            id=item.submission_id,
            revision=item.revision,
            url=f"/review/{item.submission_id}",
            photo_url=f"/photos/{item.thumb_token}/cut.jpg",
            width=480,
            height=480,
            alt=self.t("Leave out: number %(number)s, %(title)s", number=item.submission_id, title=title),
            title=f"{title} ({item.submission_id})",
            words=" · ".join(part for part in (told, more) if part),
        )

    def _choices(self, claimed: str, predicted: str) -> list[ChoiceView]:
        found = []
        accept = self.t("For all but the exceptions: the claim is right")
        model = self.t("For all but the exceptions: the computer is right")
        for name, key, role, told in ((claimed, "a", "claim", accept), (predicted, "m", "model", model)):
            if name != NO_TAXON and not (role == "model" and predicted == claimed):
                found.append(
                    ChoiceView(f"taxon:{name}", key, role, self.t("All others are"), self._capital(name), told)
                )
        for value, key, label in (
            ("unable", "u", self.t("Unable to tell")),
            ("no_butterfly", "n", self.t("No butterfly or unusable")),
        ):
            found.append(ChoiceView(value, key, "plain", "", label, label))
        return found

    def _capital(self, name: str) -> str:
        text = self._words.name(name)
        return text[:1].upper() + text[1:]
