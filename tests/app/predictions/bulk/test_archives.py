"""Zip files that were made to do harm are refused in a sentence, before anything in them is read."""

import struct
import zipfile

import pytest

from app.core.errors import WingcheckError
from app.predictions.bulk.sources import MOST_ENTRIES, files_in_zip, read_from_zip
from app.predictions.inference import PhotoError
from tests.factories import photo


def packed(path, names, data=b"x", method=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", method) as archive:
        for name in names:
            archive.writestr(name, data)
    return path


@pytest.mark.parametrize("name", ["../a.jpg", "a/../../b.jpg", "/etc/a.jpg", "..\\a.jpg", "C:\\a.jpg"])
def test_files_outside_of_it(tmp_path, name):
    with pytest.raises(WingcheckError, match="lies outside of it"):
        files_in_zip(packed(tmp_path / "p.zip", ["fine.jpg", name]))


def test_a_bomb(tmp_path):
    path = packed(tmp_path / "p.zip", ["a.jpg", "b.jpg"], bytes(80_000_000), zipfile.ZIP_DEFLATED)
    with pytest.raises(WingcheckError, match=r"p.zip is refused: it has 0.2 MB that become 160 MB"):
        files_in_zip(path)


def with_the_entry_again(path, many):
    """The archive of one file, whose directory names it so many times: small, whatever the file is."""
    data = path.read_bytes()
    start, end = data.index(b"PK\x01\x02"), data.index(b"PK\x05\x06")
    entries = data[start:end] * many
    counts = struct.pack("<HHI", *[min(many, 0xFFFF)] * 2, len(entries))
    path.write_bytes(data[:start] + entries + data[end : end + 8] + counts + data[end + 16 :])
    return path


def test_a_bomb_whose_files_all_are_the_same_bytes(tmp_path):
    path = with_the_entry_again(packed(tmp_path / "p.zip", ["a.jpg"], photo(1) * 200), 2000)
    with pytest.raises(WingcheckError, match="which no photos do"):
        files_in_zip(path)


def test_encrypted_files(tmp_path):
    path = packed(tmp_path / "p.zip", ["a.jpg"])
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x03\x04") + 6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    with pytest.raises(WingcheckError, match=r"encrypted files, such as 'a\.jpg'"):
        files_in_zip(path)


def test_files_packed_in_a_way_that_takes_much_memory(tmp_path):
    with pytest.raises(WingcheckError, match="another way than stored or deflated"):
        files_in_zip(packed(tmp_path / "p.zip", ["a.jpg"], method=zipfile.ZIP_LZMA))


def test_too_many_files(tmp_path):
    path = with_the_entry_again(packed(tmp_path / "p.zip", ["a.jpg"]), MOST_ENTRIES + 1)
    with pytest.raises(WingcheckError, match="100001 files; at most 100000 are read"):
        files_in_zip(path)


def test_a_directory_that_would_fill_the_memory(tmp_path):
    path = packed(tmp_path / "p.zip", ["a.jpg"])
    data = path.read_bytes()
    end = data.index(b"PK\x05\x06")
    size = 20_000_000
    path.write_bytes(data[:end] + bytes(size) + data[end : end + 12] + struct.pack("<I", size) + data[end + 16 :])
    with pytest.raises(WingcheckError, match="more than 16 MB of names"):
        files_in_zip(path)


def test_a_damaged_file_in_a_whole_archive_is_a_photo_that_can_not_be_read(tmp_path):
    path = packed(tmp_path / "p.zip", ["a.jpg", "b.jpg"], photo(1))
    data = bytearray(path.read_bytes())
    data[100] ^= 0xFF
    path.write_bytes(data)
    assert files_in_zip(path) == ["a.jpg", "b.jpg"]
    with pytest.raises(PhotoError, match="damaged here"):
        read_from_zip(path, "a.jpg", 1_000_000)
    assert read_from_zip(path, "b.jpg", 1_000_000) == photo(1)
