"""Records as files: a Darwin Core archive (https://dwc.tdwg.org/text/) for GBIF and national portals, CSV for spreadsheets."""

import csv
import io
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from itertools import islice
from typing import Any
from uuid import UUID, uuid5
from xml.etree import ElementTree

from app.accounts import audit
from app.core import formulas, zip_stream
from app.core.db import SessionFactory, reading, transaction, utcnow
from app.core.errors import Conflict
from app.organisation import details as organisation
from app.organisation.rules import LICENCE_URLS
from app.organisation.tables import Organisation
from app.records import description
from app.records.description import Description
from app.records.occurrences import BATCH, TERMS, Occurrence, Shape, occurrences, page
from app.records.rules import Precision
from app.records.selection import Selection

_DWC = "http://rs.tdwg.org/dwc/terms/"
_DUBLIN_CORE = {"license", "modified", "rightsHolder"}
_EML = "https://eml.ecoinformatics.org/eml-2.2.0"
_PACKAGES = UUID("b8a3d1a8-6c1d-5e0a-9a5d-1f7d8a2c9e41")
# What people wrote in words of their own.
_FREE_TEXT = {"locality", "verbatimIdentification", "identifiedBy", "vernacularName", "datasetName", "rightsHolder"}
# Characters that a line, or XML, can't hold.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ufffe\uffff]+")


class Form(StrEnum):
    """The kinds of file."""

    ARCHIVE = "archive"
    CSV = "csv"


SUFFIXES = {Form.ARCHIVE: ".zip", Form.CSV: ".csv"}
MEDIA_TYPES = {Form.ARCHIVE: "application/zip", Form.CSV: "text/csv; charset=utf-8"}


class NotDescribed(Conflict):
    """An archive needs publisher, title and licence of the records, and somebody has yet to enter them."""


@dataclass(frozen=True)
class Download:
    """One file: of which records, in which shape."""

    form: Form
    selection: Selection
    shape: Shape

    @property
    def filename(self) -> str:
        """As it is saved: with its period where it has one."""
        since, until = (day and day.isoformat() for day in (self.selection.since, self.selection.until))
        words = [since, until] if since and until else ["since", since] if since else ["until", until] if until else []
        return "-".join(["records", *map(str, words)]) + SUFFIXES[self.form]


def pieces(sessions: SessionFactory, download: Download) -> Iterator[bytes]:
    """The file, piece by piece. Raises NotDescribed before the first one."""
    with reading(sessions) as session:
        described, publisher = description.current(session), organisation.current(session)
    records = occurrences(sessions, download.selection, download.shape)
    if download.form is Form.CSV:
        return _csv(records)
    if described is None or not (publisher.name and publisher.contact_email):
        raise NotDescribed("the publisher, its contact address, or title and licence of the records are missing")
    entries = _entries(records, lambda: _eml(described, publisher, download, utcnow().date()))
    return zip_stream.zipped(entries, zipfile.ZIP_DEFLATED)


def take(sessions: SessionFactory, user_id: int | None, download: Download) -> Iterator[bytes]:
    """The same with an entry in the audit log, because places are people's homes. ``user_id`` None: the command line."""
    result = pieces(sessions, download)
    _note(sessions, user_id, "records.downloaded", download.selection, download.shape, file=download.filename)
    return result


def preview(
    sessions: SessionFactory, user_id: int | None, selection: Selection, shape: Shape, size: int
) -> list[Occurrence]:
    """The first records as they would be in a file. Exact places are audited here, too."""
    records = page(sessions, selection, shape, 0, size, blind=False)
    if shape.precision is Precision.EXACT and any(record.fields["decimalLatitude"] for record in records):
        _note(sessions, user_id, "records.previewed", selection, shape)
    return records


def _note(
    sessions: SessionFactory, user_id: int | None, action: str, selection: Selection, shape: Shape, **more: str
) -> None:
    details: dict[str, Any] = {
        **more,
        "since": str(selection.since or ""),
        "until": str(selection.until or ""),
        "species": selection.scientific_name,
        "standings": sorted(standing.value for standing in selection.standings),
        "places": shape.precision.value,
        "with": [name for name, included in (("typed words", shape.words), ("experts", shape.names)) if included],
    }
    with transaction(sessions) as session:
        audit.record(session, user_id, action, "records", details)


# --- text -------------------------------------------------------------------------------------------------------------


def _csv(records: Iterable[Occurrence]) -> Iterator[bytes]:
    """With a byte order mark: without one, spreadsheets don't read it as UTF-8."""
    yield "\ufeff".encode()
    stream = io.StringIO(newline="")
    yield from _lines(records, stream, csv.writer(stream, lineterminator="\r\n"), _as_text)


