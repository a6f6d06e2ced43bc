"""An evening at the desk: twenty photos by keyboard alone, one taken back, a question asked and answered, to the end."""

import re

import pytest
from playwright.sync_api import Page, expect

from app.review.rules import TaskState
from tests.browser.conftest import NewPerson
from tests.browser.review_steps import (
    BROWN,
    GATEKEEPER,
    TABLET,
    Sent,
    decided,
    eventually_told,
    item_on,
    make_blind,
    press,
    reviewer,
    send_many,
    state,
    told,
)
from tests.running import Server, eventually


@pytest.mark.parametrize("options", [{}, TABLET], ids=["1280 px", "820 px"])
def test_by_keyboard_alone(new_person: NewPerson, decided_server: Server, options: dict[str, object]):
    """Sign in, start, decide twenty without touching the mouse, undo one, ask a volunteer, read the answer, finish."""
    many, place = 20, f"Keyboard garden {len(options)}"
    items = send_many(decided_server, many, place)
    page = reviewer(new_person, decided_server, **options).page
    page.goto(f"/review?place={place}")
    expect(page.get_by_role("main")).to_contain_text(f"{many} are waiting for an expert.")
    page.get_by_role("link", name="Start reviewing").press("Enter")

    first = item_on(page)
    press(page, "a")
    eventually_told(decided_server, first, ("taxon", BROWN, "V1"))
    second = item_on(page)
    press(page, "m")
    eventually_told(decided_server, second, ("taxon", GATEKEEPER, "V1"))
    assert press_undo(page) == second
    eventually_told(decided_server, second, ("taxon", GATEKEEPER, "V1"), ("undo", None, None))
    press(page, "a")
    eventually_told(decided_server, second, ("taxon", GATEKEEPER, "V1"), ("undo", None, None), ("taxon", BROWN, "V1"))
    asked = ask(page, "Was there a small white dot under the hindwing?")
    for key in ["m", "u", "n", *"a" * (many - 7)]:
        press(page, key)
    answer(new_person, decided_server, next(item for item in items if item.id == asked))
    page.keyboard.press("a")  # the last one that nobody was asked about; now the answer comes back to whoever asked
    expect(page.get_by_text("Three of them, in a row.").first).to_be_visible()
    assert item_on(page) == asked
    page.keyboard.press("m")
    expect(page.get_by_role("heading", level=1)).to_have_text("No more matches")
    assert decided(decided_server, items) == many
    assert told(decided_server, asked) == [("question", None, "D"), ("taxon", GATEKEEPER, "V1")]


def press_undo(page: Page) -> int:
    """Take the last decision back; the number of the item that comes again."""
    before = item_on(page)
    page.keyboard.press("z")
    expect(page.locator(f'article.desk[data-ready]:not([data-item="{before}"])')).to_have_count(1)
    return item_on(page)


def ask(page: Page, question: str) -> int:
    """Ask the volunteer of the item on the desk; its number."""
    asked = item_on(page)
    page.keyboard.press("q")
    sheet = page.get_by_role("dialog", name="Ask the volunteer")
    expect(sheet).to_be_visible()
    page.keyboard.press("Control+Enter")
    expect(sheet.get_by_role("alert")).to_have_text("Please write a question or choose a template.")
    expect(sheet.get_by_label("Your question")).to_be_focused()
    page.keyboard.type(question)
    page.keyboard.press("Control+Enter")
    expect(page.locator(f'article.desk[data-ready]:not([data-item="{asked}"])')).to_have_count(1)
    return asked


def answer(new_person: NewPerson, server: Server, item: Sent) -> None:
    """The volunteer's side: the question stands on the page, and is answered there without any script."""
    eventually(lambda: state(server, item.id) is TaskState.ASKED, "the question is asked")
    volunteer = new_person(at=server.url, viewport={"width": 390, "height": 844}, java_script_enabled=False).page
    volunteer.goto(f"/s/{item.token}")
    question = volunteer.get_by_role("region", name="An expert has a question for you")
    expect(question).to_contain_text("Was there a small white dot under the hindwing?")
    question.get_by_label("Your answer").fill("Three of them, in a row.")
    question.get_by_role("button", name="Send answer").click()
    expect(volunteer.get_by_text("Your answer has been sent to the expert.")).to_be_visible()
    expect(volunteer.get_by_role("region", name="Questions from experts")).to_contain_text("Three of them, in a row.")


