"""What became of a batch, in words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.review.batches import BatchItem, BatchRecord
from app.review.filters import NO_TAXON
from app.review.pages.grid_views import GridViews, TileView, grid_url
from app.review.queue import QueueItem
from app.review.words import Words


@dataclass(frozen=True)
class RefusedView:
    url: str
    title: str
    why: str


@dataclass(frozen=True)
class BatchView:
    id: int
    title: str
    lede: str
    more_url: str
    more_text: str
    can_undo: bool
    items: list[TileView]
    refused: list[RefusedView]
    refused_title: str


class BatchViews:
    """Builds the page that follows a batch."""

    def __init__(self, words: Words) -> None:
        self._words = words
        self.t = words.t

    def batch(self, record: BatchRecord, refused: list[RefusedView]) -> BatchView:
        """A batch of which something was kept."""
        names = [one.scientific_name if one else NO_TAXON for one in (record.claimed, record.predicted)]
        answer = record.answer
        taxon = answer.taxon.scientific_name if answer.taxon else None
        said = self._words.said(answer.kind, taxon, answer.verification_status)
        many = len(record.items)
        undone = record.batch.undone_at is not None
        language = self._words.language
        if undone:
            title = self.t("Batch undone")
            lede = language.ngettext(
                "%(num)s photo is back in the queue.", "%(num)s photos are back in the queue.", many
            )
        else:
            title = language.ngettext("%(num)s photo decided at once", "%(num)s photos decided at once", many)
            lede = said + "."
        pair = self._words.pair(*(None if name == NO_TAXON else name for name in names))
        return BatchView(
            id=record.batch.id,
            title=title,
            lede=lede,
            more_url=grid_url(*names),
            more_text=self.t("More of “%(pair)s”", pair=pair),
            can_undo=not undone,
            items=[GridViews(self._words).tile(item, pair) for item in record.items],
            refused=refused,
            refused_title=self.t("These could not be undone")
            if undone
            else self.t("Not decided, because they have changed"),
        )

    def nothing_kept(self, more_url: str, refused: list[RefusedView]) -> BatchView:
        """A batch of which every photo had changed."""
        return BatchView(
            id=0,
            title=self.t("Nothing was decided"),
            lede=self.t("All these photos have changed in the meantime."),
            more_url=more_url,
            more_text=self.t("Look again"),
            can_undo=False,
            items=[],
            refused=refused,
            refused_title=self.t("Not decided, because they have changed"),
        )


def refused_tiles(words: Words, rows: Sequence[QueueItem], refused: Mapping[int, BatchItem]) -> list[RefusedView]:
    """Items of a batch that were left as they are, with the reason."""
    told = []
    for row in rows:
        pair = words.pair(
            row.claimed.scientific_name if row.claimed else None,
            row.predicted.scientific_name if row.predicted else None,
        )
        why = words.happened(refused[row.submission_id].happened)
        told.append(RefusedView(f"/review/{row.submission_id}", f"{pair} ({row.submission_id})", why))
    return told
