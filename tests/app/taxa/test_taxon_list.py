"""The taxon list: files as people and GBIF make them, what they would change, saving, and taking it back."""

import io
import time
import zipfile

import pytest
from sqlalchemy import select

from app.accounts.tables import AuditEntry
from app.core.db import reading, transaction
from app.core.errors import Conflict, InvalidInput
from app.submissions.tables import ClaimRecord, Submission
from app.taxa import files as taxon_files
from app.taxa import list as taxon_list
from app.taxa.tables import ChangeState, Taxon, TaxonChange
from tests.app.sending import submit
from tests.factories import photo

OWN = """scientific_name,name_en,name_nl,marks_en,active,gbif_key
Aglais io,peacock,dagpauwoog,four eye-spots | rust red,yes,4535827
Maniola jurtina,,,,no,
Vanessa atalanta,red admiral,,,,
"""
# As GBIF's species download has it, with authors, a synonym, a genus-less family and a second line of the same species.
GBIF = """taxonKey\tscientificName\tacceptedTaxonKey\tacceptedScientificName\ttaxonRank\ttaxonomicStatus\tspecies\tspeciesKey
4535827\tAglais io (Linnaeus, 1758)\t4535827\tAglais io (Linnaeus, 1758)\tSPECIES\tACCEPTED\tAglais io\t4535827
99\tInachis io (Linnaeus, 1758)\t4535827\tAglais io (Linnaeus, 1758)\tSPECIES\tSYNONYM\tAglais io\t4535827
7017\tNymphalidae\t7017\tNymphalidae\tFAMILY\tACCEPTED\t\t
5\tAglais io "dark"\t4535827\tAglais io\tSPECIES\tACCEPTED\tAglais io\t4535827
"""
TAXA = "taxonID\tscientificName\tcanonicalName\ttaxonRank\ttaxonomicStatus\n11\tAglais io L.\tAglais io\tspecies\taccepted\n"
NAMES = (
    "taxonID\tvernacularName\tlanguage\n11\tPeacock\teng\n11\tDagpauwoog\tnld\n11\tPaon du jour\tfr\n12\tnobody\ten\n"
)


def archive(**members):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        for name, text in members.items():
            file.writestr(f"backbone/{name}.tsv", text)
    return out.getvalue()


def read(data):
    found = taxon_files.read_list(data if isinstance(data, bytes) else data.encode())
    return {taxon.scientific_name: taxon for taxon in found.taxa}, found.passed_over


@pytest.mark.parametrize(
    "data",
    [
        archive(taxon="\n" * 19_000_000),  # 20 kB of ZIP
        archive(taxon=TAXA + "a\tb\n" * 4_000_000),
        archive(taxon=TAXA, vernacularname="taxonID\tvernacularName\tlanguage\n" + "1\n" * 9_000_000),
        b"," * 19_000_000,
        b"scientific_name\n" + b'"' * 19_000_000,
    ],
    ids=["empty lines", "short lines", "names", "columns", "quotes"],
)
def test_a_file_that_would_take_minutes_is_refused(data):
    started = time.process_time()
    with pytest.raises(InvalidInput):
        taxon_files.read_list(data)
    assert time.process_time() - started < 20  # each took 40 to 200 seconds


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
@pytest.mark.parametrize("at", [0.2, 0.4, 0.6])
def test_a_damaged_archive_is_an_unreadable_list(method, at):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as file:
        file.writestr("taxon.tsv", TAXA + "".join(f"{n}\tName {n * n}\n" for n in range(3000)))
    data = bytearray(out.getvalue())
    place = int(len(data) * at)
    data[place : place + 40] = bytes(40)
    with pytest.raises(InvalidInput) as error:
        taxon_files.read_list(bytes(data))
    assert [e.code for e in error.value.errors] == ["list_unreadable"]


def test_a_csv_of_ones_own():
    taxa, passed_over = read(OWN)
    assert passed_over == 0
    assert taxa["Aglais io"].vernacular_names == {"en": "peacock", "nl": "dagpauwoog"}
    assert taxa["Aglais io"].marks == {"en": ["four eye-spots", "rust red"]}
    assert (taxa["Aglais io"].active, taxa["Maniola jurtina"].active, taxa["Vanessa atalanta"].active) == (
        True,
        False,
        None,
    )


@pytest.mark.parametrize("encode", [lambda t: t.encode("utf-8-sig"), lambda t: t.replace(",", ";").encode("cp1252")])
def test_what_spreadsheets_write(encode):
    taxa, _ = read(encode('scientific_name,name_de\r\nAglais io,"Großes ""Auge"""\r\n'))
    assert taxa["Aglais io"].vernacular_names == {"de": 'Großes "Auge"'}


def test_a_species_list_of_gbif():
    taxa, passed_over = read(GBIF)
    assert (list(taxa), taxa["Aglais io"].gbif_key, passed_over) == (["Aglais io"], 4535827, 3)


def test_a_darwin_core_archive_with_names_in_several_languages():
    taxa, _ = read(archive(Taxon=TAXA, VernacularName=NAMES))
    assert taxa["Aglais io"].vernacular_names == {"en": "Peacock", "nl": "Dagpauwoog", "fr": "Paon du jour"}
    assert read(TAXA)[0]["Aglais io"].gbif_key == 11


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "list_missing"),
        (b"a,b\n1,2\n", "list_without_taxa"),
        (b"scientific_name\n\x00\n", "list_unreadable"),
        (b"PK\x03\x04 and no more", "list_unreadable"),
        (archive(Other="x"), "list_without_taxa"),
    ],
)
def test_what_is_no_list_is_refused(data, code):
    with pytest.raises(InvalidInput) as refused:
        read(data)
    assert [error.code for error in refused.value.errors] == [code]


