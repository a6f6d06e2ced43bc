"""When something is missing, wrong or breaks: it is said beside the field, and nothing that was filled in is lost."""

import re
import socket
import threading
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, Route, expect

from tests import factories
from tests.browser.conftest import NewPerson
from tests.browser.steps import choose, drawn, file, preview, see_verdict, send, sent_by_same, species
from tests.running import Server


def test_what_is_missing_is_said_beside_the_field_and_in_a_summary(desktop: Page):
    """No photo and no species: both are told at once, the summary has the focus, and its links lead to the fields."""
    desktop.goto("/")
    desktop.get_by_label("Where did you see it?").fill("A garden")
    send(desktop)
    summary = desktop.get_by_role("group", name="Nearly there. Please check what is marked below.")
    expect(summary).to_be_focused()
    expect(summary.get_by_role("link")).to_have_count(2)
    expect(desktop.locator("#error-file")).to_be_visible()
    expect(desktop.locator("#error-claim")).to_be_visible()
    expect(desktop.get_by_role("group", name="Which species was it?")).to_have_accessible_description(
        re.compile("Please choose what you think it was")
    )
    summary.get_by_role("link", name=re.compile("Please choose what you think it was")).click()
    expect(species(desktop, "meadow brown")).to_be_focused()

    choose(desktop, drawn(40))
    species(desktop, "gatekeeper").check()
    expect(desktop.get_by_label("Where did you see it?")).to_have_value("A garden")
    send(desktop)
    see_verdict(desktop)


def test_a_photo_that_the_service_refuses_is_named_and_the_rest_stays(new_person: NewPerson, server: Server):
    """Two of three files can't be opened: each says so itself. Without them the rest is sent as it was filled in."""
    person = new_person()
    person.expects("status of 422")
    page = person.page
    page.goto("/")
    choose(
        page,
        drawn(41, "good.jpg"),
        file("notes.jpg", b"Dear diary, today I saw a gatekeeper."),
        file("cut.jpg", factories.photo(42)[:900]),
    )
    species(page, "gatekeeper").check()
    page.get_by_label("Where did you see it?").fill("Behind the shed")
    send(page)
    summary = page.get_by_role("group", name="Nearly there. Please check what is marked below.")
    expect(summary).to_be_focused()
    expect(summary.get_by_role("link", name=re.compile(r"notes\.jpg: We can’t open this file"))).to_be_visible()
    expect(summary.get_by_role("link", name=re.compile(r"cut\.jpg: This photo is damaged"))).to_be_visible()
    expect(summary).not_to_contain_text("good.jpg")
    of_photos = page.locator("#field-file").get_by_role("listitem")
    expect(of_photos.nth(1)).to_contain_text("We can’t open this file")
    expect(of_photos.nth(2)).to_contain_text("This photo is damaged")
    expect(page.get_by_label("Where did you see it?")).to_have_value("Behind the shed")
    expect(species(page, "gatekeeper")).to_be_checked()

    page.get_by_role("button", name="Remove notes.jpg").click()
    page.get_by_role("button", name="Remove cut.jpg").click()
    send(page)
    see_verdict(page)
    expect(page.get_by_role("img", name="Your photo: good.jpg")).to_be_visible()
    assert sent_by_same(server, page) == 1


def test_too_many_photos_are_left_out_by_name(desktop: Page):
    """What does not fit is named; what fits is kept."""
    desktop.goto("/")
    choose(desktop, *[drawn(50 + number) for number in range(9)])
    expect(preview(desktop, 8)).to_be_visible()
    expect(preview(desktop, 9)).to_have_count(0)
    expect(desktop.locator("#error-file")).to_contain_text("8 photos at a time")
    expect(desktop.locator("#error-file")).to_contain_text("butterfly-58.jpg")


def test_a_double_click_is_one_submission(desktop: Page, server: Server):
    """Impatience costs nothing."""
    desktop.goto("/")
    choose(desktop, drawn(60))
    species(desktop, "gatekeeper").check()
    desktop.get_by_role("button", name="Send for a second opinion").dblclick()
    see_verdict(desktop)
    assert sent_by_same(server, desktop) == 1


def test_the_same_again_by_the_back_button_is_one_submission(desktop: Page, server: Server):
    """Whoever goes back and sends the same is shown what they sent before."""
    desktop.goto("/")
    choose(desktop, drawn(61))
    species(desktop, "gatekeeper").check()
    send(desktop)
    see_verdict(desktop)
    address = desktop.url

    desktop.go_back()
    expect(desktop.get_by_role("heading", level=1)).to_have_text("Which butterfly did you see?")
    if not preview(desktop).count():  # some browsers keep the files, some do not
        choose(desktop, drawn(61))
    species(desktop, "gatekeeper").check()
    send(desktop)
    see_verdict(desktop)
    expect(desktop.get_by_text("You already sent this.")).to_be_visible()
    assert desktop.url.split("?")[0] == address
    assert sent_by_same(server, desktop) == 1


