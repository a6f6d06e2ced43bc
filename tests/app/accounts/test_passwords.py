"""Which passwords are taken, and how they are kept."""

import pytest

from app.accounts.tables import User
from app.accounts.users import Passwords, check_password
from app.core.errors import InvalidInput

ADA = User(email="ada.lovelace@example.org", name="Ada Lovelace")
QUICK = Passwords(memory_kib=8, passes=1)
GOOD = [
    "brown wings over a gate in july",
    "correct horse battery staple",
    "zzz bruin zandoogje achter de heg",
    "長い合言葉は覚えやすくて安全ですよね本当に",
    "a" * 5 + "Kd83-xq20-9vvm-2" + "b" * 100,
    "only small letters and spaces",
]
BAD = [
    ("", "password_short"),
    ("fourteen chars", "password_short"),
    ("é" * 14, "password_short"),
    ("x" * 201, "text_too_long"),
    ("passwordpassword", "password_guessed"),
    ("123456789012345", "password_guessed"),
    ("qwertyuiopasdfgh", "password_guessed"),
    ("aaaaaaaaaaaaaaaaaaaaaaaa", "password_guessed"),
    ("wingcheckwingcheck", "password_guessed"),
    ("ada.lovelace@example.org", "password_guessed"),
    ("Ada Lovelace Ada Lovelace", "password_guessed"),
]


@pytest.mark.parametrize("password", GOOD)
def test_long_ones_that_nobody_guesses_are_taken(password):
    check_password(password, ADA)


@pytest.mark.parametrize(("password", "code"), BAD)
def test_others_are_refused_with_the_reason(password, code):
    with pytest.raises(InvalidInput) as caught:
        check_password(password, ADA)
    assert [(e.field, e.code) for e in caught.value.errors] == [("password", code)]


def test_however_a_keyboard_composes_a_letter_it_is_the_same():
    assert QUICK.matches(QUICK.hash("caf\u00e9 au lait le matin"), "cafe\u0301 au lait le matin")


def test_the_same_password_is_never_kept_the_same_way():
    assert QUICK.hash(GOOD[0]) != QUICK.hash(GOOD[0])


@pytest.mark.parametrize("kept", ["", "!", "$argon2id$v=19$m=8,t=1,p=1$broken"])
def test_a_damaged_hash_lets_nobody_in(kept):
    assert not QUICK.matches(kept, "")


def test_a_hash_of_other_parameters_is_outdated():
    kept = QUICK.hash(GOOD[0])
    assert not QUICK.is_outdated(kept)
    assert Passwords().is_outdated(kept)


def test_what_stands_for_nobody_is_compared_in_full_and_never_matches():
    assert not QUICK.matches(QUICK.dummy_hash, GOOD[0])
    assert not QUICK.is_outdated(QUICK.dummy_hash)  # the same parameters, so the same work
