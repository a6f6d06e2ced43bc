"""The queue: what waits, narrowed by filters that stand in the address, and by those that a reviewer saved by name."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Annotated, Any

from fastapi import APIRouter, Form, Response

from app.core.db import reading
from app.review import queue
from app.review.filters import Filter, ListState, SavedFilters
from app.review.pages.shared import DeskForm, QueueFilter, ReviewerContext, to
from app.review.queue import Counts
from app.review.rules import PhotoQuality, ReviewReason
from app.review.words import Words

router = APIRouter(include_in_schema=False)


@router.get("/review")
def show(context: ReviewerContext, queue_filter: QueueFilter, after: str | None = None) -> Response:
    """A page of the queue, with counts for every filter."""
    user_id, words = context.user_id, context.words
    with reading(context.sessions) as session:
        names = queue.user_names(session)
        counts = queue.counts(session, queue_filter, user_id)
        return context.page(
            "review/queue.html",
            queue_filter=queue_filter,
            query=queue_filter.to_query(),
            total=queue.count(session, queue_filter, user_id),
            queue=queue.page(session, queue_filter, user_id, after or None),
            tabs=[_tab(state, queue_filter, counts, words) for state in ListState],
            facets=dict(_facets(queue_filter, counts, words, names)),
            saved=SavedFilters(context.sessions).of(session, user_id),
            people=names,
        )


@dataclass(frozen=True)
class _Choice:
    """A link that narrows the queue, or where it is ``active`` undoes that; ``count``: how many it leaves."""

    label: str
    query: str
    count: str
    active: bool


def _tab(state: ListState, queue_filter: Filter, counts: Counts, words: Words) -> _Choice:
    count = words.capped(counts.state.get(state.value, 0))
    return _Choice(words.of(state), Filter(state=state).to_query(), count, state is queue_filter.state)


def _facets(
    queue_filter: Filter, counts: Counts, words: Words, people: dict[int, str]
) -> Iterator[tuple[str, list[_Choice]]]:
    """Choices by the part of the filter that they set; those that would leave nothing are left out."""
    species = [(name, words.species_filter(name)) for name in (*counts.claimed, *counts.predicted)]
    values: dict[str, list[tuple[Any, str]]] = {
        "reason": [(reason, words.of(reason)) for reason in ReviewReason],
        "claimed": species,
        "predicted": species,
        "quality": [(quality, words.of(quality)) for quality in PhotoQuality],
        "reviewer": list(people.items()),
    }
    for part, labels in values.items():
        chosen = getattr(queue_filter, part)
        choices = []
        for value, label in dict(labels).items():
            count, active = getattr(counts, part).get(str(value), 0), value == chosen
            if count or active:
                other = queue_filter.without(part) if active else replace(queue_filter, **{part: value})
                choices.append(_Choice(label, other.to_query(), words.capped(count), active))
        yield part, choices


class _SavedFilterForm(DeskForm):
    name: str = ""
    action: str = "rename"


@router.post("/review/filters")
def save(context: ReviewerContext, form: Annotated[_SavedFilterForm, Form()]) -> Response:
    """Save the filter of the page under a name."""
    SavedFilters(context.sessions).save(context.user_id, form.name, form.filter)
    return to("/review", form.filter.to_query())


@router.post("/review/filters/{filter_id}")
def change(context: ReviewerContext, filter_id: int, form: Annotated[_SavedFilterForm, Form()]) -> Response:
    """Rename a saved filter, or delete it."""
    saved = SavedFilters(context.sessions)
    if form.action == "delete":
        saved.delete(context.user_id, filter_id)
    else:
        saved.rename(context.user_id, filter_id, form.name)
    return to("/review", form.filter.to_query())
