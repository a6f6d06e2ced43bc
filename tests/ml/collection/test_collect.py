"""Collecting through the real flickrapi client from a server that behaves, and from one that doesn't."""

import hashlib
import logging
import time

import pytest

from ml.collection import collector
from ml.collection.errors import CollectError, KeyRefused, RequestError
from ml.collection.reporting import Reporter
from ml.collection.request import request_from
from ml.collection.run import count
from tests.ml.collection.conftest import manners, rows
from tests.ml.collection.flickr_server import KEY, SECRET, Fault, picture


def test_photos_of_several_pages_come_with_their_provenance(flickr, run, folder):
    flickr.add(*range(101, 108), place=(52.1, 5.2, 16), owner_name="Ann Ørsted")
    summary = run(per_page=3, maximum=None)
    assert summary.kept == 7
    assert flickr.pages_asked() == [("meadow brown", "1"), ("meadow brown", "2"), ("meadow brown", "3")]
    row = rows(folder)["101"]
    data = (folder / row["file_name"]).read_bytes()
    assert row["file_name"] == "maniola_jurtina/101.jpg"
    assert row["sha256"] == hashlib.sha256(data).hexdigest()
    assert (row["bytes"], row["width"], row["height"]) == (len(data), 240, 180)
    assert (row["owner_nsid"], row["owner_name"], row["taxon"]) == ("12345678@N00", "Ann Ørsted", "Maniola jurtina")
    assert (row["licence_id"], row["licence_name"]) == ("4", "CC BY 2.0")
    assert row["licence_url"] == "https://creativecommons.org/licenses/by/2.0/"
    assert row["page_url"] == "https://www.flickr.com/photos/12345678@N00/101/"
    assert (row["date_taken"], row["date_uploaded"]) == ("2020-07-01T12:00:00", "2020-09-13T12:26:40Z")
    assert (row["latitude"], row["longitude"], row["accuracy"]) == (52.1, 5.2, 16)
    assert len(row["perceptual_hash"]) == 16
    assert row["fetched_at"].endswith("Z")


def test_no_more_is_fetched_than_is_wanted(flickr, run):
    flickr.add(*range(101, 121))
    assert run(maximum=5, per_page=10).kept == 5
    assert sorted(flickr.whole_images()) == ["101", "102", "103", "104", "105"]
    assert len(flickr.searches) == 1


def test_a_higher_maximum_goes_on_where_the_lower_one_stopped(flickr, run):
    flickr.add(*range(101, 121))
    run(maximum=5, per_page=10)
    assert run(maximum=15, per_page=10).kept == 15
    assert sorted(flickr.whole_images()) == [str(number) for number in range(101, 116)]
    assert [page for _, page in flickr.pages_asked()] == ["1", "2"]


def test_a_second_run_fetches_nothing(flickr, run):
    flickr.add(*range(101, 111))
    run(maximum=None)
    assert run(maximum=None).kept == 10
    assert len(flickr.whole_images()) == 10
    assert len(flickr.searches) == 1


def test_an_update_only_reads_what_was_uploaded_since(flickr, run, folder, monkeypatch):
    flickr.add(101, 102, uploaded=1_600_000_000)
    monkeypatch.setattr("ml.collection.query.time.time", lambda: 1_600_000_100)
    run()
    flickr.add(103, uploaded=1_600_000_200)
    monkeypatch.setattr("ml.collection.query.time.time", lambda: 1_600_000_300)
    assert run().kept == 2
    assert run(update=True).kept == 3
    assert flickr.searches[-1]["min_upload_date"] == "1600000101"


def test_an_empty_result_is_no_error(flickr, run, folder):
    summary = run()
    assert (summary.kept, summary.keywords[0].found, summary.keywords[0].complete) == (0, 0, True)
    assert (folder / "labels.csv").read_text().startswith("path,label,")


@pytest.mark.parametrize(
    ("refusal", "said"),
    [
        ((100, "Invalid API Key (Key not found)"), "refuses the key"),
        ((100, "Invalid API Key (Key has expired)"), "Key has expired"),
        ((96, "Invalid signature"), "WINGCHECK_FLICKR_SECRET"),
    ],
)
def test_a_key_that_flickr_refuses_ends_the_run_at_once(flickr, run, refusal, said):
    flickr.refusal = refusal
    with pytest.raises(KeyRefused, match="refuses the key") as caught:
        run()
    assert said in str(caught.value)
    assert len(flickr.moments) == 1


