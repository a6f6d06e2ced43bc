"""An admin and the versions: refused by the gate, overruling it, seeing it answer, going back."""

import re
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.conftest import PHONE, NewPerson
from tests.browser.model_steps import REASON, add_version, admin, answered_by
from tests.browser.test_accessibility import check
from tests.running import Server

FIGURES = {
    "per_label": {"Maniola jurtina": {"photos": 185, "recall": {"value": 0.9, "low": 0.85, "high": 0.95}}},
    "confusion": [[170, 15], [4, 165]],
    "calibration": {
        "before": {"bins": [{"promised": 0.7, "held": 0.6}, {"promised": 0.99, "held": 0.9}]},
        "after": {"bins": [{"promised": 0.7, "held": 0.7}, {"promised": 0.97, "held": 0.96}]},
    },
    "coverage": {
        "curve": [[0.2, 0.0], [0.6, 0.02], [1.0, 0.06]],
        "thresholds": [{"error_rate": 0.05, "supported": True, "on_test": {"coverage": 0.6, "error": 0.02}}],
    },
}


def go_back(page: Page, number: str, why: str) -> None:
    """One click, and the question."""
    page.get_by_role("button", name=re.compile(f"^Roll back to {number}")).click()
    question = page.get_by_role("dialog", name=re.compile(f"Roll back to .* {number}"))
    question.get_by_label("Why?").fill(why)
    question.get_by_role("button", name="Roll back").click()
    expect(page.get_by_text("Rolled back.")).to_be_visible()


def test_refused_overruled_serving_and_back(new_person: NewPerson, models_server: Server, tmp_path: Path):
    add_version(models_server, tmp_path, "7.1.0", 0.6, **FIGURES)
    page = admin(new_person, models_server)
    page.get_by_role("link", name="Models").click()
    number = page.locator(".serving h2").inner_text().rsplit(" ", 1)[1]
    page.get_by_role("link", name="browns-mobilenetv2 7.1.0", exact=True).click()
    expect(page.get_by_role("img", name=re.compile("Calibration curve"))).to_be_visible()
    expect(page.get_by_role("region", name="Confusion matrix")).to_contain_text("170")
    expect(page.get_by_text("not supported by the data").first).to_be_visible()
    page.get_by_text("Show model card").click()
    expect(page.get_by_role("heading", name="What not to expect")).to_be_visible()
    check(page)

    page.set_viewport_size({"width": 1280, "height": 900})
    page.get_by_role("link", name="Put into service…").click()
    expect(page.locator(".check--failed")).to_contain_text("points over the limit")
    page.get_by_role("textbox", name="Reason for overriding the checks").fill(REASON)
    page.get_by_role("button", name="Put into service despite failed checks").click()
    expect(page.get_by_text("Version switched.")).to_be_visible()
    expect(page.locator(".serving")).to_contain_text(REASON)
    answered_by(models_server, "7.1.0")
    check(page)

    go_back(page, number, "It took fences for butterflies.")
    answered_by(models_server, number)
    history = page.get_by_role("region", name="History")
    expect(history).to_contain_text("It took fences for butterflies.")
    expect(history.get_by_role("listitem").filter(has_text=REASON).first).to_contain_text("despite failed checks")


def test_on_a_phone_without_script(new_person: NewPerson, models_server: Server, tmp_path: Path):
    add_version(models_server, tmp_path, "7.2.0", 0.999)
    page = admin(new_person, models_server, **PHONE, java_script_enabled=False)
    page.goto("/admin/models")
    number = page.locator(".serving h2").inner_text().rsplit(" ", 1)[1]
    page.get_by_role("link", name="Put into service… browns-mobilenetv2 7.2.0").click()
    expect(page.get_by_text("It passes all checks.")).to_be_visible()
    page.get_by_role("button", name="Put into service").click()
    answered_by(models_server, "7.2.0")
    go_back(page, number, "")
    answered_by(models_server, number)