def test_a_list_that_is_too_long_is_refused(monkeypatch):
    monkeypatch.setattr(taxon_files, "MOST_TAXA", 2)
    with pytest.raises(InvalidInput, match="list_too_long"):
        read(OWN)


def test_an_archive_that_grows_too_large_is_not_unpacked(monkeypatch):
    monkeypatch.setattr(taxon_files, "MOST_BYTES", 1000)
    with pytest.raises(InvalidInput, match="list_too_large"):
        read(archive(Taxon=TAXA + "x" * 2000))


# --- the list itself, on both databases ------------------------------------------------------------------------------


def propose(service, text=OWN):
    with transaction(service.sessions) as session:
        return taxon_list.propose(session, None, "list.csv", taxon_files.read_list(text.encode())).id


def save(service, text=OWN):
    number = propose(service, text)
    with transaction(service.sessions) as session:
        taxon_list.save(session, None, number)
    return number


def state(service, name):
    with reading(service.sessions) as session:
        taxon = session.scalar(select(Taxon).where(Taxon.scientific_name == name))
        return taxon_list.state_of(taxon) if taxon else None


def undo(service, number):
    with transaction(service.sessions) as session:
        taxon_list.undo(session, None, number)


def test_a_preview_says_what_would_change_and_changes_nothing(service):
    before = state(service, "Maniola jurtina")
    number = propose(service)
    with reading(service.sessions) as session:
        found = taxon_list.differences(session, taxon_list.get_change(session, number))
        assert {each.scientific_name: each.fields if each.before else "new" for each in found} == {
            "Aglais io": "new",
            "Maniola jurtina": ["active"],
            "Vanessa atalanta": "new",
        }
    assert state(service, "Aglais io") is None
    assert state(service, "Maniola jurtina") == before


def test_saving_adds_and_corrects_keeps_what_the_list_does_not_say_and_is_undone_whole(service):
    before = state(service, "Maniola jurtina")
    number = save(service)
    assert state(service, "Aglais io")["marks"] == {"en": ["four eye-spots", "rust red"]}
    assert state(service, "Maniola jurtina") == before | {"active": False}
    with pytest.raises(Conflict), transaction(service.sessions) as session:
        taxon_list.save(session, None, number)
    with reading(service.sessions) as session:
        assert taxon_list.differences_from(session, taxon_files.read_list(OWN.encode()).taxa) == []
        assert taxon_list.count(session) == (4, 3)
        entry = session.scalars(select(AuditEntry)).one()
        assert (entry.action, entry.details["added"], entry.details["changed"]) == ("taxa.imported", 2, 1)
    undo(service, number)
    assert state(service, "Aglais io") is None
    assert state(service, "Maniola jurtina") == before
    with pytest.raises(Conflict):
        undo(service, number)


def test_what_records_name_stays_when_its_addition_is_undone(service):
    token = submit(service, photo(1)).token
    number = save(service)
    with transaction(service.sessions) as session:
        added = session.scalars(select(Taxon).where(Taxon.scientific_name == "Aglais io")).one()
        claim = session.query(ClaimRecord).join(Submission).filter(Submission.token == token).one()
        claim.taxon_id = added.id
    undo(service, number)
    assert state(service, "Aglais io")["active"] is False
    assert state(service, "Vanessa atalanta") is None


def test_an_edit_is_undone_unless_somebody_edited_since(service):
    before = state(service, "Maniola jurtina")
    after = before | {"vernacular_names": {"nl": "bruintje"}, "marks": {"nl": ["b", "a"]}, "gbif_key": 7}
    with transaction(service.sessions) as session:
        number = session.scalars(select(Taxon.id).where(Taxon.scientific_name == "Maniola jurtina")).one()
        change = taxon_list.edit(session, None, number, after)
        assert change is not None
        first = change.id
        assert taxon_list.edit(session, None, number, after) is None
    assert state(service, "Maniola jurtina") == after
    with transaction(service.sessions) as session:
        change = taxon_list.edit(session, None, number, after | {"marks": {"nl": ["a"]}})
        assert change is not None
        second = change.id
    with pytest.raises(Conflict, match="was changed since"):
        undo(service, first)
    undo(service, second)
    undo(service, first)
    assert state(service, "Maniola jurtina") == before


def test_the_list_is_searched_in_every_language_and_paged(service):
    save(service)
    with reading(service.sessions) as session:
        assert [taxon.scientific_name for taxon in taxon_list.page(session, "PAUWoog")] == ["Aglais io"]
        assert taxon_list.page(session, "100%_") == []
        first = taxon_list.page(session, size=2)
        rest = taxon_list.page(session, after=first[-1].scientific_name)
        assert len(first) + len(rest) == taxon_list.count(session)[0]


def test_previews_that_nobody_saved_are_forgotten(service):
    for _ in range(25):
        propose(service)
    with reading(service.sessions) as session:
        kept = session.scalars(select(TaxonChange.id).where(TaxonChange.state == ChangeState.PREVIEWED)).all()
        assert len(kept) == 20
