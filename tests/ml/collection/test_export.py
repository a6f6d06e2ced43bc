"""What leaves a collection: labels to train on, rows for a spreadsheet, credits to publish."""

import csv
from html.parser import HTMLParser

import pytest

from ml.collection.attribution import NOTICE, write_attribution
from ml.collection.export import write_labels, write_photos
from ml.collection.manifest import Manifest
from ml.collection.reporting import summarise
from ml.datasets.arrays import decode
from ml.datasets.folder import read_folder
from ml.datasets.grouping import bundles_of
from ml.datasets.sources import read_source
from ml.datasets.splits import split_species

HOSTILE = '<script>alert("x")</script> meadow brown'
PAIR = ["meadow brown=Maniola jurtina", "gatekeeper=Pyronia tithonus"]


def read(file):
    with file.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture
def manifest(folder):
    opened = []

    def open_it() -> Manifest:
        opened.append(Manifest(folder))
        return opened[-1]

    yield open_it
    for each in opened:
        each.close()


def test_collected_photos_can_be_trained_on(flickr, run, folder):
    for owner in range(8):
        for number in range(3):
            values = {"owner": f"{owner}@N01", "tags": ""}
            flickr.add(1000 + 10 * owner + number, title="Meadow brown", **values)
            flickr.add(2000 + 10 * owner + number, title="Gatekeeper", **values)
    flickr.add(3000, title="Gatekeeper", tags="", data=b"broken")
    assert run(keywords=PAIR, maximum=None).kept == 48
    photos = read_folder(folder)
    assert {photo.label for photo in photos} == {"maniola_jurtina", "pyronia_tithonus"}
    assert decode(photos, size=24, training_resolution=24).values.shape == (48, 24, 24, 3)
    split = split_species(photos, block=25, calibration=0.25, test=0.25, seed=1)
    parts: dict[str | None, set[str]] = {photo.group: set() for photo in photos}
    for photo, part in zip(photos, split.parts, strict=True):
        parts[photo.group].add(part)
    assert all(len(where) == 1 for where in parts.values()), "a photographer is on both sides of the split"
    assert set.union(*parts.values()) == {"train", "calibration", "test"}


def test_a_persons_screening_survives_the_next_export(flickr, run, folder, manifest):
    flickr.add(101, 102)
    run()
    table = folder / "labels.csv"
    table.write_text(
        table.read_text().replace(
            "101.jpg,maniola_jurtina,,12345678@N00,0,ok", "101.jpg,maniola_jurtina,,12345678@N00,0,doubtful"
        )
    )
    write_labels(folder, manifest())
    assert {row["path"]: row["screening"] for row in read(table)} == {
        "maniola_jurtina/101.jpg": "doubtful",
        "maniola_jurtina/102.jpg": "ok",
    }


def test_a_collection_is_a_data_set_tied_by_photographer(flickr, run, folder):
    """Read from the manifest itself; a person's screening counts."""
    flickr.add(101, 102, owner="1@N01")
    flickr.add(103, owner="2@N01")
    flickr.add(104, data=b"broken")
    run()
    table = folder / "labels.csv"
    table.write_text(
        table.read_text().replace("103.jpg,maniola_jurtina,,2@N01,0,ok", "103.jpg,maniola_jurtina,,2@N01,0,doubtful")
    )

    photos = read_source(folder)

    assert [(photo.path, photo.photographer, photo.screening) for photo in photos] == [
        ("maniola_jurtina/101.jpg", "1@N01", "ok"),
        ("maniola_jurtina/102.jpg", "1@N01", "ok"),
        ("maniola_jurtina/103.jpg", "2@N01", "doubtful"),
    ]
    assert len(set(bundles_of(photos, ["photographer"]))) == 2


def test_every_row_is_exported_and_none_is_a_formula(flickr, run, folder, manifest):
    flickr.add(101, title="=HYPERLINK(meadow brown)", owner_name="@ann", place=(-52.1, -5.2, 16))
    flickr.add(102, data=b"broken")
    run()
    exported = {row["id"]: row for row in read(write_photos(folder / "photos.csv", manifest()))}
    assert exported["101"]["title"] == "'=HYPERLINK(meadow brown)"
    assert exported["101"]["owner_name"] == "'@ann"
    assert exported["101"]["latitude"] == "-52.1"
    assert (exported["102"]["status"], exported["102"]["reason"]) == ("skipped", "not an image")


class Page(HTMLParser):
    """Tags, links and text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.links: list[str] = []
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [value for name, value in attrs if name == "href"]

    def handle_data(self, data):
        self.text += data


def test_credits_name_title_author_source_and_licence(flickr, run, folder, manifest):
    flickr.add(101, title="Meadow brown at dusk", owner_name="Ann Ørsted")
    flickr.add(102, title="", tags="meadow brown", owner="99@N00", owner_name="", licence="9")
    run()
    html, markdown, table = write_attribution(folder, manifest())
    page = Page(html.read_text())
    assert {"https://www.flickr.com/photos/12345678@N00/101/", "https://creativecommons.org/licenses/by/2.0/"} <= set(
        page.links
    )
    for words in (
        "Meadow brown at dusk",
        "Ann Ørsted",
        "CC BY 2.0",
        "Untitled",
        "99@N00",
        "CC0 1.0",
        "2 photos by 2",
        NOTICE,
    ):
        assert words in page.text
    assert "[Meadow brown at dusk](<https://www.flickr.com/photos/12345678@N00/101/>)" in markdown.read_text()
    assert [row["id"] for row in read(table)] == ["102", "101"]


def test_what_strangers_wrote_stays_text(flickr, run, folder, manifest):
    flickr.add(101, title=HOSTILE, owner_name='"><img src=x onerror=alert(1)>')
    flickr.add(102, title="meadow brown](javascript:alert(1)) [x", owner_name="**bold**\n# head")
    flickr.add(103, tags='" onmouseover="alert(1)" meadow brown')
    run()
    html, markdown, _ = write_attribution(folder, manifest())
    page = Page(html.read_text())
    assert not page.tags & {"script", "img"}
    assert not {name for name in page.attributes if name.startswith("on")}
    assert HOSTILE in page.text
    assert all(link.startswith("https://") for link in page.links)
    text = markdown.read_text()
    assert "<script" not in text
    assert "](javascript" not in text
    assert "\n# head" not in text


@pytest.mark.parametrize(
    "identifier", ["../../../tmp/escaped", "..", "101/../../x", "101%00", "٣٣", "", "-1", "1" * 40]
)
def test_an_identifier_that_is_none_never_becomes_a_path(flickr, run, folder, identifier):
    flickr.add(identifier)
    summary = run()
    assert summary.keywords[0].skipped == {"malformed": 1}
    assert flickr.images == []
    assert {file.name for file in folder.iterdir()} <= {
        "collection.db",
        "collection.db-wal",
        "collection.db-shm",
        "labels.csv",
        ".lock",
    }


def test_a_summary_counts_licences_and_photographers(flickr, run, manifest):
    flickr.add(101, licence="4")
    flickr.add(102, licence="9", owner="99@N00")
    run()
    summary = summarise(manifest())
    assert summary.licences == {"CC BY 2.0": 1, "CC0 1.0": 1}
    assert summary.photographers == 2
