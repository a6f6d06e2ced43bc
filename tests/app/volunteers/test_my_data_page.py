"""The volunteer's own data on the page: download everything, delete everything."""

import io
import json
import re
import zipfile

from app.submissions.rules import SubmissionStatus
from app.volunteers.dependencies import VOLUNTEER_COOKIE
from app.volunteers.withdrawal import what_goes, what_stays
from tests.app.sending import post, row, token_of
from tests.factories import photo


def sent(lite, *pictures, **fields):
    lite.client.get("/")
    return token_of(post(lite.client, *(pictures or (photo(1),)), **fields))


def test_who_sent_nothing_is_offered_nothing(lite):
    assert "/mine/download" not in lite.client.get("/mine").text
    for path in ("/mine/download", "/mine/delete"):
        answer = lite.client.get(path, follow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (303, "/mine")


def test_everything_can_be_downloaded(lite):
    token = sent(lite, photo(1), note="by the door")
    assert "/mine/download" in lite.client.get("/mine").text
    answer = lite.client.get("/mine/download")
    assert answer.headers["content-type"] == "application/zip"
    assert "attachment" in answer.headers["content-disposition"]
    assert "no-store" in answer.headers["cache-control"]
    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    [volunteer] = json.loads(archive.read("my-data.json"))["volunteers"]
    [submission] = volunteer["submissions"]
    assert (submission["token"], submission["note"]) == (token, "by the door")
    assert archive.read(submission["photos"][0]["file"]) == photo(1)


def test_another_browser_downloads_nothing_of_it(lite):
    sent(lite)
    lite.client.cookies.clear()
    assert lite.client.get("/mine/download", follow_redirects=False).status_code == 303


def test_deleting_asks_first(lite):
    token = sent(lite)
    page = lite.client.get("/mine/delete")
    assert page.status_code == 200
    assert 'action="/mine/delete" method="post"' in page.text
    assert "1 submission from this browser" in page.text
    assert row(lite, token).status is not SubmissionStatus.WITHDRAWN


def test_everything_is_deleted_and_the_cookie_too(lite):
    token = sent(lite, note="by the door")
    answer = lite.client.post("/mine/delete", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/mine?deleted=1")
    assert VOLUNTEER_COOKIE not in lite.client.cookies
    assert "Everything you sent was deleted" in lite.client.get("/mine?deleted=1").text
    assert row(lite, token).status is SubmissionStatus.WITHDRAWN
    assert row(lite, token).note == ""


def test_deleting_twice_is_no_error(lite):
    sent(lite)
    cookie = lite.client.cookies.get(VOLUNTEER_COOKIE)
    lite.client.post("/mine/delete")
    lite.client.cookies.set(VOLUNTEER_COOKIE, cookie)
    assert lite.client.post("/mine/delete", follow_redirects=False).status_code == 303


def test_another_site_can_t_delete(lite):
    token = sent(lite)
    answer = lite.client.post("/mine/delete", headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403
    assert row(lite, token).status is not SubmissionStatus.WITHDRAWN


def test_the_pages_speak_dutch(lite):
    sent(lite)
    headers = {"Accept-Language": "nl"}
    assert "Alles downloaden" in lite.client.get("/mine", headers=headers).text
    assert "Ja, verwijder alles" in lite.client.get("/mine/delete", headers=headers).text


def test_both_pages_that_ask_say_what_goes_and_what_stays_as_the_tables_are_marked(lite):
    token = sent(lite)
    for path, goes in ((f"/s/{token}/withdraw", what_goes()), ("/mine/delete", what_goes(everything=True))):
        html = lite.client.get(path).text
        assert set(re.findall(r'data-goes="(\w+)"', html)) == goes
        assert set(re.findall(r'data-stays="(\w+)"', html)) == what_stays()
    assert what_goes(everything=True) - what_goes() == {"address", "cookie"}
