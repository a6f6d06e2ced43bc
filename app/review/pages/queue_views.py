"""The queue as a page shows it: lines, tabs, counts per filter, saved filters; everything that narrows it is a link."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl, urlencode

from app.review import wording
from app.review.filters import NO_TAXON, Filter, ListState
from app.review.queue import Counts, QueueItem, QueuePage
from app.review.rules import PhotoQuality, ReviewReason, TaskState
from app.review.tables import SavedFilter
from app.review.words import Words, capped


@dataclass(frozen=True)
class LinkView:
    label: str
    url: str
    count: str = ""
    active: bool = False


@dataclass(frozen=True)
class GroupView:
    name: str
    label: str
    choices: list[LinkView]


@dataclass(frozen=True)
class SavedView:
    id: int
    name: str
    url: str
    active: bool


@dataclass(frozen=True)
class OptionView:
    value: str
    label: str


@dataclass(frozen=True)
class RowView:
    url: str
    thumb_url: str | None
    title: str
    why: str
    where: str
    since: str
    lease: str
    standing: str


@dataclass(frozen=True)
class QueueView:
    summary: str
    query: str
    filtered: bool
    can_start: bool
    start_url: str
    clear_url: str
    tabs: list[LinkView]
    groups: list[GroupView]
    saved: list[SavedView]
    values: dict[str, str]
    kept: list[tuple[str, str]]
    taxa: list[OptionView]
    reviewers: list[OptionView]
    items: list[RowView]
    next_url: str | None
    previous_url: str | None
    empty_title: str
    empty_text: str
    empty_ways: list[LinkView]


def address(path: str, query: str, **more: str) -> str:
    """A path with a query and perhaps more parts."""
    parts = [part for part in (query, urlencode(more)) if part]
    return f"{path}?{'&'.join(parts)}" if parts else path


class QueueViews:
    """Builds the page. ``people``: names of reviewers by id; ``user_id``: who looks."""

    def __init__(self, words: Words, people: dict[int, str], user_id: int) -> None:
        self._words = words
        self.t = words.t
        self._people = people
        self._user_id = user_id

    def page(
        self, wanted: Filter, found: QueuePage, counts: Counts, total: int, saved: Sequence[SavedFilter]
    ) -> QueueView:
        """Everything that the template asks for."""
        query = wanted.to_query()
        values = {name: str(getattr(wanted, name) or "") for name in ("claimed", "predicted", "place", "text")}
        values |= {"from_": str(wanted.from_date or ""), "to": str(wanted.to_date or "")}
        values["reviewer"] = str(wanted.reviewer or "")
        in_form = {"state", "reason", "quality"}
        kept = [(n, str(getattr(wanted, n))) for n in sorted(in_form) if getattr(wanted, n) != getattr(Filter(), n)]
        return QueueView(
            summary=self._summary(wanted, total),
            query=query,
            filtered=bool(wanted.narrowed_by),
            can_start=wanted.state in {ListState.OPEN, ListState.MINE},
            start_url=address("/review/next", query),
            clear_url=address("/review", Filter(state=wanted.state).to_query()),
            tabs=[self._tab(state, wanted, counts) for state in ListState],
            groups=self._groups(wanted, counts),
            saved=[SavedView(s.id, s.name, address("/review", s.query), s.query == query) for s in saved],
            values=values,
            kept=kept,
            taxa=self.taxa(with_none=True),
            reviewers=[OptionView(str(number), name) for number, name in self._people.items()],
            items=[self.row(item, query) for item in found.items],
            next_url=address("/review", query, after=found.next) if found.next else None,
            previous_url=address("/review", query, after=found.previous) if found.previous else None,
            **self._empty(wanted),
        )

    def taxa(self, *, with_none: bool = False) -> list[OptionView]:
        """Every taxon to choose from."""
        found = [OptionView(name, self._words.name(name)) for name in self._words.known]
        found.sort(key=lambda option: option.label)
        return [*found, OptionView(NO_TAXON, self.t("no species"))] if with_none else found

    def describe(self, wanted: Filter) -> str:
        """The filter in words; empty where nothing is narrowed."""
        return ", ".join(
            text
            for text in (
                self.t(wording.LISTS[wanted.state]) if wanted.state is not ListState.OPEN else "",
                self.t(wording.WHY[wanted.reason]) if wanted.reason else "",
                self.t("claimed: %(name)s", name=self._taxon(wanted.claimed)) if wanted.claimed else "",
                self.t("computer: %(name)s", name=self._taxon(wanted.predicted)) if wanted.predicted else "",
                self.t("from %(day)s", day=self._words.language.date(wanted.from_date)) if wanted.from_date else "",
                self.t("until %(day)s", day=self._words.language.date(wanted.to_date)) if wanted.to_date else "",
                wanted.place,
                self._people.get(wanted.reviewer or 0, ""),
                self.t("photo: %(quality)s", quality=self.t(wording.QUALITIES[wanted.quality]))
                if wanted.quality
                else "",
                f"“{wanted.text}”" if wanted.text else "",
            )
            if text
        )

    def _taxon(self, name: str) -> str:
        return self.t("no species") if name == NO_TAXON else self._words.name(name)

    def _summary(self, wanted: Filter, total: int) -> str:
        n = total
        many = capped(total)
        sentences = {
            ListState.OPEN: self._words.language.ngettext(
                "One is waiting for an expert.", "%(num)s are waiting for an expert.", n, num=many
            ),
            ListState.MINE: self._words.language.ngettext("One is with you.", "%(num)s are with you.", n, num=many),
            ListState.QUESTIONED: self._words.language.ngettext(
                "One is waiting for the volunteer.", "%(num)s are waiting for volunteers.", n, num=many
            ),
            ListState.DECIDED: self._words.language.ngettext(
                "One has been decided.", "%(num)s have been decided.", n, num=many
            ),
        }
        told = self.describe(replace(wanted, state=ListState.OPEN))
        return f"{sentences[wanted.state]} {told}".strip()

    def _tab(self, state: ListState, wanted: Filter, counts: Counts) -> LinkView:
        url = address("/review", Filter(state=state).to_query())
        number = capped(counts.state.get(state.value, 0))
        return LinkView(self.t(wording.LISTS[state]), url, number, state is wanted.state)

    def _groups(self, wanted: Filter, counts: Counts) -> list[GroupView]:
        reasons = {r.value: self.t(wording.WHY[r]) for r in ReviewReason}
        qualities = {q.value: self.t(wording.QUALITIES[q]) for q in PhotoQuality}
        species = {name: self._taxon(name) for name in (*counts.claimed, *counts.predicted)}
        people = {str(number): name for number, name in self._people.items()}
        told = (
            ("reason", self.t("Reason"), reasons, counts.reason),
            ("claimed", self.t("Claimed as"), species, counts.claimed),
            ("predicted", self.t("The computer sees"), species, counts.predicted),
            ("quality", self.t("Photo"), qualities, counts.quality),
            ("reviewer", self.t("Last identified by"), people, counts.reviewer),
        )
        return [self._group(wanted, *parts) for parts in told]

    def _group(
        self, wanted: Filter, name: str, label: str, labels: dict[str, str], counts: dict[str, int]
    ) -> GroupView:
        now = getattr(wanted, name)
        chosen = str(now) if now else ""
        choices = []
        for value, text in labels.items():
            number = counts.get(value, 0)
            if not number and value != chosen:
                continue
            other = wanted.without(name) if value == chosen else _with(wanted, name, value)
            choices.append(LinkView(text, address("/review", other.to_query()), capped(number), value == chosen))
        return GroupView(name, label, choices)

    def row(self, item: QueueItem, query: str) -> RowView:
        """One line."""
        claimed = item.claimed.scientific_name if item.claimed else None
        predicted = item.predicted.scientific_name if item.predicted else None
        title = self.t("Blind review") if item.blind else self._words.pair(claimed, predicted)
        places = [self._words.language.date(item.event_date) if item.event_date else "", item.place]
        lease = ""
        if item.leased_by == self._user_id:
            lease = self.t("with you")
        elif item.leased_by_name:
            lease = self.t("%(name)s has it open", name=item.leased_by_name)
        why = self.t(wording.WHY[item.reason]) if item.reason and item.state is TaskState.OPEN else ""
        if item.answers and item.state is TaskState.OPEN:
            why += ". " + self._words.language.ngettext(
                "One expert has answered", "%(num)s experts have answered", item.answers
            )
        return RowView(
            url=address(f"/review/{item.submission_id}", query),
            thumb_url=f"/photos/{item.thumb_token}/{'thumb' if item.blind else 'cut'}.jpg"
            if item.thumb_token
            else None,
            title=title,
            why=why,
            where=", ".join(place for place in places if place),
            since=self.t("since %(day)s", day=self._words.language.date(item.waiting_since)),
            lease=lease,
            standing=self._standing(item),
        )

    def _standing(self, item: QueueItem) -> str:
        if item.state is TaskState.DECIDED and item.outcome_kind:
            taxon = item.outcome_taxon.scientific_name if item.outcome_taxon else None
            said = self._words.said(item.outcome_kind, taxon, item.outcome_code)
            return f"{said} ({item.last_user_name})" if item.last_user_name else said
        return self.t("asked") if item.state is TaskState.ASKED else ""

    def _empty(self, wanted: Filter) -> dict[str, Any]:
        everything = LinkView(self.t("Show all waiting"), "/review")
        decided = LinkView(self.t("Show decided submissions"), "/review?state=decided")
        start = LinkView(self.t("Start reviewing"), "/review/next")
        if wanted.narrowed_by:
            title, text, ways = (
                self.t("No submissions found"),
                self.t("No submissions match this filter."),
                [everything],
            )
        elif wanted.state is ListState.OPEN:
            title, text, ways = (
                self.t("Nothing is waiting"),
                self.t("All flagged submissions have been decided. New ones appear here as they come in."),
                [decided],
            )
        elif wanted.state is ListState.MINE:
            title, text, ways = (
                self.t("Nothing with you"),
                self.t("Submissions you have open and answers to your questions appear here."),
                [start, everything],
            )
        elif wanted.state is ListState.QUESTIONED:
            title, text, ways = (
                self.t("No open questions"),
                self.t("Your questions to volunteers wait here for their answer."),
                [everything],
            )
        else:
            title, text, ways = (
                self.t("Nothing decided yet"),
                self.t("Decisions appear here, latest first."),
                [start],
            )
        return {"empty_title": title, "empty_text": text, "empty_ways": ways}


def _with(wanted: Filter, name: str, value: str) -> Filter:
    return Filter.parse(_parts(wanted) | {name: value})


def _parts(wanted: Filter) -> dict[str, str]:
    return dict(parse_qsl(wanted.to_query()))
