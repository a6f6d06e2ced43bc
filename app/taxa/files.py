"""Reading taxon lists: a plain CSV, a GBIF species list, or a checklist as a Darwin Core archive."""

import csv
import io
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from app.core.errors import FieldError, InvalidInput
from app.taxa.rules import RANKS

MOST_TAXA = 20_000
MOST_BYTES = 20_000_000
# Synonyms, other ranks and empty lines included. It takes seconds to read so many.
MOST_LINES = 200_000
_MOST_COLUMNS = 1_000
_LONGEST_NAME = 200
# The columns of each value, in order of preference. GBIF's scientificName carries the author.
_NAME = ("scientific_name", "canonicalname", "species", "acceptedscientificname", "scientificname")
_RANK = ("taxon_rank", "taxonrank", "rank")
_KEY = ("gbif_key", "specieskey", "acceptedtaxonkey", "taxonkey", "usagekey", "nubkey", "taxonid")
_SYNONYMS = {"synonym", "heterotypic_synonym", "homotypic_synonym", "proparte_synonym", "misapplied", "doubtful"}
_NO = {"no", "nee", "false", "0", "inactive", "n"}
# Three-letter codes, as checklists have them, to the two-letter ones of the pages.
_LANGUAGES = {"eng": "en", "nld": "nl", "dut": "nl", "deu": "de", "ger": "de", "fra": "fr", "fre": "fr"}
_BINOMIAL = re.compile(r"[A-Z×][\w.-]+(?: ×?[a-z][\w-]+){0,2}", re.UNICODE)


@dataclass(frozen=True)
class ListedTaxon:
    """A taxon as a file lists it. None and empty: the file does not say."""

    scientific_name: str
    taxon_rank: str = "species"
    gbif_key: int | None = None
    vernacular_names: Mapping[str, str] = field(default_factory=dict)
    marks: Mapping[str, list[str]] = field(default_factory=dict)
    active: bool | None = None


@dataclass(frozen=True)
class TaxonFile:
    """What a file lists, and how many lines were skipped: synonyms, other ranks, lines without a name, duplicates."""

    taxa: list[ListedTaxon]
    passed_over: int


def read_list(data: bytes) -> TaxonFile:
    """The taxa of a file: text with commas, semicolons or tabs, or a Darwin Core archive (zip). Raises InvalidInput."""
    if not data:
        raise _invalid("list_missing")
    names: dict[str, dict[str, str]] = {}
    if data[:4] == b"PK\x03\x04":
        data, names = _from_archive(data)
    if len(data) > MOST_BYTES:
        raise _invalid("list_too_large", MOST_BYTES // 1_000_000)
    taxa: dict[str, ListedTaxon] = {}
    lines = 0
    for row in _rows(data):
        lines += 1
        taxon = _taxon(row, names)
        if taxon is not None and taxon.scientific_name not in taxa:
            taxa[taxon.scientific_name] = taxon
            if len(taxa) > MOST_TAXA:
                raise _invalid("list_too_long", MOST_TAXA)
    if not taxa:
        raise _invalid("list_without_taxa")
    return TaxonFile(list(taxa.values()), lines - len(taxa))


def _invalid(code: str, most: int | None = None) -> InvalidInput:
    return InvalidInput([FieldError("file", code, (("max", most),) if most is not None else ())])


def _from_archive(data: bytes) -> tuple[bytes, dict[str, dict[str, str]]]:
    """The taxon table of an archive, and its vernacular names by taxonID and language."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = {PurePosixPath(info.filename).stem.lower(): info for info in archive.infolist()}
            if "taxon" not in members:
                raise _invalid("list_without_taxa")
            tables = [members[name] for name in ("taxon", "vernacularname") if name in members]
            if sum(info.file_size for info in tables) > MOST_BYTES:
                raise _invalid("list_too_large", MOST_BYTES // 1_000_000)
            taxa = archive.read(members["taxon"])
            vernacular = archive.read(members["vernacularname"]) if "vernacularname" in members else b""
    except InvalidInput:
        raise
    except Exception as error:  # zipfile and its decompressors raise almost anything on damaged bytes
        raise _invalid("list_unreadable") from error
    names: dict[str, dict[str, str]] = {}
    for row in _rows(vernacular) if vernacular else ():
        language, name = _language(row.get("language", "")), row.get("vernacularname", "")
        if language and name and row.get("taxonid"):
            names.setdefault(row["taxonid"], {}).setdefault(language, name[:_LONGEST_NAME])
    return taxa, names


def _rows(data: bytes) -> Iterator[dict[str, str]]:
    """Each line as a dict by lower-case column name, its values stripped."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252", errors="replace")  # what spreadsheets write
    if "\x00" in text:
        raise _invalid("list_unreadable")
    head = text.split("\n", 1)[0]
    delimiter = max("\t;,", key=head.count)
    file = io.StringIO(text, newline="")
    try:
        # Checklists are separated by tabs and have no quoting.
        if delimiter == "\t":
            reader = csv.reader(file, delimiter=delimiter, quoting=csv.QUOTE_NONE)
        else:
            reader = csv.reader(file, delimiter=delimiter)
        columns = [column.strip().strip('"').lower() for column in next(reader, [])]
        if len(columns) > _MOST_COLUMNS:
            raise _invalid("list_unreadable")
        for number, values in enumerate(reader):
            if number >= MOST_LINES:
                raise _invalid("list_too_long", MOST_TAXA)
            yield dict(zip(columns, (value.strip() for value in values), strict=False))
    except csv.Error as error:
        raise _invalid("list_unreadable") from error


def _first(row: Mapping[str, str], columns: Iterable[str]) -> str:
    return next((row[column] for column in columns if row.get(column)), "")


def _taxon(row: Mapping[str, str], names: Mapping[str, Mapping[str, str]]) -> ListedTaxon | None:
    """The taxon of a line; None for a synonym, a rank that nobody identifies to, or a line without a name."""
    if row.get("taxonomicstatus", "").lower() in _SYNONYMS:
        return None
    name = _BINOMIAL.match(_first(row, _NAME))
    rank = _first(row, _RANK).lower() or "species"
    if name is None or len(name[0]) > _LONGEST_NAME or rank not in RANKS:
        return None
    key = _first(row, _KEY)
    vernacular = dict(names.get(row.get("taxonid", ""), {}))
    if row.get("vernacularname"):
        vernacular[_language(row.get("language", "")) or "en"] = row["vernacularname"]
    marks: dict[str, list[str]] = {}
    for column, value in row.items():
        kind, _, language = column.rpartition("_")
        if value and kind in {"name", "vernacular_name"} and _language(language):
            vernacular[_language(language)] = value
        elif value and kind == "marks" and _language(language):
            marks[_language(language)] = [mark.strip() for mark in value.split("|") if mark.strip()]
    return ListedTaxon(
        scientific_name=name[0],
        taxon_rank=rank,
        gbif_key=int(key) if key.isascii() and key.isdigit() and len(key) < 18 else None,
        vernacular_names={language: text[:_LONGEST_NAME] for language, text in vernacular.items()},
        marks=marks,
        active=row["active"].lower() not in _NO if row.get("active") else None,
    )


def _language(code: str) -> str:
    """The two-letter code of a language; empty for anything else."""
    plain = code.strip().lower().split("-")[0]
    short = _LANGUAGES.get(plain, plain)
    return short if re.fullmatch("[a-z]{2}", short) else ""
