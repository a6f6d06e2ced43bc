"""A slow network, none at all, a key held down, a session that ends: an action is sent once, and nothing is lost."""

from playwright.sync_api import Page, Route, expect

from app.accounts.tables import User, UserSession
from app.core.db import transaction
from tests.browser.conftest import NewPerson
from tests.browser.review_steps import (
    BROWN,
    GATEKEEPER,
    decided,
    eventually_told,
    item_on,
    press,
    reviewer,
    send_many,
    told,
)
from tests.people import PASSWORD
from tests.running import Server, eventually


def test_a_key_held_down(new_person: NewPerson, decided_server: Server):
    """Pressed three times at once it decides one photo: nobody has seen the next ones yet."""
    items = send_many(decided_server, 4, "Heavy hand")
    page = reviewer(new_person, decided_server).page
    page.goto("/review/next?place=heavy")
    first = item_on(page)
    for _ in range(3):
        page.keyboard.down("a")
    page.keyboard.up("a")
    expect(page.locator(f'article.desk[data-ready]:not([data-item="{first}"])')).to_have_count(1)
    eventually_told(decided_server, first, ("taxon", BROWN, "V1"))
    assert decided(decided_server, items) == 1


def test_without_a_connection(new_person: NewPerson, decided_server: Server):
    """Decisions wait in the browser, one of them is taken back unsent, a reload keeps the others; then all arrive, once."""
    items = send_many(decided_server, 4, "Offline heath")
    person = reviewer(new_person, decided_server)
    person.expects("ERR_INTERNET_DISCONNECTED", "ERR_FAILED")
    page = person.page
    page.goto("/review/next?place=offline")
    first = item_on(page)
    eventually(lambda: page.evaluate("wingcheckDesk.ahead.ready.length") == 3, "the next photos are here")
    page.route("**/review/*/decide", lambda route: route.abort())
    page.route("**/review/*/undo", lambda route: route.abort())
    second = press(page, "a")
    third = press(page, "m")
    warning = page.get_by_role("alert").filter(has_text="You are offline.")
    expect(warning).to_contain_text("2 of your decisions are kept in this browser")
    page.keyboard.press("z")
    expect(page.locator(f'article.desk[data-ready][data-item="{second}"]')).to_have_count(1)
    assert press(page, "m") == third
    page.on("dialog", lambda dialog: dialog.accept())
    page.reload()
    expect(warning).to_be_visible()
    assert told(decided_server, first) == []
    page.unroute("**/review/*/decide")
    warning.get_by_role("button", name="Try now").click()
    eventually_told(decided_server, first, ("taxon", BROWN, "V1"))
    eventually_told(decided_server, second, ("taxon", GATEKEEPER, "V1"))
    expect(warning).to_have_count(0)
    assert decided(decided_server, items) == 2


def boxes(page: Page) -> int:
    """How many tabs have something to send."""
    found: int = page.evaluate("Object.keys(localStorage).filter((key) => key.startsWith('wingcheck-outbox-')).length")
    return found


def test_two_tabs_without_a_connection(new_person: NewPerson, decided_server: Server):
    """Each keeps and sends what was decided in it; what a tab had not sent when it was closed is sent by the other one."""
    items = send_many(decided_server, 4, "Two tabs")
    person = reviewer(new_person, decided_server)
    person.expects("ERR_FAILED")
    one, other = person.page, person.page.context.new_page()
    for page in (one, other):
        page.route("**/review/*/decide", lambda route: route.abort())
    one.goto(f"/review/{items[0].id}?place=two")
    item_on(one)
    press(one, "a")
    other.goto(f"/review/{items[1].id}?place=two")
    item_on(other)
    press(other, "m")
    eventually(lambda: boxes(other) == 2, "each tab keeps its own")
    other.unroute("**/review/*/decide")
    other.get_by_role("alert").get_by_role("button", name="Try now").click()
    eventually_told(decided_server, items[1].id, ("taxon", GATEKEEPER, "V1"))
    eventually(lambda: boxes(other) == 1, "the other tab's is left alone")
    assert told(decided_server, items[0].id) == []
    one.close()
    eventually_told(decided_server, items[0].id, ("taxon", BROWN, "V1"))
    eventually(lambda: boxes(other) == 0, "nothing is left")
    assert decided(decided_server, items) == 2


def test_an_answer_that_got_lost(new_person: NewPerson, decided_server: Server):
    """The decision arrived and its answer did not: sent again it is neither refused nor written twice."""
    item, _ = send_many(decided_server, 2, "Lost answer")
    person = reviewer(new_person, decided_server)
    person.expects("ERR_FAILED", "status of 409")
    page = person.page
    lost: list[str] = []

    def lose_once(route: Route) -> None:
        if lost:
            route.continue_()
            return
        lost.append(route.request.url)
        route.fetch()
        route.abort()

    page.route("**/review/*/decide", lose_once)
    page.goto(f"/review/{item.id}?place=lost")
    item_on(page)
    press(page, "a")
    eventually(lambda: page.evaluate("wingcheckDesk.outbox.waiting") == 0, "the outbox is empty")
    assert lost
    assert told(decided_server, item.id) == [("taxon", BROWN, "V1")]
    expect(page.get_by_text("was not saved")).to_have_count(0)


def test_a_session_that_ended(new_person: NewPerson, decided_server: Server):
    """Signed out in between: the decision waits, and is sent after signing in again."""
    item, _ = send_many(decided_server, 2, "Ended session")
    person = reviewer(new_person, decided_server)
    person.expects("status of 401", "status of 403")
    page = person.page
    page.goto(f"/review/{item.id}?place=ended")
    item_on(page)
    eventually(lambda: page.evaluate("wingcheckDesk.ahead.ready.length") == 1, "the next photo is here")
    with transaction(decided_server.sessions) as session:
        session.query(UserSession).delete()
    press(page, "m")
    page.get_by_role("alert").get_by_role("link", name="Sign in").first.click()
    page.get_by_label("E-mail address").fill(email(decided_server))
    page.get_by_label("Password").first.fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    eventually_told(decided_server, item.id, ("taxon", GATEKEEPER, "V1"))


def email(server: Server) -> str:
    """The address of the user made last."""
    with transaction(server.sessions) as session:
        found = session.query(User).order_by(User.id.desc()).first()
        assert found is not None
        return found.email
