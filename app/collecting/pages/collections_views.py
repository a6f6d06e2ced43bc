"""Collections as the admin's pages show them: how one stands, and its photos."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.collecting.collections import state
from app.collecting.pages.collection_words import DECISIONS, PHASES, REASONS
from app.collecting.rules import PhotoDecision
from app.collecting.tables import CollectedPhoto, Collection, PhotographerRemoval
from app.core.long_work import RunState, state_of
from app.core.web.words import STATES, job_message
from app.review.words import Words


@dataclass(frozen=True)
class CollectionView:
    """A collection now. ``revision`` is another one whenever its page would be."""

    id: int
    title: str
    state: str
    state_text: str
    over: bool
    stoppable: bool
    retriable: bool
    phase: str
    ahead: str
    revision: str
    share: int
    progress: str
    facts: list[str]
    error: str
    log: str
    left_out: list[list[str]]
    has_photos: bool
    who: str
    created_at: datetime
    used_photos: int
    used: str


@dataclass(frozen=True)
class TileView:
    """A photo of the grid."""

    id: int
    revision: int
    decision: str
    said: str
    picture: str
    width: int
    height: int
    alt: str
    taxon: str
    shows: str
    wanted: str
    model: str
    title: str
    owner: str
    owner_url: str
    licence: str
    licence_url: str
    page_url: str
    taken: str


@dataclass(frozen=True)
class RemovalView:
    """How the removal of a photographer's photos stands."""

    state: str
    state_text: str
    over: bool
    revision: str
    error: str


