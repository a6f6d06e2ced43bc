"""`POST /predict` under both runtimes: the form of the answer, what is taken, what is refused."""

import hashlib
import io
import math

import pytest
from PIL import Image

from ml.inference import read_version
from tests.conftest import copy_of, make_settings, running
from tests.factories import butterfly, encode, exif_photo, photo, wall
from tests.versions import BUNDLED

LABELS = {label.scientific_name: label for label in read_version(BUNDLED).labels}


@pytest.fixture(scope="module", params=["litert", "savedmodel"])
def client(request, sqlite_template, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    settings = make_settings(
        folder,
        database_url=copy_of(sqlite_template, folder),
        runtime=request.param,
        max_file_megabytes=1,
        max_request_megabytes=3,
    )
    with running(settings) as service:
        yield service.client


def ask(client, *files, **headers):
    return client.post("/predict", files=[("file", file) for file in files], headers=headers)


def one(client, data, name="a.jpg"):
    return ask(client, (name, data, "image/jpeg"))


END = b"--x--\r\n"


def file_part(filename, data):
    head = f'--x\r\nContent-Disposition: form-data; name="file"; filename="{filename}"\r\n\r\n'
    return head.encode() + data + b"\r\n"


def multipart(client, content, boundary="; boundary=x"):
    return client.post("/predict", content=content, headers={"Content-Type": "multipart/form-data" + boundary})


# --- the answer ------------------------------------------------------------------------------------------------------


def test_the_runtime_that_was_asked_for_answers(client, request):
    assert client.get("/readyz").json()["runtime"] == request.node.callspec.params["client"]


def test_an_answer_has_the_promised_form_and_nothing_unnamed(client):
    data = photo(1)
    answer = one(client, data, "garden.jpg")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert list(body) == ["model", "results"]
    info = read_version(BUNDLED)
    assert body["model"] == {"name": info.name, "version": info.version}
    [result] = body["results"]
    assert list(result) == [
        *("filename", "width", "height", "sha256", "predictions", "decision", "in_scope"),
        *("square", "square_origin", "searched", "animals", "looks_like"),
    ]
    assert result["filename"] == "garden.jpg"
    assert (result["width"], result["height"]) == (400, 300)
    assert result["sha256"] == hashlib.sha256(data).hexdigest()
    assert result["decision"] in {"confident", "uncertain", "out_of_scope"}
    assert 0 <= result["in_scope"] <= 1


@pytest.mark.parametrize("picture", [butterfly(2), wall()], ids=["butterfly", "wall"])
def test_every_label_gets_a_probability_sorted_and_summing_to_one(client, picture):
    [result] = one(client, encode(picture)).json()["results"]
    predictions = result["predictions"]
    assert {p["scientific_name"] for p in predictions} == set(LABELS)
    probabilities = [p["probability"] for p in predictions]
    assert probabilities == sorted(probabilities, reverse=True)
    assert all(0 <= p <= 1 for p in probabilities)
    assert math.isclose(sum(probabilities), 1, abs_tol=1e-5)
    assert all(list(p) == ["scientific_name", "vernacular_name", "probability"] for p in predictions)


def test_the_same_photo_gets_the_same_answer(client):
    assert one(client, photo(3)).json() == one(client, photo(3)).json()


def test_an_answer_does_not_depend_on_the_photos_beside_it(client):
    alone = one(client, photo(4), "b.jpg").json()["results"][0]
    together = ask(client, ("a.jpg", photo(3)), ("b.jpg", photo(4)), ("c.jpg", photo(5))).json()["results"][1]
    assert together == alone


def test_width_and_height_are_those_of_the_upright_photo(client):
    exif = Image.Exif()
    exif[0x0112] = 6
    [result] = one(client, photo(1, exif=exif)).json()["results"]
    assert (result["width"], result["height"]) == (300, 400)


def test_a_large_photo_tells_its_full_size(client):
    [result] = one(client, encode(butterfly(1, (4000, 3000)), quality=60)).json()["results"]
    assert (result["width"], result["height"]) == (4000, 3000)


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("nl", "nl"),
        ("nl-BE,nl;q=0.9,en;q=0.8", "nl"),
        ("en-GB", "en"),
        ("fr;q=0.9, nl;q=0.3, en;q=0.2", "nl"),
        ("fr", "en"),
        ("", "en"),
        ("nl;q=0", "en"),
        ("nl;q=x,;;=,\u00e9*", "en"),
        (",".join(["x" * 50] * 100), "en"),
    ],
)
def test_the_vernacular_name_follows_accept_language(client, accepted, language):
    answer = ask(client, ("a.jpg", photo()), **{"Accept-Language": accepted.encode("latin-1")})
    assert answer.headers["content-language"] == language
    assert "Accept-Language" in answer.headers["vary"]
    for prediction in answer.json()["results"][0]["predictions"]:
        names = LABELS[prediction["scientific_name"]].vernacular_names
        assert prediction["vernacular_name"] == names[language]


