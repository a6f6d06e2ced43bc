"""Accounts as people use them: from the first admin's link to a program that asks with a key."""

import re

import httpx2
import pytest
from playwright.sync_api import Page, expect

from app.accounts import links as account_links
from app.accounts.tables import AuditEntry
from app.core.db import reading, transaction
from app.core.roles import Role
from tests.browser.conftest import PHONE, NewPerson, Person
from tests.browser.test_accessibility import check
from tests.people import PASSWORD, make_user
from tests.running import Server, eventually

ADA, BEA = "wings of an evening in july", "four white dots and a bramble"


@pytest.fixture(scope="module")
def own_server(tmp_path_factory: pytest.TempPathFactory):
    """A service in which nobody has an account yet."""
    server = Server(tmp_path_factory.mktemp("accounts"))
    try:
        yield server.start()
    finally:
        server.close()


def first_link(server: Server) -> str:
    """The path of the link that the first start printed."""
    found = eventually(lambda: re.search(r"http://localhost:\d+(/invitation/\S+)", server.log), "the first link")
    assert found is not None
    return found[1]


def path_of(link: str, server: Server) -> str:
    assert link.startswith(server.url)
    return link.removeprefix(server.url)


def sign_in(page: Page, email: str, password: str) -> None:
    page.goto("/sign-in")
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("main").get_by_role("button", name="Sign in").click()


def expect_signed_out(page: Page) -> None:
    page.goto("/account")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")


def test_from_the_first_admin_to_a_program_with_a_key(new_person: NewPerson, own_server: Server):
    ada = new_person(at=own_server.url, viewport={"width": 1280, "height": 900}, permissions=["clipboard-write"])
    become_first_admin(ada.page, first_link(own_server))
    invitation = invite(ada.page, own_server)

    bea = new_person(at=own_server.url, **PHONE)
    bea.expects("status of 401", "status of 404", "status of 422")
    accept(bea.page, invitation)
    bea.page.goto(invitation)
    expect(bea.page.get_by_role("heading", level=1)).to_have_text("This link no longer works")
    sign_out_and_in(bea)
    reset_password(ada.page, bea.page, own_server)
    end_session(ada.page, bea.page)
    deactivate_and_undo(ada.page)
    use_key(ada.page, own_server)
    read_log(ada.page, own_server)


def become_first_admin(page: Page, link: str) -> None:
    page.goto(link)
    expect(page.get_by_role("heading", level=1)).to_have_text("The first admin")
    page.get_by_label("E-mail address").fill("ada@example.org")
    page.get_by_label("Name").fill("Ada")
    password = page.get_by_label("Password", exact=True)
    password.fill(ADA)
    page.get_by_role("button", name="Show").click()
    expect(password).to_have_attribute("type", "text")
    page.get_by_role("button", name="Create my account").click()
    expect(page.get_by_role("link", name="Ada")).to_be_visible()


def invite(page: Page, server: Server) -> str:
    page.get_by_role("link", name="People").click()
    form = page.locator("section", has=page.get_by_role("heading", name="Invite somebody"))
    form.get_by_label("E-mail address").fill("Bea@example.org")
    form.get_by_label("Reviewer").check()
    form.get_by_role("button", name="Create invitation").click()
    link = page.get_by_label("Link", exact=True).input_value()
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("status").filter(has_text="Copied.")).to_be_visible()
    page.get_by_role("link", name="Done").click()
    expect(page.get_by_role("listitem").filter(has_text="bea@example.org")).to_contain_text("open")
    return path_of(link, server)


def accept(page: Page, link: str) -> None:
    page.goto(link)
    expect(page.get_by_label("E-mail address")).to_have_value("bea@example.org")
    page.get_by_label("Name").fill("Bea")
    password = page.get_by_label("Password", exact=True)
    password.fill("passwordpassword")
    page.get_by_role("button", name="Create my account").click()
    expect(page.get_by_text("too easy to guess")).to_be_visible()
    page.get_by_label("Password", exact=True).fill(BEA)
    page.get_by_role("button", name="Create my account").click()
    expect(page).not_to_have_url(re.compile("/invitation/"))


def sign_out_and_in(bea: Person) -> None:
    page = bea.page
    page.goto("/account")
    page.get_by_role("button", name="Menu").click()
    page.locator(".menu").get_by_role("button", name="Sign out").click()
    expect_signed_out(page)
    sign_in(page, "bea@example.org", "not the password")
    expect(page.get_by_role("alert")).to_contain_text("E-mail address or password is incorrect.")
    expect(page.get_by_label("E-mail address")).to_have_value("bea@example.org")
    page.goto("/account/password")  # the door leads on to where one wanted to go
    page.get_by_label("E-mail address").fill("bea@example.org")
    page.get_by_label("Password").fill(BEA)
    page.get_by_role("main").get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Change password")


def reset_password(admin: Page, user: Page, server: Server) -> None:
    admin.goto("/admin/people")
    admin.get_by_role("link", name="Bea").click()
    admin.get_by_role("button", name="Create password link").click()
    link = path_of(admin.get_by_label("Link", exact=True).input_value(), server)
    user.goto(link)
    user.get_by_label("New password", exact=True).fill(BEA + " again")
    user.get_by_role("button", name="Save and sign in").click()
    user.goto("/account")
    expect(user.get_by_role("heading", level=1)).to_have_text("Your account")