class CollectionViews:
    """Builds them in one language. ``lost_after``: without a heartbeat for so long a collection has lost its worker."""

    def __init__(self, words: Words, lost_after: timedelta) -> None:
        self.words = words
        self.t = words.t
        self._lost_after = lost_after

    def view(self, row: Collection, ahead: int = 0) -> CollectionView:
        """The collection; ``ahead``: so many others wait or run before it."""
        found = state(row, self._lost_after)
        wanted = row.wanted * len(row.taxa)
        return CollectionView(
            id=row.id,
            title=self.names(row.taxa),
            state=found.value,
            state_text=self.t(STATES[found]),
            over=found.over,
            stoppable=not found.over and found is not RunState.STOPPING,
            retriable=found in {RunState.FAILED, RunState.CANCELLED},
            phase=self.t(PHASES[row.phase]),
            ahead=self._ahead(ahead) if found is RunState.WAITING else "",
            revision=f"{row.revision}-{found}-{ahead}",
            share=self._share(row, wanted),
            progress=self._progress(row, wanted),
            facts=self._facts(row, found),
            error=job_message(self.words.language, row.job) if found in {RunState.FAILED, RunState.WAITING} else "",
            log=row.log,
            left_out=[
                [self.t(REASONS[reason]) if reason in REASONS else reason, str(number)]
                for reason, number in sorted(row.left_out.items(), key=lambda each: -each[1])
            ],
            has_photos=row.kept > 0 and row.phase in {"looking", "done"},
            who=row.user.name if row.user else self.t("somebody"),
            created_at=row.created_at,
            used_photos=row.used_photos if row.data_set else 0,
            used=self._used(row),
        )

    def removal(self, row: PhotographerRemoval) -> RemovalView:
        """The removal as its job tells."""
        found = state_of(row.job, self._lost_after)
        error = self.t("The photos could not be removed: %(why)s", why=job_message(self.words.language, row.job))
        return RemovalView(
            state=found.value,
            state_text=self.t(STATES[found]),
            over=found.over,
            revision=found.value,
            error=error if found is RunState.FAILED else "",
        )

    def names(self, taxa: Sequence[str]) -> str:
        """Species as people call them, in one line."""
        found = ", ".join(self.words.name(name) for name in taxa)
        return found[:1].upper() + found[1:]

    def _ahead(self, ahead: int) -> str:
        if not ahead:
            return self.t("Next in line. Each machine fetches one collection at a time.")
        return self.words.language.ngettext(
            "One collection is ahead of it.", "%(num)s collections are ahead of it.", ahead
        )

    def _share(self, row: Collection, wanted: int) -> int:
        if row.phase in {"looking", "done"}:
            return round(100 * row.looked / row.kept) if row.kept else 100
        return round(100 * min(row.kept / wanted, 1.0))

    def _progress(self, row: Collection, wanted: int) -> str:
        ngettext = self.words.language.ngettext
        if row.phase == "looking":
            return self.t("%(looked)s of %(kept)s photos checked", looked=row.looked, kept=row.kept)
        if row.phase == "done":
            return ngettext("One photo fetched", "%(num)s photos fetched", row.kept)
        return self.t("%(kept)s of up to %(wanted)s photos", kept=row.kept, wanted=wanted)

    def _facts(self, row: Collection, found: RunState) -> list[str]:
        facts = []
        if row.found:
            facts.append(self.t("Flickr finds %(number)s for these keywords", number=row.found))
        if not found.over and row.keyword:
            facts.append(self.t("searching “%(keyword)s”", keyword=row.keyword))
        if not found.over and row.machine:
            facts.append(self.t("on %(machine)s", machine=row.machine))
        return facts + ([row.pause] if row.pause and not found.over else [])

    def _used(self, row: Collection) -> str:
        if not row.data_set or row.used_at is None:
            return ""
        ngettext = self.words.language.ngettext
        return ngettext(
            "One photo is used for training, as decided on %(when)s by %(who)s.",
            "%(num)s photos are used for training, as decided on %(when)s by %(who)s.",
            row.used_photos,
            when=self.words.moment(row.used_at),
            who=row.used_by.name if row.used_by else self.t("somebody"),
        )

    # --- photos -------------------------------------------------------------------------------------------------------

    def tile(self, row: CollectedPhoto) -> TileView:
        """A photo with what the model made of it, who owns it, and what was said of it."""
        return TileView(
            id=row.id,
            revision=row.revision,
            decision=row.decision.value,
            said=self.said(row),
            picture=f"/admin/collections/{row.collection_id}/files/{row.id}",
            width=row.width,
            height=row.height,
            alt=self.t("Photo by %(owner)s: %(title)s", owner=row.owner_name, title=row.title or self.t("untitled")),
            taxon=row.taxon,
            shows=row.shown_taxon.scientific_name if row.shown_taxon else "",
            wanted=self.names([row.taxon]),
            model=self._model(row),
            title=row.title or self.t("untitled"),
            owner=row.owner_name or row.owner_nsid,
            owner_url=f"https://www.flickr.com/people/{row.owner_nsid}/",
            licence=row.licence_name,
            licence_url=row.licence_url,
            page_url=row.page_url,
            taken=row.taken[:10],
        )

    def said(self, row: CollectedPhoto) -> str:
        """What was decided, and by whom."""
        text = self.names([row.shows]) if row.shown_taxon else self.t(DECISIONS[row.decision])
        if row.decision is PhotoDecision.UNDECIDED or row.decided_by is None:
            return text
        return self.t("%(decision)s (%(who)s)", decision=text, who=row.decided_by.name)

    def _model(self, row: CollectedPhoto) -> str:
        if row.model_version_id is None:
            return self.t("Not checked by the model yet")
        if not row.top_taxon:
            return self.t("The model can't open it")
        scope = _percent(row.in_scope)
        if row.in_scope < 0.5:
            return self.t("Model: probably none of its species (%(scope)s in scope)", scope=scope)
        shown = {"name": self.words.name(row.top_taxon), "share": _percent(row.top_probability)}
        return self.t("Model: %(name)s %(share)s (%(scope)s in scope)", **shown, scope=scope)


def _percent(share: float) -> str:
    """Never says 0 or 100: no photo is that certain."""
    if share > 0.99:
        return "> 99%"
    return "< 1%" if share < 0.01 else f"{100 * share:.0f}%"
