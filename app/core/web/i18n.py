"""Languages. Catalogues are read from .po files at first use, so nothing has to be compiled."""

import io
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from babel import Locale
from babel.dates import LOCALTZ, format_date, format_time
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations
from starlette.requests import Request
from starlette.responses import Response

from app.core.paths import LOCALES

LANGUAGES = {"en": "English", "nl": "Nederlands"}
COOKIE = "wingcheck_language"
_YEAR = 365 * 24 * 3600
_Day = date


@lru_cache
def translations(language: str) -> NullTranslations:
    """The catalogue of a language; English is the source and needs none."""
    path = LOCALES / language / "LC_MESSAGES" / "messages.po"
    if not path.is_file():
        return NullTranslations()
    with path.open("rb") as file:
        catalogue = read_po(file, locale=language)
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return Translations(compiled)


class Language:
    """A language, with functions that translate and format."""

    def __init__(self, code: str) -> None:
        self.code = code
        self.catalogue = translations(code)
        # British English: 21 November 2026, 14:05.
        self._locale = Locale("en", "GB") if code == "en" else Locale(code)

    def gettext(self, message: str, **params: Any) -> str:
        """The message in this language, with its parameters."""
        text = self.catalogue.gettext(message)
        return text % params if params else text

    def ngettext(self, one: str, many: str, n: int, **params: Any) -> str:
        """The message for ``n`` things."""
        return self.catalogue.ngettext(one, many, n) % {"n": n, "num": n, **params}

    def date(self, value: date | datetime) -> str:
        """A date in words; that of a datetime is in the server's time zone."""
        if isinstance(value, datetime):
            value = value.astimezone(LOCALTZ).date()
        return format_date(value, format="long", locale=self._locale)

    def short_date(self, value: _Day) -> str:
        """A date without its year, for narrow places."""
        return format_date(value, format="d MMM", locale=self._locale)

    def moment(self, value: datetime) -> str:
        """Date and time in words, in the server's time zone (TZ)."""
        day = self.date(value)
        time = format_time(value.astimezone(LOCALTZ), format="short", tzinfo=LOCALTZ, locale=self._locale)
        return f"{day}, {time}"


def negotiate(request: Request, default: str) -> str:
    """The language of a request: the person's choice, else the browser's preference."""
    chosen = request.cookies.get(COOKIE)
    return chosen if chosen in LANGUAGES else from_header(request.headers.get("accept-language", ""), default)


def remember_language(response: Response, code: str, *, secure: bool) -> None:
    """Store the choice in a cookie."""
    response.set_cookie(COOKIE, code, max_age=_YEAR, samesite="lax", secure=secure)


def from_header(header: str, default: str) -> str:
    """The best of our languages for an Accept-Language header, or ``default``."""
    accepted: list[tuple[float, int, str]] = []
    for order, part in enumerate(header.split(",")):
        name, _, quality = part.strip().partition(";q=")
        try:
            weight = float(quality) if quality else 1.0
        except ValueError:
            continue
        code = name.split("-")[0].lower()
        if code in LANGUAGES and weight > 0:
            accepted.append((-weight, order, code))
    return min(accepted)[2] if accepted else default
