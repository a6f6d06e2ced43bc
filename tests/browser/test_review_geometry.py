"""How a photo lies on the desk: the arithmetic of the viewer, in the browser that runs it."""

from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import NewPerson
from tests.running import Server

FITTED = {"scale": 500 / 1200, "x": 0, "y": 0, "turns": 0}
PHOTO, BOX = {"width": 1600, "height": 1200}, {"width": 800, "height": 500}


@pytest.fixture
def page(new_person: NewPerson, decided_server: Server) -> Page:
    """Any page: modules may be loaded from it."""
    page = new_person(at=decided_server.url).page
    page.goto("/about")
    return page


def compute(page: Page, expression: str) -> Any:
    """What an expression gives; `g` and `q` are the modules, `photo` and `box` are the sizes above."""
    return page.evaluate(
        f"""async ([photo, box]) => {{
            const g = await import('/static/js/review/geometry.js'), q = await import('/static/js/core/square-geometry.js');
            return {expression};
        }}""",
        [PHOTO, BOX],
    )


def test_geometry(page: Page):
    """Fit, zoom about a point, turn, pan: as a table of expressions and what they give."""
    fit = "g.fitted(photo, box)"
    cases: list[tuple[str, object]] = [
        (f"{fit}.scale", 500 / 1200),
        ("g.fitted(photo, box, 1).scale", 500 / 1600),
        ("g.turned(photo, 3)", {"width": 1200, "height": 1600}),
        # What lies under the point stays there: photo pixel = (point - offset) / scale.
        (
            "(v => (100 - v.x) / v.scale)(g.zoomed({scale: 1, x: 40, y: 0, turns: 0}, 2, {x: 100, y: 0}, photo, box))",
            60,
        ),
        # Zooming out ends where the whole photo is seen, in the middle.
        (f"g.zoomed({fit}, 0.1, {{x: 90, y: 90}}, photo, box)", FITTED),
        # No gap opens at an edge.
        (
            "g.panned({scale: 1, x: 0, y: 0, turns: 0}, 5000, -5000, photo, box)",
            {"scale": 1, "x": 400, "y": -350, "turns": 0},
        ),
        ("g.panned({scale: 1, x: 0, y: 0, turns: 1}, 5000, 0, photo, box).x", 200),
        # Four quarter turns are none; a fitted photo fits after each.
        (
            f"[1, 1, 1, 1].reduce((v, by) => g.rotated(v, by, photo, box), {fit})",
            {"scale": 500 / 1200, "x": 0, "y": 0, "turns": 0},
        ),
        (f"g.isFitted(g.rotated({fit}, -1, photo, box), photo, box)", True),
        (f"g.rotated({fit}, -1, photo, box).turns", 3),
        # Close to a part: it fills the box but for a margin, and its middle is the box's; at an edge no gap opens.
        (
            "g.onto({x: 0.4, y: 0.4, width: 0.15, height: 0.2}, photo, box)",
            pytest.approx({"scale": 5 / 3, "x": 200 / 3, "y": 0, "turns": 0}, abs=1e-6),
        ),
        (
            "g.onto({x: 0.4, y: 0.4, width: 0.15, height: 0.2}, photo, box, 1)",
            pytest.approx({"scale": 5 / 3, "x": 0, "y": 200 / 3, "turns": 1}, abs=1e-6),
        ),
        ("g.onto({x: 0, y: 0, width: 0.15, height: 0.2}, photo, box).x", 1600 * 5 / 3 / 2 - 400),
        # Two fingers: twice as far apart is twice as large; their middle moves the photo.
        (
            "g.pinch([{x: 0, y: 0}, {x: 10, y: 0}], [{x: 0, y: 5}, {x: 20, y: 5}])",
            {"factor": 2, "point": {"x": 10, "y": 5}, "dx": 5, "dy": 5},
        ),
        (
            "g.transformOf({scale: 2, x: 3, y: 4, turns: 1}, photo, box)",
            "translate(403px, 254px) rotate(90deg) scale(2) translate(-800px, -600px)",
        ),
    ]
    found = [compute(page, expression) for expression, _ in cases]
    assert found == [expected if not isinstance(expected, float) else pytest.approx(expected) for _, expected in cases]


SQUARE = "{x: 400, y: 300, side: 200}"


def test_squares(page: Page):
    """The square on a photo: from and to fractions, inside the photo, and from a fixed corner; a table as above."""
    cases: list[tuple[str, object]] = [
        ("q.fractions({x: 400, y: 300, side: 240}, photo)", "0.25000,0.25000,0.15000,0.20000"),
        ("q.fromFractions({x: 0.25, y: 0.25, width: 0.15, height: 0.2}, photo)", {"x": 400, "y": 300, "side": 240}),
        ("q.fromFractions({x: 0, y: 0, width: 1, height: 1}, photo)", {"x": 200, "y": 0, "side": 1200}),
        (f"q.move({SQUARE}, 5000, -5000, photo)", {"x": 1400, "y": 0, "side": 200}),
        (f"q.grow({SQUARE}, 2, photo)", {"x": 300, "y": 200, "side": 400}),
        (f"q.grow({SQUARE}, 0.01, photo)", {"x": 476, "y": 376, "side": 48}),
        # From the lower right corner up and to the left, as far as the longer way and the photo reach.
        (
            f"q.stretch(q.corner({SQUARE}, 'se'), {{x: 500, y: 450}}, photo)",
            {"x": 500, "y": 400, "side": 100},
        ),
        (f"q.stretch(q.corner({SQUARE}, 'se'), {{x: -900, y: 450}}, photo)", {"x": 100, "y": 0, "side": 500}),
        ("q.opposite('ne')", "sw"),
        ("q.inside({x: 1590, y: 4}, 20, photo)", {"x": 1580, "y": 20}),
        ("q.partsOf('0.1 0.2 0.3 0.4;')", [{"x": 0.1, "y": 0.2, "width": 0.3, "height": 0.4}]),
        ("q.partsOf(undefined)", []),
    ]
    found = [compute(page, expression) for expression, _ in cases]
    assert found == [expected for _, expected in cases]


def test_names_of_keys(page: Page):
    """A key is named as its control carries it, whatever the keyboard makes of Shift."""
    names = page.evaluate(
        """async () => {
            const { nameOf } = await import('/static/js/review/keys.js');
            const keys = [{key: 'a'}, {key: 'A', shiftKey: true}, {key: '?', shiftKey: true}, {key: '+', shiftKey: true},
                {key: 'ArrowLeft', shiftKey: true}, {key: 'z', ctrlKey: true}, {key: 'Enter', metaKey: true}];
            return keys.map(key => nameOf(new KeyboardEvent('keydown', key)));
        }"""
    )
    assert names == ["a", "shift+a", "?", "+", "shift+ArrowLeft", "ctrl+z", "ctrl+Enter"]