def test_without_connection_nothing_is_lost(new_person: NewPerson, server: Server):
    """Offline in the garden: the page says so; back online one press sends what is still there."""
    person = new_person()
    person.expects("ERR_INTERNET_DISCONNECTED")
    page = person.page
    page.goto("/")
    choose(page, drawn(62))
    expect(preview(page)).to_be_visible()
    species(page, "gatekeeper").check()
    person.context.set_offline(True)
    send(page)
    expect(page.get_by_text("The connection was lost.").first).to_be_visible()
    person.context.set_offline(False)
    again = page.get_by_role("button", name="Send again")
    expect(again).to_be_focused()
    again.click()
    see_verdict(page)
    assert sent_by_same(server, page) == 1


class LossyLine:
    """A line to the server that forwards everything, but loses the answers to submissions until it is `mended`."""

    def __init__(self, port: int) -> None:
        self._server = ("127.0.0.1", port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.mended = False
        self.lost = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Take no more connections."""
        self._listener.close()

    def _accept(self) -> None:
        try:
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(self._server)
                posting = threading.Event()
                for source, target in ((near, far), (far, near)):
                    threading.Thread(
                        target=self._forward, args=(source, target, posting, source is near), daemon=True
                    ).start()
        except OSError:
            pass

    def _forward(self, source: socket.socket, target: socket.socket, posting: threading.Event, up: bool) -> None:
        try:
            while data := source.recv(65536):
                if up and data.startswith(b"POST /submissions"):
                    posting.set()
                if not up and posting.is_set() and not self.mended:
                    self.lost += 1
                    break
                target.sendall(data)
        except OSError:
            pass
        for end in (source, target):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


@pytest.fixture
def lossy(server: Server) -> Iterator[LossyLine]:
    """A line that breaks at the worst moment."""
    line = LossyLine(server.port)
    yield line
    line.close()


def test_an_answer_that_got_lost_is_asked_for_again_and_counts_once(
    new_person: NewPerson, server: Server, lossy: LossyLine
):
    """The service had taken it, but the phone never heard so: sending again finds the same submission."""
    person = new_person(at=lossy.url)
    person.expects("ERR_EMPTY_RESPONSE", "ERR_CONNECTION")
    page = person.page
    page.goto("/")
    choose(page, drawn(63))
    species(page, "meadow brown").check()
    send(page)
    expect(page.get_by_text("The connection was lost.").first).to_be_visible()
    assert lossy.lost
    lossy.mended = True
    page.get_by_role("button", name="Send again").click()
    see_verdict(page)
    assert sent_by_same(server, page) == 1


def refusing(page: Page, times: int, headers: dict[str, str]) -> list[str]:
    """The service is too busy so many times; the list grows by the address of each attempt."""
    attempts: list[str] = []

    def answer(route: Route) -> None:
        attempts.append(route.request.url)
        route.fulfill(status=503, headers=headers, json={"detail": "Busy."}) if len(
            attempts
        ) <= times else route.continue_()

    page.route("**/submissions", answer)
    return attempts


def test_a_busy_service_is_asked_again_by_itself(new_person: NewPerson, server: Server):
    """The page says so, and the verdict comes without another tap."""
    person = new_person()
    person.expects("503")
    page = person.page
    page.goto("/")
    choose(page, drawn(64))
    species(page, "meadow brown").check()
    attempts = refusing(page, 2, {"Retry-After": "1"})
    send(page)
    expect(page.get_by_text("Your photo will be sent again in a moment").first).to_be_visible()
    see_verdict(page)
    assert len(attempts) == 3
    assert sent_by_same(server, page) == 1


def test_waiting_for_a_busy_service_can_be_stopped(new_person: NewPerson):
    """Nothing is sent then, and the form is as it was."""
    person = new_person()
    person.expects("503")
    page = person.page
    page.goto("/")
    choose(page, drawn(65))
    species(page, "meadow brown").check()
    attempts = refusing(page, 99, {"Retry-After": "60"})
    send(page)
    expect(page.get_by_text("Your photo will be sent again in a moment").first).to_be_visible()
    page.get_by_role("button", name="Stop sending").click()
    expect(page.get_by_text("Stopped. Nothing was lost").first).to_be_visible()
    expect(species(page, "meadow brown")).to_be_checked()
    assert len(attempts) == 1