def end_session(admin: Page, user: Page) -> None:
    admin.get_by_role("link", name="Done").click()
    sessions = admin.locator("section", has=admin.get_by_role("heading", name="Where Bea is signed in"))
    expect(sessions.get_by_role("listitem")).to_have_count(1)
    sessions.get_by_role("listitem").get_by_role("button").click()
    expect(admin.get_by_role("status").filter(has_text="Bea was signed out there.")).to_be_visible()
    expect_signed_out(user)


def deactivate_and_undo(admin: Page) -> None:
    admin.get_by_role("button", name="Deactivate").click()
    admin.get_by_role("status").get_by_role("button", name="Undo").click()
    expect(admin.get_by_role("status").filter(has_text="Bea can sign in again.")).to_be_visible()


def use_key(admin: Page, server: Server) -> None:
    admin.goto("/admin/api-keys")
    admin.get_by_label("What is it for?").fill("The export at night")
    admin.get_by_label("Train models and put them into service").check()
    admin.get_by_label("Requests per minute").fill("5")
    admin.get_by_label("Expires on").fill("2099-12-31")
    admin.get_by_role("button", name="Create key").click()
    key = admin.get_by_label("API key", exact=True).input_value()
    program = httpx2.Client(base_url=server.url, trust_env=False, headers={"Authorization": f"Bearer {key}"})
    with program:
        assert [program.get("/api/v1/admin/models").status_code for _ in range(6)] == [200] * 5 + [429]
    admin.get_by_role("link", name="Done").click()
    row = admin.get_by_role("listitem").filter(has_text="The export at night")
    expect(row).to_contain_text("Last used")
    row.get_by_role("button", name="Revoke").click()
    admin.get_by_role("dialog", name="Revoke the key").get_by_role("button", name="Revoke key").click()
    expect(admin.get_by_role("listitem").filter(has_text="The export at night")).to_contain_text("revoked")


def read_log(admin: Page, server: Server) -> None:
    admin.goto("/admin/log")
    admin.get_by_label("What", exact=True).select_option(label="signed somebody out")
    admin.get_by_role("button", name="Show").click()
    expect(admin.locator(".log").get_by_role("listitem")).to_have_count(1)
    expect(admin.locator(".log")).to_contain_text("Ada signed somebody out Bea")
    with reading(server.sessions) as session:
        seen = [entry.action for entry in session.query(AuditEntry).order_by(AuditEntry.id)]
    assert seen == [
        "user.joined",
        "user.invited",
        "user.joined",
        "user.password_link_made",
        "account.password_reset",
        "user.session_ended",
        "user.deactivated",
        "user.activated",
        "api_key.made",
        "api_key.revoked",
    ]


def test_somebody_added_with_a_first_password_chooses_another(new_person: NewPerson, own_server: Server):
    admin = make_user(own_server.sessions, Role.ADMIN)
    page = new_person(at=own_server.url).page
    sign_in(page, admin.email, PASSWORD)
    page.goto("/admin/people")
    form = page.locator("section", has=page.get_by_role("heading", name="Add an account"))
    form.get_by_label("E-mail address").fill(f"first-{admin.id}@example.org")
    form.get_by_label("Name").fill("Cleo")
    form.get_by_role("button", name="Create account").click()
    password = page.get_by_label("First password").input_value()

    cleo = new_person(at=own_server.url).page
    sign_in(cleo, f"first-{admin.id}@example.org", password)
    expect(cleo.get_by_role("heading", level=1)).to_have_text("Choose your own password")
    cleo.get_by_label("The password you were given").fill(password)
    cleo.get_by_label("New password", exact=True).fill(ADA)
    cleo.get_by_role("button", name="Save").click()
    cleo.goto("/account")
    cleo.get_by_role("combobox", name="Language").select_option(label="Nederlands")
    cleo.get_by_role("button", name="Save").click()
    expect(cleo.get_by_role("heading", level=1)).to_have_text("Je account")
    cleo.get_by_role("button", name="Overal afmelden").click()
    expect(cleo.get_by_role("heading", level=1)).to_have_text("Aanmelden")


def test_every_page_of_accounts_is_accessible(new_person: NewPerson, own_server: Server):
    admin = make_user(own_server.sessions, Role.ADMIN)
    other = make_user(own_server.sessions, name="Dora", must_change_password=True)
    person = new_person(at=own_server.url)
    person.expects("status of 401", "status of 404", "status of 422")
    page = person.page
    with transaction(own_server.sessions) as session:
        invitation = account_links.invite(session, admin.id, "", Role.COORDINATOR).path
        reset = account_links.make_password_reset(session, admin.id, other.id).path
    for path in ("/sign-in", invitation, reset, "/reset/nothing"):
        page.goto(path)
        check(page)
    sign_in(page, admin.email, "wrong")
    check(page)
    sign_in(page, admin.email, PASSWORD)
    expect(page.locator(".account__name")).to_be_attached()
    paths = [
        "/account",
        "/account/password",
        "/admin/people",
        f"/admin/people/{other.id}",
        "/admin/api-keys",
        "/admin/log",
        "/admin/organisation",
        "/admin/kept",
        "/account/leave",
    ]
    for path in paths:
        page.goto(path)
        check(page)
    page.set_viewport_size({"width": 1280, "height": 900})
    page.goto("/admin/people")
    page.get_by_role("button", name="Create invitation").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Pass on this invitation")
    check(page)