def _tabs(records: Iterable[Occurrence]) -> Iterator[bytes]:
    """No field holds a tab or a line end, so none needs quotes."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, delimiter="\t", lineterminator="\n", quoting=csv.QUOTE_NONE, quotechar=None)
    yield from _lines(records, stream, writer, lambda _term, text: text)


def _lines(
    records: Iterable[Occurrence], stream: io.StringIO, writer: Any, escape: Callable[[str, str], str]
) -> Iterator[bytes]:
    """A header and a line for each record, as ``writer`` writes them into ``stream``."""
    writer.writerow(TERMS)
    rest = iter(records)
    while True:
        yield stream.getvalue().encode()
        stream.seek(0)
        stream.truncate()
        batch = list(islice(rest, BATCH))
        if not batch:
            return
        writer.writerows([escape(term, _CONTROL.sub(" ", record.fields[term])) for term in TERMS] for record in batch)


def _as_text(term: str, text: str) -> str:
    """Text that a spreadsheet shows instead of evaluating it."""
    return formulas.as_text(text) if term in _FREE_TEXT else text


# --- archive ----------------------------------------------------------------------------------------------------------


def _entries(records: Iterable[Occurrence], eml: Callable[[], bytes]) -> Iterator[zip_stream.Entry]:
    """Records without a species are left out: they are no occurrences."""
    yield "meta.xml", lambda: [_meta()]
    yield "eml.xml", lambda: [eml()]
    yield "occurrence.txt", lambda: _tabs(record for record in records if record.fields["scientificName"])


def _meta() -> bytes:
    """Which column is which term."""
    archive = ElementTree.Element("archive", {"xmlns": "http://rs.tdwg.org/dwc/text/", "metadata": "eml.xml"})
    core = ElementTree.SubElement(
        archive,
        "core",
        {
            "encoding": "UTF-8",
            "fieldsTerminatedBy": r"\t",
            "linesTerminatedBy": r"\n",
            "fieldsEnclosedBy": "",
            "ignoreHeaderLines": "1",
            "rowType": f"{_DWC}Occurrence",
        },
    )
    ElementTree.SubElement(ElementTree.SubElement(core, "files"), "location").text = "occurrence.txt"
    ElementTree.SubElement(core, "id", {"index": str(TERMS.index("occurrenceID"))})
    for index, term in enumerate(TERMS):
        home = "http://purl.org/dc/terms/" if term in _DUBLIN_CORE else _DWC
        ElementTree.SubElement(core, "field", {"index": str(index), "term": f"{home}{term}"})
    return _xml(archive)


def _eml(described: Description, publisher: Organisation, download: Download, today: date) -> bytes:
    """What the data set is, in the part of EML 2.2 that GBIF asks for."""
    package = str(uuid5(_PACKAGES, publisher.name))
    ElementTree.register_namespace("eml", _EML)
    root = ElementTree.Element(
        f"{{{_EML}}}eml", {"packageId": f"{package}/{today:%Y%m%d}", "system": "http://gbif.org", "scope": "system"}
    )
    dataset = ElementTree.SubElement(root, "dataset")

    def add(parent: ElementTree.Element, name: str, text: str = "") -> ElementTree.Element:
        element = ElementTree.SubElement(parent, name)
        element.text = _CONTROL.sub(" ", text) or None
        return element

    def party(name: str) -> None:
        element = add(dataset, name)
        add(element, "organizationName", publisher.name)
        add(element, "electronicMailAddress", publisher.contact_email)

    add(dataset, "title", described.title)
    party("creator")
    party("metadataProvider")
    add(dataset, "pubDate", today.isoformat())
    add(dataset, "language", download.shape.language)
    abstract = add(dataset, "abstract")
    for paragraph in [part for part in described.abstract.splitlines() if part.strip()] or [described.title]:
        add(abstract, "para", paragraph.strip())
    rights = add(add(dataset, "intellectualRights"), "para")
    rights.text = "This work is licensed under "
    link = ElementTree.SubElement(rights, "ulink", {"url": LICENCE_URLS[described.licence]})
    add(link, "citetitle", described.licence.value)
    if download.selection.since and download.selection.until:
        range_of_dates = add(add(add(dataset, "coverage"), "temporalCoverage"), "rangeOfDates")
        add(add(range_of_dates, "beginDate"), "calendarDate", download.selection.since.isoformat())
        add(add(range_of_dates, "endDate"), "calendarDate", download.selection.until.isoformat())
    party("contact")
    return _xml(root)


def _xml(root: ElementTree.Element) -> bytes:
    ElementTree.indent(root)
    text: bytes = ElementTree.tostring(root, encoding="UTF-8", xml_declaration=True)
    return text + b"\n"