def test_the_server_really_checks_key_and_signature(flickr, run):
    flickr.secret = "another"
    with pytest.raises(KeyRefused, match="Invalid signature"):
        run()


def test_neither_key_nor_secret_reaches_a_log_or_a_message(flickr, run, caplog):
    caplog.set_level(logging.DEBUG)
    flickr.add(101)
    run()
    flickr.refusal = (100, f"Invalid API Key ({KEY}) oauth_token={SECRET}")
    with pytest.raises(KeyRefused) as caught:
        run()
    texts = [caplog.text]
    chain: BaseException | None = caught.value
    while chain is not None:
        texts.append(repr(chain))
        chain = None if chain.__suppress_context__ else (chain.__cause__ or chain.__context__)
    assert not [text for text in texts if KEY in text or SECRET in text]


@pytest.mark.parametrize(
    "faults",
    [
        [Fault(429), Fault(429)],
        [Fault(503), Fault(500)],
        [Fault(429, headers={"Retry-After": "1"})],
        [Fault(200, body=b"<html>Bad gateway</html>"), Fault(200, body=b"")],
        [Fault(200, body=b"<rsp stat='fail'><err code='105' msg='Service currently unavailable'/></rsp>")],
        [Fault(200, body=b"x", delay=0.6)],
    ],
    ids=["429 twice", "5xx", "retry-after", "no XML", "error 105", "timeout"],
)
def test_a_busy_api_is_asked_again(flickr, run, faults):
    flickr.add(101)
    flickr.api_faults.extend(faults)
    assert run(how=manners(flickr, timeout=0.3)).kept == 1


def test_retry_after_is_waited_for(flickr, run):
    flickr.add(101)
    flickr.api_faults.append(Fault(429, headers={"Retry-After": "1"}))
    run()
    assert flickr.moments[1] - flickr.moments[0] >= 1


def test_an_endless_rate_limit_ends_the_run_and_keeps_what_came(flickr, run):
    flickr.add(*range(101, 107))
    run(maximum=2, per_page=2)
    flickr.endless_api_fault = Fault(429)
    with pytest.raises(CollectError, match=r"HTTP 429, 3 times in a row\. Run the same command again later"):
        run(maximum=6, per_page=2)
    flickr.endless_api_fault = None
    assert run(maximum=6, per_page=2).kept == 6
    assert len(flickr.whole_images()) == 6


def test_a_wait_of_an_hour_ends_the_run_instead(flickr, run):
    flickr.api_faults.append(Fault(429, headers={"Retry-After": "3600"}))
    with pytest.raises(CollectError, match="3600 seconds of quiet"):
        run()


def test_api_calls_keep_their_pace(flickr, run):
    flickr.add(*range(101, 105))
    begun = time.monotonic()
    run(per_page=2, maximum=None, how=manners(flickr, rate=10.0))
    assert len(flickr.moments) == 3
    # Each has its turn a tenth of a second after the one before; on a busy machine it may arrive later, never earlier.
    assert all(moment - begun >= 0.1 * turn for turn, moment in enumerate(flickr.moments))


def test_requests_name_wingcheck_and_a_contact(flickr, run):
    flickr.add(101)
    run()
    assert len(flickr.user_agents) == 1
    assert next(iter(flickr.user_agents)).startswith("Wingcheck/")
    assert "(counts@example.org)" in next(iter(flickr.user_agents))


JPEG = picture(7, width=240, height=180)