@pytest.mark.parametrize(
    "data",
    [
        photo(1, "JPEG", progressive=True),
        photo(1, "PNG"),
        photo(1, "WEBP"),
        photo(1, "HEIF"),
        photo(1, "MPO", save_all=True, append_images=[butterfly(2)]),
        exif_photo(1),
        encode(butterfly(1).convert("L"), "JPEG"),
        encode(butterfly(1).convert("CMYK"), "JPEG"),
        encode(butterfly(1).convert("RGBA"), "PNG"),
        encode(butterfly(1).convert("P"), "PNG"),
        encode(Image.new("RGB", (1, 1)), "PNG"),
    ],
    ids=["progressive", "png", "webp", "heic", "mpo", "exif", "grey", "cmyk", "transparent", "palette", "one pixel"],
)
def test_every_supported_picture_is_answered_whatever_its_name(client, data):
    answer = ask(client, ("photo.bin", data, "application/octet-stream"))
    assert answer.status_code == 200
    assert len(answer.json()["results"][0]["predictions"]) == len(LABELS)


# --- squares ---------------------------------------------------------------------------------------------------------


def test_a_square_that_is_sent_is_what_is_looked_at(client):
    sent = {"files": [("file", ("a.jpg", photo(1), "image/jpeg"))] * 2, "data": {"square": ["", "0,0,0.2,0.25"]}}
    whole, corner = client.post("/predict", **sent).json()["results"]
    assert corner["square"] == {"x": 0, "y": 0, "width": 0.2, "height": 0.25}
    assert (corner["square_origin"], corner["searched"], corner["animals"]) == ("given", False, [])
    assert whole["square_origin"] in {"found", "middle"}
    assert whole["predictions"] != corner["predictions"]


@pytest.mark.parametrize("square", ["1,2,3", "0,0,0,0", "0.5,0.5,0.6,0.6", "nan,0,1,1", "12,40,300,300", "x"])
def test_what_is_no_square_is_told_with_its_photo(client, square):
    sent = {"files": [("file", ("a.jpg", photo(1), "image/jpeg"))], "data": {"square": square}}
    answer = client.post("/predict", **sent)
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:wingcheck:invalid-submission")
    [error] = answer.json()["errors"]
    assert (error["field"], error["filename"]) == ("square", "a.jpg")


# --- several photos --------------------------------------------------------------------------------------------------


def test_sixteen_photos_are_answered_in_their_order(client):
    photos = [photo(seed) for seed in range(16)]
    answer = ask(client, *((f"{seed}.jpg", data) for seed, data in enumerate(photos)))
    assert answer.status_code == 200
    results = answer.json()["results"]
    assert [r["filename"] for r in results] == [f"{seed}.jpg" for seed in range(16)]
    assert [r["sha256"] for r in results] == [hashlib.sha256(data).hexdigest() for data in photos]


def test_seventeen_photos_are_refused(client):
    answer = ask(client, *((f"{seed}.jpg", photo(0)) for seed in range(17)))
    assert_problem(answer, 400, "too-many-files")


def test_among_several_each_result_stands_for_itself(client):
    answer = ask(
        client,
        ("good.jpg", photo(1)),
        ("text.jpg", b"no picture"),
        ("cut.jpg", photo(2)[:500]),
        ("also-good.png", photo(3, "PNG")),
        ("fat.jpg", photo(4) + bytes(1_000_000)),
    )
    assert answer.status_code == 200
    good, text, cut, also_good, fat = answer.json()["results"]
    assert "error" not in good
    assert "error" not in also_good
    for failure, status in [(text, 415), (cut, 422), (fat, 413)]:
        assert list(failure) == ["filename", "error"]
        assert list(failure["error"]) == ["type", "title", "status", "detail"]
        assert failure["error"]["status"] == status


def test_several_photos_that_all_fail_are_still_an_answer(client):
    answer = ask(client, ("a.jpg", b"a"), ("b.jpg", b"b"))
    assert answer.status_code == 200
    assert [r["error"]["status"] for r in answer.json()["results"]] == [415, 415]


def test_the_empty_part_of_a_browser_is_no_photo(client):
    answer = multipart(client, file_part("a.jpg", photo(1)) + file_part("", b"") + END)
    assert answer.status_code == 200
    assert [r["filename"] for r in answer.json()["results"]] == ["a.jpg"]


def test_file_names_come_back_as_they_were_sent(client):
    name = "Oranje zandoogje – tuin №1.jpg"
    assert one(client, photo(1), name).json()["results"][0]["filename"] == name


