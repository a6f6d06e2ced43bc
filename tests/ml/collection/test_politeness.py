"""Pace and patience, without a network."""

import threading
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from ml.collection.errors import CollectError, scrubbed
from ml.collection.politeness import Busy, Pace, Patience, Stopped, retry_after_seconds


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


def tries(failures: list[Exception], patience: Patience) -> tuple[object, list[float]]:
    waits: list[float] = []

    def action():
        if failures:
            raise failures.pop(0)
        return "done"

    answer = patience.call(action, Pace(0.0, threading.Event()), lambda seconds, _: waits.append(seconds))
    return answer, waits


def test_waits_double_with_jitter_up_to_the_longest():
    answer, waits = tries([Busy("x") for _ in range(5)], Patience(attempts=6, first=0.002, longest=0.01))
    assert answer == "done"
    for wait, most in zip(waits, [0.002, 0.004, 0.008, 0.01, 0.01], strict=True):
        assert most / 2 <= wait <= most


def test_retry_after_is_obeyed_as_it_is():
    _, waits = tries([Busy("x", 0.05)], Patience(first=0.001))
    assert 0.05 <= waits[0] <= 0.051


def test_after_the_last_attempt_it_is_over():
    with pytest.raises(Busy):
        tries([Busy("x") for _ in range(3)], Patience(attempts=3, first=0.001))


def test_a_longer_wait_than_is_obeyed_ends_the_run():
    with pytest.raises(CollectError, match="900 seconds"):
        tries([Busy("HTTP 429", 900)], Patience())


def test_retry_after_in_both_forms():
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    assert 25 < (retry_after_seconds(soon) or 0) <= 30
    assert retry_after_seconds("12") == 12
    assert retry_after_seconds("-3") == 0
    assert retry_after_seconds("Wed, 21 Oct 2015 07:28:00 GMT") == 0
    assert retry_after_seconds("soon") is None
    assert retry_after_seconds(None) is None


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
