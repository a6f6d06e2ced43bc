"""The form finds the butterfly: a suggestion that is kept, moved, chosen, rejected or never comes; the person's square wins."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import FilePayload, Locator, Page, Position, Route, expect

from app.core.db import reading
from app.predictions.rules import SquareOrigin
from app.submissions.tables import Photo
from tests import factories
from tests.browser.conftest import PHONE, NewPerson, Person
from tests.browser.steps import choose, file, preview, see_verdict, seen_in, send, species, submission
from tests.running import Server

DESKTOP = {"viewport": {"width": 1280, "height": 900}}
SCREENS = pytest.mark.parametrize("options", [PHONE, DESKTOP], ids=["390 px", "1280 px"])
WIDTH, HEIGHT, SIDE = 4000, 3000, 900
MIDDLE = (2900, 1700)
# As the service answers about the photo of `meadow`.
FOUND = {"x": 0.625, "y": 0.44, "width": 0.2, "height": 0.2667, "score": 0.97}
OTHER = {"x": 0.1, "y": 0.1, "width": 0.15, "height": 0.2, "score": 0.81}
WE_THINK = "We think the butterfly is here"
TAP = "Somewhere else? Tap the butterfly, and the square goes there."


@pytest.fixture(scope="module")
def meadow() -> FilePayload:
    """12 megapixels with a small gatekeeper, drawn."""
    return file("meadow.jpg", factories.encode(factories.meadow(MIDDLE, side=SIDE), quality=85))


def answering(page: Page, *squares: dict[str, float]) -> None:
    """Whoever asks where butterflies are is told this."""
    page.route("**/find", lambda route: route.fulfill(json={"searched": True, "squares": list(squares)}))


def editor(page: Page) -> Locator:
    """The layer on which the square is placed."""
    return page.get_by_role("application", name=re.compile("Square around the butterfly"))


def sent_square(page: Page) -> str:
    """What the form would send for the first photo."""
    value: str = page.locator("[name=square]").first.input_value()
    return value


def numbers(page: Page) -> list[float]:
    """The same, as x, y, width, height."""
    return [float(part) for part in sent_square(page).split(",")]


def suggested(page: Page) -> None:
    """Wait for the suggestion."""
    expect(page.locator(".editor--suggested")).to_have_count(1)
    expect(page.get_by_role("status").filter(has_text=WE_THINK)).to_be_attached()


def kept_photo(server: Server, page: Page) -> Photo:
    """The photo of the submission whose page this is."""
    with reading(server.sessions) as session:
        [photo] = submission(session, page).photos
        return photo


@SCREENS
def test_a_small_animal_is_found_without_a_touch(
    new_person: NewPerson, decided_server: Server, meadow: FilePayload, options: dict[str, object]
):
    """12 megapixels, nothing drawn: the form shows where the butterfly is, and the verdict is about it."""
    animal = factories.encode(factories.meadow((450, 450), side=SIDE, size=(SIDE, SIDE)))
    seen, _ = seen_in(decided_server, animal)
    page = new_person(at=decided_server.url, **options).page
    page.goto("/")
    choose(page, meadow)
    suggested(page)
    assert sent_square(page) == ""
    species(page, seen).check()
    send(page)
    assert see_verdict(page) == "It looks like you are right"
    expect(page.get_by_text("The computer found the butterfly, and looked at this square.")).to_be_visible()

    photo = kept_photo(decided_server, page)
    assert photo.square is None
    [made] = photo.predictions
    assert made.square_origin is SquareOrigin.FOUND
    assert made.square is not None
    x, y, width, height = made.square
    assert x < MIDDLE[0] / WIDTH < x + width
    assert y < MIDDLE[1] / HEIGHT < y + height
    assert width * WIDTH < 2 * SIDE, "it is a square around the animal, not the whole photo"


def test_the_form_says_how_large_it_showed_the_photo(desktop: Page, meadow: FilePayload):
    """With its sides a square drawn on a photo that lay differently can be turned back."""
    answering(desktop, FOUND)
    desktop.goto("/")
    choose(desktop, meadow, file("IMG_1.HEIC", factories.photo(30, "HEIF"), "image/heic"))
    expect(preview(desktop)).to_be_visible()
    suggested(desktop)
    assert [field.input_value() for field in desktop.locator("[name=shown]").all()] == [f"{WIDTH}x{HEIGHT}", ""]


def by_keys(page: Page) -> None:
    """To the right and larger, with the keyboard."""
    editor(page).focus()
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("+")


def by_mouse(page: Page) -> None:
    """A quarter of its side to the right, with the mouse."""
    box = page.locator(".editor__square").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + box["height"] / 2)
    page.mouse.move(box["x"] + box["width"] * 0.75, box["y"] + box["height"] / 2)
    page.mouse.up()


def by_touch(page: Page) -> None:
    """A tap takes it, then a finger pulls it to the right."""
    shape = page.locator(".editor__square")
    shape.scroll_into_view_if_needed()
    box = shape.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.touchscreen.tap(x, y)
    expect(page.locator(".editor--suggested")).to_have_count(0)
    fingers = page.context.new_cdp_session(page)
    for kind, right in (("touchStart", 0.0), ("touchMove", 0.15), ("touchMove", 0.25), ("touchEnd", 0.25)):
        points = [] if kind == "touchEnd" else [{"x": x + box["width"] * right, "y": y}]
        fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})


@pytest.mark.parametrize(("move", "options"), [(by_keys, DESKTOP), (by_mouse, DESKTOP), (by_touch, PHONE)])
def test_a_suggestion_that_is_moved_is_the_persons_own(
    new_person: NewPerson, server: Server, meadow: FilePayload, move: Callable[[Page], None], options: dict[str, object]
):
    """However it is moved: it is sent as drawn, and the computer looks there."""
    page = new_person(**options).page
    answering(page, FOUND)
    page.goto("/")
    choose(page, meadow)
    suggested(page)
    move(page)
    x, y, _, _ = drawn = numbers(page)
    assert x > FOUND["x"] + 0.02
    assert y == pytest.approx(FOUND["y"], abs=0.03)
    expect(page.locator(".editor--suggested")).to_have_count(0)
    species(page, "gatekeeper").check()
    send(page)
    see_verdict(page)
    photo = kept_photo(server, page)
    assert photo.square == pytest.approx(drawn, abs=0.0001)
    assert [made.square_origin for made in photo.predictions] == [SquareOrigin.GIVEN]
    expect(page.get_by_text("The computer looked at the square that you drew.")).to_be_visible()


@pytest.mark.parametrize("how", ["button", "Escape"])
def test_a_rejected_suggestion_stays_away(desktop: Page, server: Server, meadow: FilePayload, how: str):
    """No square means none: nothing is searched when the photo is sent, either."""
    answering(desktop, FOUND)
    desktop.goto("/")
    choose(desktop, meadow)
    suggested(desktop)
    if how == "button":
        desktop.get_by_role("button", name="Clear the square").click()
    else:
        editor(desktop).press("Escape")
    assert sent_square(desktop) == "whole"
    expect(desktop.locator(".editor__square")).to_be_hidden()
    expect(desktop.get_by_text("No square: the computer looks at the whole photo.")).to_be_visible()
    expect(editor(desktop)).to_be_focused()
    species(desktop, "gatekeeper").check()
    send(desktop)
    see_verdict(desktop)
    assert [made.square_origin for made in kept_photo(server, desktop).predictions] == [SquareOrigin.GIVEN]


def test_after_a_rejection_another_one_is_drawn(desktop: Page, server: Server, meadow: FilePayload):
    """Rejected, redrawn by mouse, and that is what counts."""
    answering(desktop, FOUND)
    desktop.goto("/")
    choose(desktop, meadow)
    suggested(desktop)
    editor(desktop).press("Escape")
    box = editor(desktop).bounding_box()
    assert box is not None
    desktop.mouse.move(box["x"] + 40, box["y"] + 30)
    desktop.mouse.down()
    desktop.mouse.move(box["x"] + 100, box["y"] + 90)
    desktop.mouse.move(box["x"] + 240, box["y"] + 230)
    desktop.mouse.up()
    drawn = numbers(desktop)
    assert drawn[0] < 0.2
    species(desktop, "gatekeeper").check()
    send(desktop)
    see_verdict(desktop)
    assert kept_photo(server, desktop).square == pytest.approx(drawn, abs=0.0001)


@SCREENS
def test_of_two_butterflies_one_is_chosen(new_person: NewPerson, meadow: FilePayload, options: dict[str, object]):
    """Both are shown with numbers; a tap in the photo or a button chooses, the other one stays to be chosen."""
    page = new_person(**options).page
    answering(page, FOUND, OTHER)
    page.goto("/")
    choose(page, meadow)
    expect(page.get_by_text("Two butterflies? Choose the one you are reporting.")).to_be_visible()
    assert sent_square(page) == ""
    first, second = page.get_by_role("button", name="Butterfly 1"), page.get_by_role("button", name="Butterfly 2")
    expect(first).to_have_attribute("aria-pressed", "true")
    second.click()
    expect(second).to_have_attribute("aria-pressed", "true")
    assert numbers(page) == pytest.approx([OTHER[name] for name in ("x", "y", "width", "height")], abs=0.001)
    other = page.locator(".editor__suggestion")
    expect(other).to_have_count(1)
    other.scroll_into_view_if_needed()  # and nothing moves any more
    box, layer = other.bounding_box(), editor(page).bounding_box()
    assert box is not None
    assert layer is not None
    middle: Position = {
        "x": box["x"] + box["width"] / 2 - layer["x"],
        "y": box["y"] + box["height"] / 2 - layer["y"],
    }
    editor(page).tap(position=middle) if options is PHONE else editor(page).click(position=middle)
    expect(first).to_have_attribute("aria-pressed", "true")
    assert numbers(page) == pytest.approx([FOUND[name] for name in ("x", "y", "width", "height")], abs=0.001)


def test_none_found_is_said_plainly(phone: Page, meadow: FilePayload):
    """And what to do about it."""
    answering(phone)
    phone.goto("/")
    choose(phone, meadow)
    expect(phone.get_by_text("We could not find a butterfly here. Tap it to draw a square around it.")).to_be_visible()
    assert sent_square(phone) == ""


FAILURES: list[Callable[[Route], None]] = [
    lambda route: route.abort(),
    lambda route: route.fulfill(status=429, json={"detail": "At most 300 of these requests in 60 seconds, please."}),
    lambda route: route.fulfill(status=503, json={"detail": "Too many photos are waiting for an answer."}),
    lambda route: route.fulfill(status=200, body="<html>Sign in to this network</html>"),
    lambda route: route.fulfill(json={"searched": False, "squares": []}),
]


@pytest.mark.parametrize("fail", FAILURES, ids=["lost", "too many", "busy", "another page", "can't search"])
def test_a_search_that_fails_is_never_noticed(
    new_person: NewPerson, server: Server, meadow: FilePayload, fail: Callable[[Route], None]
):
    """The form stands as it was, and the photo is sent."""
    person: Person = new_person(**PHONE)
    person.expects("status of 429", "status of 503", "net::ERR_FAILED")
    page = person.page
    page.route("**/find", fail)
    page.goto("/")
    with page.expect_request("**/find") as asked:
        choose(page, meadow)
    assert asked.value.method == "POST"
    expect(page.get_by_text("Tap the butterfly to draw a square around it.")).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)
    species(page, "gatekeeper").check()
    send(page)
    see_verdict(page)
    assert kept_photo(server, page).square is None


def test_what_was_drawn_before_the_answer_came_stays(desktop: Page, meadow: FilePayload):
    """The person's own square always wins, however late the service answers."""
    waiting: list[Route] = []
    desktop.route("**/find", lambda route: waiting.append(route))
    desktop.goto("/")
    with desktop.expect_request("**/find"):
        choose(desktop, meadow)
    editor(desktop).press("Enter")
    drawn = numbers(desktop)
    with desktop.expect_response("**/find"):
        waiting[0].fulfill(json={"searched": True, "squares": [FOUND, OTHER]})
    expect(desktop.get_by_role("button", name="Butterfly 2")).to_be_visible()
    expect(desktop.locator(".editor--suggested")).to_have_count(0)
    assert numbers(desktop) == drawn


@pytest.mark.parametrize(
    ("answer", "hint"),
    [([FOUND], TAP), ([FOUND, OTHER], "Two butterflies?"), ([], "We could not find a butterfly here.")],
    ids=["one", "two", "none"],
)
def test_an_answer_moves_nothing_on_the_page(
    phone: Page, meadow: FilePayload, answer: list[dict[str, float]], hint: str
):
    """390 pixels: what stands below the photo stays where it was; only a small copy was sent to be searched."""
    waiting: list[Route] = []
    phone.route("**/find", lambda route: waiting.append(route))
    phone.goto("/")
    with phone.expect_request("**/find") as asked:
        choose(phone, meadow)
    assert len(asked.value.post_data_buffer or b"") < 400_000
    below = phone.get_by_role("group", name="Which species was it?")
    before = below.bounding_box()
    waiting[0].fulfill(json={"searched": True, "squares": answer})
    expect(phone.get_by_text(hint)).to_be_visible()
    assert below.bounding_box() == before