# --- refusals --------------------------------------------------------------------------------------------------------


def assert_problem(answer, status, name):
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert list(body) == ["type", "title", "status", "detail"]
    assert body["type"] == f"urn:wingcheck:{name}"
    assert body["status"] == status
    assert body["title"]
    assert body["detail"]


def large_png():
    return encode(Image.new("1", (7000, 7000)), "PNG")


@pytest.mark.parametrize(
    ("data", "status", "name"),
    [
        (photo(1) + bytes(1_000_000), 413, "photo-too-large"),  # bytes
        (large_png(), 413, "photo-too-large"),  # pixels
        (b"hello", 415, "photo-unsupported"),
        (b"", 415, "photo-unsupported"),
        (photo(1, "GIF"), 415, "photo-unsupported"),
        (photo(1, "TIFF"), 415, "photo-unsupported"),
        (photo(1, "AVIF"), 415, "photo-unsupported"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", 415, "photo-unsupported"),
        (photo(1)[:2000], 422, "photo-undecodable"),  # cut short
        (photo(1, "PNG")[:2000], 422, "photo-undecodable"),
        (photo(1, "WEBP")[:500], 422, "photo-undecodable"),
        (photo(1, "HEIF")[:500], 422, "photo-undecodable"),
        (b"\xff\xd8\xff" + bytes(100), 422, "photo-undecodable"),  # only the beginning is that of a JPEG
    ],
)
def test_one_photo_that_fails_is_a_problem_with_its_status(client, data, status, name):
    assert_problem(one(client, data), status, name)


@pytest.mark.parametrize(
    "request_",
    [
        {},
        {"json": {"file": "a.jpg"}},
        {"data": {"file": "not a file"}},
        {"files": [("photo", ("a.jpg", photo(1)))]},
        {"content": photo(1), "headers": {"Content-Type": "image/jpeg"}},
        {"content": b"{", "headers": {"Content-Type": "application/json"}},
    ],
    ids=["nothing", "json", "text field", "another field", "bare bytes", "broken json"],
)
def test_no_file_is_a_bad_request(client, request_):
    assert_problem(client.post("/predict", **request_), 400, "no-file")


@pytest.mark.parametrize(
    "content",
    [
        b"--x\r\nContent-Disposition: form-data; name=file; filename=a.jpg\r\n\r\nhalf",
        b"no boundary at all",
        b"--x\r\nnot a header\r\n\r\n--x--\r\n",
        b"--x\r\nContent-Disposition: form-data\r\n\r\nnameless\r\n--x--\r\n",
    ],
    ids=["cut", "no boundary", "bad header", "nameless"],
)
def test_a_malformed_multipart_body_is_a_bad_request(client, content):
    answer = multipart(client, content)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_multipart_body_without_a_boundary_is_a_bad_request(client):
    answer = multipart(client, b"x", boundary="")
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_request_with_too_many_bytes_is_refused(client):
    fat = photo(1) + bytes(900_000)
    assert_problem(ask(client, *((f"{n}.jpg", fat) for n in range(4))), 413, "request-too-large")


def test_a_request_that_does_not_say_its_size_is_refused_too(client):
    answer = multipart(client, iter([file_part("a.jpg", b"")[:-2], *[bytes(500_000)] * 10, b"\r\n", END]))
    assert_problem(answer, 413, "request-too-large")


def test_a_chunked_request_of_ordinary_size_is_answered(client):
    body = file_part("a.jpg", photo(1)) + END
    answer = multipart(client, iter([body[:100], body[100:]]))
    assert answer.status_code == 200


def test_only_the_empty_part_of_a_browser_is_no_file(client):
    assert_problem(multipart(client, file_part("", b"") + END), 400, "no-file")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_other_methods_are_not_allowed(client, method):
    assert_problem(client.request(method, "/predict"), 405, "method-not-allowed")


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_hostile_exif_does_not_harm_the_answer(client):
    data = bytearray(exif_photo(1))
    start = data.index(b"Exif\x00\x00") + 6
    data[start + 8 : start + 40] = b"\xff" * 32
    assert one(client, bytes(data)).status_code == 200


def test_animated_pictures_answer_for_their_first_frame(client):
    out = io.BytesIO()
    butterfly(1).save(out, "WEBP", save_all=True, append_images=[wall((400, 300))], lossless=True)
    first = one(client, out.getvalue()).json()["results"][0]["predictions"]
    alone = one(client, photo(1, "WEBP", lossless=True)).json()["results"][0]["predictions"]
    assert [p["scientific_name"] for p in first] == [p["scientific_name"] for p in alone]
    assert first[0]["probability"] == pytest.approx(alone[0]["probability"], abs=1e-3)
