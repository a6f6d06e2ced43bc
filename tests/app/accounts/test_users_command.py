"""`wingcheck users …`: for the first admin, and for whoever lost the last password."""

import re

import pytest

from app.accounts.tables import AccountLink, AuditEntry, User
from app.core.db import reading
from app.core.roles import Role
from tests.people import make_user


def link_in(text):
    found = re.search(r"http://localhost:8000(/(invitation|reset)/[\w-]{43})\n", text)
    assert found is not None, text
    return found[1]


def user(database, found):
    with reading(database) as session:
        return session.get_one(User, found.id)


def test_a_link_for_the_first_admin_is_printed_until_there_is_one(wingcheck, database):
    code, out, _ = wingcheck("users", "first-admin-link")
    assert code == 0
    assert link_in(out).startswith("/invitation/")
    make_user(database, Role.ADMIN)
    code, _, err = wingcheck("users", "first-admin-link")
    assert code == 1
    assert "there is already an admin" in err


def test_somebody_is_invited(wingcheck, database):
    code, out, _ = wingcheck("users", "invite", "Kim@Example.org", "--role", "coordinator")
    assert (code, link_in(out).split("/")[1]) == (0, "invitation")
    with reading(database) as session:
        link = session.query(AccountLink).one()
        assert (link.email, link.role, link.created_by) == ("kim@example.org", Role.COORDINATOR, None)


def test_the_address_people_use_is_the_one_of_the_setting(wingcheck, database, monkeypatch):
    monkeypatch.setenv("WINGCHECK_PUBLIC_URL", "https://count.example.org/")
    assert "https://count.example.org/invitation/" in wingcheck("users", "invite")[1]


def test_everybody_is_listed(wingcheck, database):
    assert "first-admin-link" in wingcheck("users", "list")[1]
    make_user(database, Role.ADMIN, name="Lou", active=False)
    code, out, _ = wingcheck("users", "list")
    assert code == 0
    assert re.search(r"Lou .* admin .* no .* never", out)


def test_somebody_is_added_with_a_first_password(wingcheck, database):
    code, out, _ = wingcheck("users", "add", "mo@example.org", "--name", "Mo")
    assert code == 0
    assert re.search(r"first password \w{5}-\w{5}-\w{5}-\w{5}\n", out)
    code, _, err = wingcheck("users", "add", "mo@example.org", "--name", "Mo")
    assert (code, err) == (1, "wingcheck: There is already an account with this e-mail address.\n")


def test_a_lost_password_of_the_last_admin_is_replaced(wingcheck, database):
    admin = make_user(database, Role.ADMIN)
    code, out, _ = wingcheck("users", "reset-password", admin.email)
    assert (code, link_in(out).split("/")[1]) == (0, "reset")


def test_roles_change_and_accounts_go_off_and_on(wingcheck, database):
    make_user(database, Role.ADMIN)
    found = make_user(database)
    assert wingcheck("users", "role", found.email, "admin")[0] == 0
    assert user(database, found).role is Role.ADMIN
    assert wingcheck("users", "deactivate", found.email)[0] == 0
    assert not user(database, found).active
    assert wingcheck("users", "activate", found.email)[0] == 0
    assert user(database, found).active
    with reading(database) as session:
        assert [(e.user_id, e.action) for e in session.query(AuditEntry).order_by(AuditEntry.id)] == [
            (None, "user.role_changed"),
            (None, "user.deactivated"),
            (None, "user.activated"),
        ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["deactivate", "nobody@example.org"], "nobody has the address"),
        (["reset-password", "nobody@example.org"], "nobody has the address"),
        (["invite", "no address"], "Please enter a valid e-mail address."),
    ],
)
def test_what_can_t_be_done_is_said_in_one_line(wingcheck, database, arguments, said):
    code, _, err = wingcheck("users", *arguments)
    assert code == 1
    assert said in err
    assert err.count("\n") == 1


def test_the_last_admin_can_t_be_deactivated_here_either(wingcheck, database):
    admin = make_user(database, Role.ADMIN)
    code, _, err = wingcheck("users", "deactivate", admin.email)
    assert code == 1
    assert "last admin" in err
