"""The page of a submission: where the computer looked, closely; a square added or moved later; what else it may be."""

import re

import pytest
from playwright.sync_api import FloatRect, Locator, Page, expect

from app.core.db import reading, transaction
from app.submissions.tables import PredictionRecord, Submission
from tests import factories
from tests.browser.conftest import PHONE, NewPerson
from tests.browser.steps import post, screened, see_verdict, submission
from tests.browser.test_accessibility import check
from tests.running import Server

SQUARE = "0.6,0.4,0.2,0.26667"
DRAWN = [0.6, 0.4, 0.2, 0.26667]
DESKTOP = {"viewport": {"width": 1280, "height": 900}}
SCREENS = pytest.mark.parametrize("options", [PHONE, DESKTOP], ids=["390 px", "1280 px"])
RINGLET = {
    "scientific_name": "Aphantopus hyperantus",
    "probability": 0.83,
    "vernacular_names": {"en": "ringlet", "nl": "koevinkje"},
}
OTHERS = [
    {"scientific_name": "Erebia aethiops", "probability": 0.1, "vernacular_names": {"en": "Scotch argus"}},
    {"scientific_name": "Lasiommata maera", "probability": 0.03, "vernacular_names": {}},
]


def sent(server: Server, data: bytes, **fields: str) -> str:
    """A submission sent by a program, with its verdict; the token of its page."""
    answer = server.client.post("/api/v1/submissions", files={"file": ("photo.jpg", data)}, data=fields)
    token: str = answer.raise_for_status().json()["token"]
    screened(server, token)
    return token


def prediction(server: Server, token: str, **values: object) -> None:
    """As if the version had said this, too."""
    with transaction(server.sessions) as session:
        row = session.query(Submission).filter_by(token=token).one()
        made = row.photos[0].predictions[-1]
        session.query(PredictionRecord).filter_by(id=made.id).update(values)


def zoom(page: Page) -> Locator:
    """The button that looks closely."""
    return page.get_by_role("button", name="Close-up")


def box(locator: Locator) -> FloatRect:
    """Where it is on the screen."""
    found = locator.bounding_box()
    assert found is not None
    return found


@SCREENS
def test_one_tap_or_key_looks_closely(new_person: NewPerson, server: Server, options: dict[str, object]):
    """The square fills the photo's place but for a margin, stays inside it, and the next tap goes back."""
    token = sent(server, factories.encode(factories.meadow((2800, 1600)), quality=85), claim="unknown", square=SQUARE)
    page = new_person(**options).page
    page.goto(f"/s/{token}")
    see_verdict(page)
    frame, square = page.locator("[data-frame]"), page.locator(".photo__square")
    expect(zoom(page)).to_have_attribute("aria-pressed", "false")
    small = box(square)
    for press in (lambda: page.keyboard.press("z"), lambda: frame.click(), lambda: zoom(page).press("Enter")):
        press()
        expect(zoom(page)).to_have_attribute("aria-pressed", "true")
        outer, inner = box(frame), box(square)
        assert inner["height"] > 2 * small["height"]
        assert inner["height"] == pytest.approx(outer["height"] / 1.25, rel=0.02)
        assert inner["x"] >= outer["x"]
        assert inner["x"] + inner["width"] <= outer["x"] + outer["width"]
        press()
        expect(zoom(page)).to_have_attribute("aria-pressed", "false")
        assert box(square) == small
    page.get_by_role("textbox", name="Save this page").press("z")
    expect(zoom(page)).to_have_attribute("aria-pressed", "false")


def draw(page: Page) -> list[float]:
    """A square from a fifth to two fifths of the photo's height; what will be sent."""
    layer = box(page.get_by_role("application", name=re.compile("Square around the butterfly")))
    left, top, side = layer["x"] + layer["width"] * 0.2, layer["y"] + layer["height"] * 0.2, layer["height"] * 0.4
    page.mouse.move(left, top)
    page.mouse.down()
    page.mouse.move(left + side / 2, top + side / 2)
    page.mouse.move(left + side, top + side)
    page.mouse.up()
    return [float(part) for part in page.locator("[name=square]").input_value().split(",")]


def test_a_square_is_added_later(desktop: Page, server: Server):
    """Nothing was found or drawn; a square is, and another verdict comes by itself. Both are kept."""
    token = sent(server, factories.encode(factories.wall((800, 600))), claim="other")
    desktop.goto(f"/s/{token}")
    expect(desktop.get_by_role("heading", level=1)).to_have_text("The computer can’t check this photo")
    expect(desktop.get_by_text("The computer found no butterfly in this photo.")).to_be_visible()
    expect(zoom(desktop)).to_have_count(0)
    desktop.get_by_role("button", name="Draw a square").first.click()
    drawn = draw(desktop)
    desktop.get_by_role("button", name="Save").click()
    expect(desktop.get_by_text("The computer looked at the square that you drew.")).to_be_visible()
    see_verdict(desktop)
    with reading(server.sessions) as session:
        kept = submission(session, desktop)
        [photo] = kept.photos
        assert photo.square == pytest.approx(drawn, abs=0.0001)
        assert [made.square for made in photo.predictions] == [None, pytest.approx(drawn, abs=0.0001)]
        assert len(kept.verdicts) == 2


