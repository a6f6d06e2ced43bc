"""Photos on their way in: in memory while there is room, beyond it in a file; hashed, counted, and let go of."""

import asyncio
import hashlib
import io
import tempfile
from contextlib import contextmanager

import numpy as np
import pytest
from PIL import Image
from starlette.datastructures import Headers

from app.core.web.uploads import Photo, Room, chosen
from tests.conftest import copy_of, make_settings, running
from tests.factories import encode, photo

PIECES = [b"one ", b"two ", b"three"]
WHOLE = b"".join(PIECES)


def sent(room, pieces, most=1000):
    """A photo that has come in these pieces."""
    made = Photo(room, most, "a.jpg", Headers())

    async def come():
        for piece in pieces:
            await made.write(piece)
        await made.seek(0)

    asyncio.run(come())
    return made


@contextmanager
def no_files(monkeypatch):
    """Whoever makes a temporary file here fails."""
    with monkeypatch.context() as patch:
        patch.setattr(tempfile, "TemporaryFile", lambda *_, **__: pytest.fail("a temporary file was made"))
        yield


def test_a_photo_stays_in_memory_and_may_be_read_again(monkeypatch):
    room = Room(100)
    with no_files(monkeypatch):
        found = sent(room, PIECES)
    assert [found.content(), found.content()] == [WHOLE, WHOLE]
    assert (found.size, found.sha256) == (len(WHOLE), hashlib.sha256(WHOLE).hexdigest())
    assert room.left == 100 - len(WHOLE)
    for _ in range(2):
        asyncio.run(found.close())
        assert room.left == 100


def test_without_room_it_moves_to_a_file_and_leaves_the_room_to_others():
    room = Room(len(PIECES[0]) + len(PIECES[1]))
    found = sent(room, PIECES)
    assert [found.content(), found.content()] == [WHOLE, WHOLE]
    assert (found.size, found.sha256) == (len(WHOLE), hashlib.sha256(WHOLE).hexdigest())
    assert room.left == len(PIECES[0]) + len(PIECES[1])
    more = sent(Room(0), [b"", *PIECES])
    assert more.content() == WHOLE
    asyncio.run(found.close())
    with pytest.raises(ValueError, match="closed file"):
        found.content()


def test_of_a_photo_beyond_the_limit_nothing_is_kept_and_all_is_counted(monkeypatch):
    room = Room(100)
    with no_files(monkeypatch):
        found = sent(room, PIECES, most=len(WHOLE) - 1)
    assert found.size == len(WHOLE)
    assert found.content() == b""
    assert room.left == 100


def test_an_empty_part_is_no_photo():
    room = Room(100)
    empty, nameless = sent(room, []), sent(room, PIECES)
    empty.filename = nameless.filename = ""
    assert chosen([empty, nameless, "text"]) == [nameless]


# --- through the service ---------------------------------------------------------------------------------------------


@pytest.fixture
def tight(tmp_path, sqlite_template):
    """A service that keeps a megabyte of photos in memory."""
    url = copy_of(sqlite_template, tmp_path)
    with running(make_settings(tmp_path, database_url=url, upload_memory_megabytes=1, max_file_megabytes=2)) as found:
        yield found


@pytest.fixture(scope="module")
def large():
    """A photo of about 0.7 MB: nothing but grain."""
    found = encode(
        Image.fromarray(np.random.default_rng(1).integers(0, 255, (900, 1100, 3), dtype=np.uint8)), quality=80
    )
    assert 500_000 < len(found) < 2_000_000
    return found


def room_of(service):
    return service.client.app.state.room_for_photos


@pytest.mark.parametrize("path", ["/predict", "/submissions", "/api/v1/submissions"])
def test_photos_larger_than_the_room_are_answered_like_any_other(tight, large, path):
    answer = tight.client.post(
        path,
        files=[("file", (f"{n}.jpg", large + bytes([n]))) for n in range(3)],
        data={"claim": "unknown"},
        headers={"Accept": "application/json"},
    )
    assert answer.status_code in {200, 201}, answer.text
    assert room_of(tight).left == 1_000_000


def test_the_hash_is_that_of_what_was_sent(tight, large):
    small = photo(1)
    files = [("file", (name, data)) for name, data in (("a", small), ("b", large), ("c", large))]
    results = tight.client.post("/predict", files=files).json()["results"]
    assert [result["sha256"] for result in results] == [hashlib.sha256(d).hexdigest() for d in (small, large, large)]


def test_a_form_that_breaks_off_or_is_none_leaves_the_room_as_it_was(tight):
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n'
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    for body in (head + b"x" * 300_000 + b"\r\n--b\r\nContent-Disposition: form-data\r\n\r\n", b"--c\r\nnothing"):
        assert tight.client.post("/predict", content=io.BytesIO(body).read(), headers=headers).status_code == 400
    assert room_of(tight).left == 1_000_000
