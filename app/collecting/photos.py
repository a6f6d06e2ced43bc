"""The photos of a collection as rows: entering what was fetched, and what the model in service makes of each."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.collecting.collections import get
from app.collecting.folder import CollectionFolder
from app.collecting.rules import doubt
from app.collecting.tables import CollectedPhoto
from app.core.db import SessionFactory, reading, transaction
from app.predictions.classifiers import Classifiers, Served
from app.predictions.inference import Answer, PhotoError

_AT_ONCE = 8


def enter(sessions: SessionFactory, collection_id: int, listed: Iterable[Mapping[str, Any]]) -> None:
    """Have a row for each photo that was kept, and none for others. Idempotent."""
    kept, left_out = {}, Counter[str]()
    for line in listed:
        if line["status"] == "kept":
            kept[line["id"]] = line
        else:
            left_out[line["reason"] or line["status"]] += 1
    with transaction(sessions) as session:
        collection = get(session, collection_id)
        rows = session.scalars(select(CollectedPhoto).where(CollectedPhoto.collection_id == collection_id))
        known = {row.flickr_id: row for row in rows}
        for number in known.keys() - kept.keys():
            session.delete(known[number])
        session.add_all(_row(collection_id, line) for number, line in kept.items() if number not in known)
        collection.kept, collection.left_out = len(kept), dict(left_out)
        collection.keyword = collection.pause = ""
        collection.touch()


def _row(collection_id: int, line: Mapping[str, Any]) -> CollectedPhoto:
    return CollectedPhoto(
        collection_id=collection_id,
        flickr_id=line["id"],
        taxon=line["taxon"],
        owner_nsid=line["owner_nsid"],
        owner_name=line["owner_name"],
        title=line["title"],
        licence_name=line["licence_name"],
        licence_url=line["licence_url"],
        page_url=line["page_url"],
        taken=line["date_taken"] or "",
        file_name=line["file_name"],
        width=line["width"],
        height=line["height"],
        sha256=line["sha256"],
    )


def check(
    sessions: SessionFactory,
    classifiers: Classifiers,
    collection_id: int,
    folder: CollectionFolder,
    may_continue: Callable[[], None],
) -> None:
    """Have the version in service check every photo that none has checked yet. ``may_continue`` raises to stop it.

    Raises ModelUnavailable, Overloaded, or OSError where a file is gone.
    """
    unchecked = select(CollectedPhoto).where(
        CollectedPhoto.collection_id == collection_id, CollectedPhoto.model_version_id.is_(None)
    )
    while True:
        may_continue()
        with reading(sessions) as session:
            batch = list(session.scalars(unchecked.order_by(CollectedPhoto.id).limit(_AT_ONCE)))
        if not batch:
            return
        served = classifiers.current()
        sources = [(partial(_read, folder, photo.file_name), None) for photo in batch]
        answers = classifiers.answer(served, sources)
        with transaction(sessions) as session:
            for photo, answer in zip(batch, answers, strict=True):
                row = session.get(CollectedPhoto, photo.id)
                if row is not None:
                    _note(row, served, answer)
            session.flush()
            collection = get(session, collection_id)
            collection.looked = count_checked(session, collection_id)
            collection.touch()


def _read(folder: CollectionFolder, name: str) -> bytes:
    return folder.file(name).read_bytes()


def count_checked(session: Session, collection_id: int) -> int:
    """How many photos a model has checked."""
    query = select(func.count(CollectedPhoto.model_version_id)).where(CollectedPhoto.collection_id == collection_id)
    return session.scalar(query) or 0


def _note(row: CollectedPhoto, served: Served, answer: Answer | PhotoError) -> None:
    row.model_version_id = served.id
    if isinstance(answer, PhotoError):
        row.doubt = 1.0
        return
    probabilities = answer.opinion.probabilities
    row.probability = probabilities.get(row.taxon)
    row.top_taxon = max(probabilities, key=lambda name: probabilities[name])
    row.top_probability = probabilities[row.top_taxon]
    row.in_scope = answer.opinion.in_scope
    row.doubt = doubt(row.probability, row.in_scope)