def test_a_square_is_moved_by_keys_and_cancelled(desktop: Page, server: Server):
    """The square that was drawn can be moved with the keyboard alone; without saving, nothing has happened."""
    data = factories.encode(factories.meadow((2800, 1600)), quality=85)
    token = sent(server, data, claim="unknown", square=SQUARE)
    desktop.goto(f"/s/{token}")
    move = desktop.get_by_role("button", name="Move the square")
    move.press("Enter")
    editor = desktop.get_by_role("application", name=re.compile("Square around the butterfly"))
    expect(editor).to_be_focused()
    desktop.keyboard.press("Shift+ArrowLeft")
    desktop.get_by_role("button", name="Cancel").press("Enter")
    expect(move).to_be_focused()
    expect(editor).to_be_hidden()
    move.press("Enter")
    desktop.get_by_role("button", name="Save").press("Enter")
    expect(move).to_be_visible()
    with reading(server.sessions) as session:
        assert submission(session, desktop).photos[0].square == pytest.approx(DRAWN, abs=0.0001)

    move.press("Enter")
    desktop.keyboard.press("Shift+ArrowLeft")
    desktop.get_by_role("button", name="Save").press("Enter")
    expect(move).to_be_visible()
    see_verdict(desktop)
    with reading(server.sessions) as session:
        x, y, *_ = submission(session, desktop).photos[0].square or []
    assert x < DRAWN[0] - 0.01
    assert y == pytest.approx(DRAWN[1], abs=0.001)


def test_out_of_scope_names_what_it_looks_like(new_person: NewPerson, server: Server):
    """Up to three names, each with its scientific one, and no bars of the model's own species."""
    token = sent(server, factories.encode(factories.wall()), claim="Maniola jurtina")
    person = new_person(**DESKTOP)
    page = person.page
    page.goto(f"/s/{token}")
    expect(page.get_by_role("heading", level=1)).to_have_text("The computer can’t check this photo")
    for bars in (page.locator(".seen__meter"), page.get_by_role("region", name="What the computer sees")):
        expect(bars).to_have_count(0)
    expect(page.get_by_text("This looks more like")).to_have_count(0)

    prediction(server, token, looks_like=[RINGLET, *OTHERS])
    page.reload()
    expect(page.get_by_text("This looks more like a ringlet")).to_be_visible()
    names = page.get_by_role("listitem").filter(has_text=re.compile("hyperantus|aethiops|maera"))
    expect(names).to_have_text(
        [
            re.compile(r"Ringlet\s+Aphantopus hyperantus"),
            re.compile(r"Scotch argus\s+Erebia"),
            "Lasiommata maera very unlikely",
        ]
    )
    expect(page.locator(".seen__meter")).to_have_count(0)
    check(page)
    dutch = new_person(locale="nl-NL").page
    dutch.goto(f"/s/{token}")
    expect(dutch.get_by_text("Dit lijkt meer op een koevinkje")).to_be_visible()


def test_two_animals_each_with_its_own_answer(new_person: NewPerson, decided_server: Server):
    """Both are numbered in the photo, each has its answer, and the page says what can be done now."""
    token = post(decided_server, 240, "unknown")
    screened(decided_server, token)
    other = {
        "square": [0.1, 0.1, 0.2, 0.26667],
        "probabilities": {"Maniola jurtina": 0.03, "Pyronia tithonus": 0.97},
        "in_scope": 0.9,
    }
    prediction(decided_server, token, others=[other], square=[0.5, 0.4, 0.3, 0.4], square_origin="found", searched=True)
    page = new_person(at=decided_server.url, **DESKTOP).page
    page.goto(f"/s/{token}")
    expect(page.get_by_text("The computer found 2 butterflies. This record is about number 1.")).to_be_visible()
    seen = page.get_by_role("region", name="What the computer sees")
    expect(seen.get_by_role("heading", name="Number 2")).to_be_visible()
    expect(seen.get_by_role("list")).to_have_count(2)
    expect(seen.get_by_role("list").last).to_contain_text(re.compile("^\\s*Gatekeeper: almost certainly"))
    expect(seen.get_by_role("link", name="Send another photo")).to_have_attribute("href", "/")
    check(page)
    page.set_viewport_size({"width": 1280, "height": 900})
    seen.get_by_role("button", name="Choose another one").click()
    page.get_by_role("button", name="Butterfly 2").click()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("The computer looked at the square that you drew.")).to_be_visible()
    with reading(decided_server.sessions) as session:
        assert submission(session, page).photos[0].square == pytest.approx(other["square"], abs=0.001)


def test_without_script_the_square_is_shown(new_person: NewPerson, server: Server):
    """And nothing promises what needs a script."""
    token = sent(server, factories.photo(241), claim="unknown", square="0.2,0.2,0.5,0.66")
    page = new_person(java_script_enabled=False).page
    page.goto(f"/s/{token}")
    expect(page.locator(".photo__square")).to_be_visible()
    expect(page.get_by_text("The computer looked at the square that you drew.")).to_be_visible()
    expect(zoom(page)).to_be_hidden()
    expect(page.get_by_role("button", name="Move the square")).to_be_hidden()