@pytest.mark.parametrize(
    ("values", "request_values", "reason"),
    [
        ({"data": b"not an image at all"}, {}, "not an image"),
        ({"data": b"<!doctype html><title>Sign in</title>"}, {}, "not an image"),
        ({"data": JPEG[: len(JPEG) // 2]}, {}, "damaged"),
        ({"data": JPEG[:40]}, {}, "damaged"),
        ({"data": picture(7, width=60, height=45)}, {}, "too small"),
        ({"data": picture(7, width=90, height=90)}, {}, "wrong size"),
        ({"sizes": ("sq", "q")}, {}, "size missing"),
        ({"sizes": ("t", "n")}, {"if_missing": "exact"}, "size missing"),
        ({"sizes": ("n",)}, {"if_missing": "smaller"}, "size missing"),
        ({"listed": (63, 40)}, {}, "too small"),
        ({"media": "video"}, {}, "not a photo"),
        ({"owner": "../../etc"}, {}, "malformed"),
    ],
)
def test_what_is_skipped_says_why(flickr, run, folder, values, request_values, reason):
    flickr.add(101, **values)
    flickr.add(102)
    summary = run(**request_values)
    assert summary.keywords[0].skipped == {reason: 1}
    assert rows(folder)["101"]["detail"]
    assert [file.name for file in (folder / "maniola_jurtina").iterdir()] == ["102.jpg"]


def test_a_licence_that_was_not_asked_for_is_skipped_even_if_flickr_lists_it(flickr, run, folder, monkeypatch):
    monkeypatch.setattr("tests.ml.collection.flickr_server._matches", lambda photo, asked: True)
    flickr.add(101, licence="0")
    flickr.add(102, licence="99")
    flickr.add(103, licence="14")
    summary = run(licences=["cc-by"])
    assert summary.keywords[0].skipped == {"licence not wanted": 2}
    assert rows(folder)["103"]["licence_name"] == "CC BY 4.0"
    assert flickr.searches[0]["license"] == "4,14"


def test_another_size_is_taken_where_the_wanted_one_is_missing_and_said(flickr, run, folder):
    flickr.add(101, sizes=("t", "n"))
    run(if_missing="larger")
    row = rows(folder)["101"]
    assert (row["size_name"], row["width"]) == ("small-320", 320)
    assert row["detail"] == "small-240 is not offered, took small-320"


def test_exact_and_near_duplicates_are_skipped_also_across_keywords(flickr, run, folder):
    flickr.add(101, seed=1)
    flickr.add(102, seed=1)
    flickr.add(103, seed=1, quality=35)
    flickr.add(104, seed=2, title="Gatekeeper", tags="")
    flickr.add(105, seed=1, quality=50, title="Gatekeeper", tags="")
    summary = run(keywords=["meadow brown=Maniola jurtina", "gatekeeper=Pyronia tithonus"])
    first, second = summary.keywords[1], summary.keywords[0]
    assert {first.keyword, second.keyword} == {"meadow brown", "gatekeeper"}
    by_id = rows(folder)
    assert [by_id[name]["reason"] for name in ("101", "102", "103", "104", "105")] == [
        None, "exact duplicate", "near duplicate", None, "near duplicate",
    ]  # fmt: skip
    assert by_id["105"]["detail"].endswith("of 64 bits from 101")


def test_near_duplicates_stay_where_that_is_wanted(flickr, run):
    flickr.add(101, seed=1)
    flickr.add(102, seed=1, quality=35)
    assert run(distance=None).kept == 2


def test_a_photo_found_for_two_taxa_has_no_label(flickr, run, folder):
    flickr.add(101, tags="meadow brown and gatekeeper")
    flickr.add(102)
    summary = run(keywords=["meadow brown=Maniola jurtina", "gatekeeper=Pyronia tithonus"])
    assert summary.kept == 1
    assert rows(folder)["101"]["reason"] == "two taxa"
    assert not (folder / "maniola_jurtina" / "101.jpg").exists()


def test_two_keywords_of_one_taxon_share_their_photos(flickr, run):
    flickr.add(101, tags="bruin zandoogje")
    summary = run(keywords=["meadow brown=Maniola jurtina", "bruin zandoogje=Maniola jurtina"])
    assert summary.kept == 1
    assert flickr.whole_images() == ["101"]


def test_another_taxon_for_a_collected_keyword_is_refused(flickr, run):
    flickr.add(101)
    run()
    asked = len(flickr.moments)
    with pytest.raises(RequestError, match=r"^keywords: 'meadow brown' was collected as Maniola jurtina"):
        run(keywords=["meadow brown=Pyronia tithonus"])
    assert len(flickr.moments) == asked


@pytest.mark.parametrize(
    "fault",
    [Fault(503), Fault(429, headers={"Retry-After": "1"}), Fault(200, cut_after=500), Fault(200, delay=0.6)],
    ids=["503", "429", "cut short", "too slow"],
)
def test_a_download_that_fails_is_tried_again(flickr, run, fault):
    flickr.add(101)
    flickr.image_faults["101"].extend([fault, fault])
    assert run(how=manners(flickr, timeout=0.3)).kept == 1
    assert len(flickr.images) == 3


def test_a_download_that_keeps_failing_is_left_and_tried_again_by_the_next_run(flickr, run, folder):
    flickr.add(101, 102)
    flickr.endless_image_faults["101"] = Fault(503)
    summary = run()
    assert (summary.kept, summary.keywords[0].failed) == (1, {"download failed": 1})
    assert rows(folder)["101"]["detail"] == "HTTP 503, 3 times"
    flickr.endless_image_faults.clear()
    assert run().kept == 2
    assert flickr.whole_images() == ["102", "101"]


def test_many_failures_in_a_row_end_the_run(flickr, run):
    flickr.add(*range(101, 131))
    flickr.endless_image_faults.update({str(number): Fault(500) for number in range(101, 131)})
    with pytest.raises(CollectError, match="10 downloads in a row failed"):
        run()
    assert len(flickr.images) < 3 * 30


def test_a_photo_that_is_gone_is_skipped_without_asking_again(flickr, run):
    flickr.add(101)
    flickr.endless_image_faults["101"] = Fault(404)
    flickr.add(102)
    flickr.endless_image_faults["102"] = Fault(302, headers={"Location": "/images/photo_unavailable_abc_s.jpg"})
    flickr.add("photo_unavailable")
    flickr.photos[-1].title, flickr.photos[-1].tags, flickr.photos[-1].data = "", "", JPEG
    summary = run()
    assert summary.keywords[0].skipped == {"gone": 2}
    assert len([image for image in flickr.images if image[0] == "101"]) == 1


def test_a_picture_that_is_too_large_is_not_read_to_its_end(flickr, run):
    flickr.add(101, data=b"\xff\xd8\xff" + bytes(3_000_000))
    assert run(how=manners(flickr, most_megabytes=1.0)).keywords[0].skipped == {"too large": 1}


def test_a_search_beyond_flickrs_limit_is_halved_by_upload_date(flickr, run, monkeypatch):
    for number in range(40):
        flickr.add(101 + number, uploaded=1_400_000_000 + number * 5_000_000)
    flickr.most_results = 10
    monkeypatch.setattr(collector, "MOST_RESULTS", 10)
    summary = run(maximum=None, per_page=5)
    assert summary.kept == 40
    assert len(flickr.whole_images()) == len(set(flickr.whole_images())) == 40


def test_filters_reach_flickr_in_its_own_words(flickr, run):
    run(
        keywords=["meadow brown"], licences=["cc0", "public-domain-mark"], per_page=50, taken_after="2020-06-01",
        taken_before="2020-08-31T18:30:00", bbox=(3.3, 50.7, 7.3, 53.6),
    )  # fmt: skip
    asked = flickr.searches[0]
    expected = {
        "text": "meadow brown", "license": "9,10", "sort": "relevance", "per_page": "50", "page": "1",
        "safe_search": "1", "min_taken_date": "2020-06-01 00:00:00", "max_taken_date": "2020-08-31 18:30:00",
        "media": "photos", "bbox": "3.300000,50.700000,7.300000,53.600000",
    }  # fmt: skip
    assert expected.items() <= asked.items()
    assert {"url_o", "license", "geo", "tags", "owner_name"} <= set(asked["extras"].split(","))


def test_only_photos_that_pass_the_filters_come(flickr, run):
    flickr.add(101, place=(52.0, 5.0, 16), taken="2020-07-01 10:00:00")
    flickr.add(102, place=(40.0, 5.0, 16), taken="2020-07-01 10:00:00")
    flickr.add(103, place=(52.0, 5.0, 16), taken="2019-07-01 10:00:00")
    flickr.add(104)
    run(bbox=(3.3, 50.7, 7.3, 53.6), taken_after="2020-01-01")
    assert flickr.whole_images() == ["101"]


def test_counting_fetches_and_writes_nothing(flickr, access, folder):
    flickr.add(101, 102)
    request = request_from({"keywords": ["meadow brown", "gatekeeper"]})
    assert count(request, access=access, manners=manners(flickr)) == {"meadow brown": 2, "gatekeeper": 0}
    assert not folder.exists()
    assert flickr.images == []


def test_a_reporter_hears_of_everything(flickr, run):
    heard = []

    class Listening(Reporter):
        def found(self, keyword, total):
            heard.append(("found", total))

        def settled(self, keyword, status, reason):
            heard.append((status, reason))

        def paused(self, seconds, why):
            heard.append(("paused", why))

    flickr.add(101)
    flickr.add(102, sizes=("sq",))
    flickr.api_faults.append(Fault(429))
    run(reporter=Listening())
    assert heard == [("paused", "HTTP 429"), ("found", 2), ("skipped", "size missing"), ("kept", None)]


def test_another_servers_answer_is_told_from_flickrs(flickr, run):
    flickr.api_faults.append(Fault(404))
    with pytest.raises(CollectError, match="answers HTTP 404"):
        run()
    flickr.api_faults.append(Fault(200, body=b'<rsp stat="ok"><licenses/></rsp>'))
    with pytest.raises(RequestError, match=r"^licences: Flickr lists none"):
        run()