def test_every_other_answer(new_person: NewPerson, decided_server: Server):
    """Another taxon by a few letters, sureness, a comment, skip and back; the record and the desk show what was said."""
    items = send_many(decided_server, 6, "Everything meadow")
    page = reviewer(new_person, decided_server).page
    page.goto("/review/next?place=everything")

    first = item_on(page)
    page.keyboard.press("t")
    page.keyboard.type("gate")
    expect(page.get_by_role("option", name="gatekeeper")).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")
    second = next_after(page, first)
    eventually_told(decided_server, first, ("taxon", GATEKEEPER, "V1"))

    page.keyboard.press("v")
    expect(page.get_by_role("radio", name="Considered correct")).to_be_checked()
    press(page, "a")
    eventually_told(decided_server, second, ("taxon", BROWN, "V2"))

    third = item_on(page)
    page.keyboard.press("p")
    page.keyboard.press("p")
    expect(page.get_by_role("radio", name="Correct", exact=True)).to_be_checked()
    page.keyboard.press("p")
    page.keyboard.press("c")
    page.keyboard.type("Worth a second opinion")
    page.get_by_role("button", name="Save as a note without deciding").click()
    eventually_told(decided_server, third, ("comment", None, None))
    page.keyboard.press("c")
    page.keyboard.type("A worn one: compare the underside")
    page.keyboard.press("Control+Enter")
    press(page, "m")
    eventually_told(decided_server, third, ("comment", None, None), ("taxon", GATEKEEPER, "C3"))

    fourth = item_on(page)
    fifth = press(page, "s")
    assert told(decided_server, fourth) == []
    assert press(page, "ArrowLeft") == fourth
    assert press(page, "ArrowLeft") == third
    expect(page.get_by_text("Decided: Gatekeeper, plausible.", exact=True)).to_be_visible()
    expect(page.get_by_role("region", name="Details")).to_contain_text("A worn one: compare the underside")
    page.keyboard.press("x")
    expect(page.get_by_role("button", name="Claim is right")).to_be_visible()
    assert [kind for kind, *_ in told(decided_server, third)] == ["comment", "taxon", "undo"]
    assert {item.id for item in items} >= {first, second, third, fourth, fifth}


def next_after(page: Page, before: int) -> int:
    """The item that comes when this one is left."""
    expect(page.locator(f'article.desk[data-ready]:not([data-item="{before}"])')).to_have_count(1)
    return item_on(page)


def test_looking_at_the_photo(new_person: NewPerson, decided_server: Server):
    """Fit and 1:1, zoom, turn, brightness, pan, several photos, where the network looked; the help lists the keys."""
    send_many(decided_server, 2, "Looking place", orange=False, size=1600)
    person = reviewer(new_person, decided_server)
    page = person.page
    page.goto("/review/next?place=looking")
    item_on(page)
    viewer = page.locator("[data-viewer]")
    expect(viewer).to_have_attribute("data-fitted", "true")
    page.keyboard.press("f")
    expect(viewer).to_have_attribute("data-zoom", "1.00")
    page.keyboard.press("+")
    expect(viewer).to_have_attribute("data-zoom", "1.25")
    layer = page.locator("[data-layer]")
    before = layer.get_attribute("style") or ""
    page.keyboard.press("Shift+ArrowRight")
    expect(layer).not_to_have_attribute("style", before)
    page.keyboard.press("r")
    expect(viewer).to_have_attribute("data-turns", "1")
    page.keyboard.press("]")
    expect(viewer).to_have_attribute("data-brightness", "1.2")
    page.keyboard.press("0")
    expect(viewer).to_have_attribute("data-fitted", "true")
    box = viewer.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.7, box["y"] + box["height"] / 2)
    page.mouse.wheel(0, -500)
    expect(viewer).to_have_attribute("data-fitted", "false")
    page.keyboard.press("0")

    page.keyboard.press("w")
    attention = page.locator("[data-attention]")
    expect(attention).to_be_visible()
    assert attention.evaluate("image => image.decode().then(() => image.naturalWidth)") > 0
    page.keyboard.press("r")
    assert same_place(page)
    page.keyboard.press("w")
    expect(attention).to_be_hidden()

    page.keyboard.press("?")
    keys = page.get_by_role("dialog", name="Keyboard shortcuts")
    for meaning in ("Accept the claim", "Where the model looked", "Undo your last decision", "Skip"):
        expect(keys.get_by_text(re.compile(meaning))).to_be_visible()
    keys.get_by_label("Use keyboard shortcuts").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("f")
    expect(viewer).to_have_attribute("data-fitted", "true")


def same_place(page: Page) -> bool:
    """Whether what lies over the photo covers exactly the photo, however it is turned."""
    found = page.evaluate(
        """() => ['[data-photo]', '[data-attention]'].map(one => {
            const box = document.querySelector(one).getBoundingClientRect();
            return [box.x, box.y, box.width, box.height].map(Math.round).join();
        })"""
    )
    return bool(found[0] == found[1])


def test_a_blind_item(new_person: NewPerson, decided_server: Server):
    """Claim and second opinion are nowhere in the page until the expert has answered; then they are told."""
    hidden, _after = send_many(decided_server, 2, "Blind valley")
    make_blind(decided_server, hidden)
    page = reviewer(new_person, decided_server).page
    page.goto(f"/review/{hidden.id}?place=blind")
    item_on(page)
    expect(page.get_by_text("Blind review: you see the claim")).to_be_visible()
    assert "sees something else" not in page.content()
    assert page.locator("[data-attention-toggle]").count() == 0
    names = page.locator(".act__name").all_inner_texts()
    assert names == ["Meadow brown", "Gatekeeper"]
    page.keyboard.press("2")
    expect(page.get_by_role("status").filter(has_text="The claim was meadow brown; the computer sees")).to_be_visible()
    assert told(decided_server, hidden.id) == [("taxon", GATEKEEPER, "V1")]
