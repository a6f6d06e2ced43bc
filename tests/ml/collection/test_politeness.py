"""Pace and patience, without a network."""

import threading
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
import requests

from ml.collection import download
from ml.collection.errors import CollectError, scrubbed
from ml.collection.politeness import Busy, Pace, Patience, Stopped


def test_threads_share_one_pace():
    pace, moments = Pace(0.03, threading.Event()), []

    def ask():
        for _ in range(3):
            pace.wait()
            moments.append(time.monotonic())

    threads = [threading.Thread(target=ask) for _ in range(3)]
    begun = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    assert len(moments) == 9
    assert max(moments) - begun >= 8 * 0.03


def test_a_stop_ends_every_wait():
    stop = threading.Event()
    pace = Pace(60.0, stop)
    pace.wait()
    threading.Timer(0.05, stop.set).start()
    begun = time.monotonic()
    with pytest.raises(Stopped):
        pace.wait()
    assert time.monotonic() - begun < 5


def tries(failures: list[Exception], **values: Any) -> tuple[object, list[float]]:
    waits: list[float] = []

    def action():
        if failures:
            raise failures.pop(0)
        return "done"

    pace = Pace(0.0, threading.Event())
    pace.hold = lambda seconds: None  # type: ignore[method-assign]
    return Patience(pace, waiting=lambda seconds, _: waits.append(seconds), **values).call(action), waits


def test_waits_double_with_jitter_up_to_the_longest():
    answer, waits = tries([Busy("x") for _ in range(7)], attempts=8, first=2.0)
    assert answer == "done"
    for wait, least in zip(waits, [2, 4, 8, 16, 32, 60, 60], strict=True):
        assert least <= wait <= min(least + 1, 60)


def test_retry_after_is_obeyed_in_both_forms():
    _, waits = tries([Busy("x", "12"), Busy("x", "Wed, 21 Oct 2015 07:28:00 GMT")], first=0.001)
    assert waits[0] == 12
    assert waits[1] < 1
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    assert 25 < tries([Busy("x", soon)])[1][0] <= 30


def test_a_retry_after_that_says_nothing_is_passed_over():
    assert tries([Busy("x", "soon")], first=0.5)[1][0] < 1


def test_after_the_last_attempt_it_is_over():
    with pytest.raises(Busy):
        tries([Busy("x") for _ in range(3)], attempts=3, first=0.001)


def test_a_longer_wait_than_is_obeyed_ends_the_run():
    with pytest.raises(CollectError, match="900 seconds"):
        tries([Busy("HTTP 429", "900")])


@pytest.mark.parametrize(
    "text",
    [
        "https://x/?api_key=hidden&text=a", 'OAuth oauth_consumer_key="hidden", oauth_signature="hidden"',
        "{'oauth_token': 'hidden'}", "key hidden refused", "url: /rest?api_sig%3Dhidden",
    ],
)  # fmt: skip
def test_secrets_are_scrubbed(text):
    assert "hidden" not in scrubbed(text, "hidden")
    if "key hidden" not in text:
        assert "hidden" not in scrubbed(text)


# --- redirects --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "followed"),
    [
        ("https://live.staticflickr.com/2/b.jpg", True),
        ("https://farm1.staticflickr.com/b.jpg", True),
        ("/photo_unavailable.png", True),
        ("http://127.0.0.1/", False),
        ("https://staticflickr.com.evil.example/", False),
        ("https://evilstaticflickr.com/", False),
        ("//evil.example/", False),
    ],
)
def test_a_download_is_led_nowhere_but_to_flickr(target, followed):
    answer = requests.Response()
    answer.status_code, answer.url = 302, "https://live.staticflickr.com/1/a.jpg"
    answer.headers["Location"] = target
    session = download._Session()
    if followed:
        assert session.get_redirect_target(answer) == target
    else:
        with pytest.raises(requests.exceptions.InvalidURL):
            session.get_redirect_target(answer)
