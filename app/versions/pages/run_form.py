"""The form that starts a run: what was typed, and the request that it means."""

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Annotated

from pydantic import BaseModel, Field, PrivateAttr

from app.core.errors import FieldError
from app.core.texts import OneForm
from app.core.web.i18n import Language
from app.core.web.words import field_message
from app.versions.rules import PhotoSelection, Start
from app.versions.runs import RunRequest

CODES = ("V1", "V2", "C3")
_MOST = 100_000
# The name of a config, not the path of a file: those may run any code, so they need the server's command line.
_NAME = re.compile(r"[\w-]{1,100}", re.ASCII)
# Values that may be set here: nothing that names files, tasks or versions.
_SETTABLE = ("optimisation.", "augmentation.")


class RunForm(BaseModel):
    """The fields as typed, and ``errors`` by field after ``request``."""

    config: str = Field("", max_length=200)
    start: str = Start.SCRATCH.value
    epochs: str = ""
    minutes: str = ""
    megabytes: str = ""
    seed: str = ""
    labels: Annotated[str, Field(max_length=20_000), OneForm] = ""
    codes: list[str] = []
    since: str = ""
    until: str = ""
    experts: str = ""
    agreement: str = ""
    bases: list[str] = []
    values: Annotated[str, Field(max_length=5_000), OneForm] = ""
    insist: bool = False
    _errors: dict[str, str] = PrivateAttr(default_factory=dict)

    @property
    def errors(self) -> dict[str, str]:
        """What can't be read, by field."""
        return self._errors

    def request(self, language: Language, default_config: str) -> RunRequest | None:
        """What it means. None where something can't be read; ``errors`` then says what."""
        t = language.gettext
        if self.config and self.config != default_config and not _NAME.fullmatch(self.config):
            self.errors["config"] = t("Please enter the name of a configuration. Files only work on the command line.")
        since, until = self._day("since", language), self._day("until", language)
        numbers = {name: self._number(name, language) for name in ("epochs", "minutes", "megabytes", "seed", "experts")}
        share = self._number("agreement", language, least=0, most=100)
        if self.start not in set(Start):
            self.errors["start"] = t("Please choose one.")
        if not self.codes or not set(self.codes) <= set(CODES):
            self.errors["codes"] = t("Please choose at least one.")
        values = self._values(language)
        if self.errors:
            return None
        return RunRequest(
            config=self.config,
            selection=PhotoSelection(
                codes=tuple(self.codes),
                since=since,
                until=until + timedelta(days=1) if until else None,
                least_experts=numbers["experts"] or 1,
                least_agreement=(share or 0) / 100,
            ),
            bases=tuple(self.bases),
            labels=tuple(_parts(self.labels.replace("\n", ","))),
            start=Start(self.start),
            epochs=numbers["epochs"],
            seed=numbers["seed"],
            values=values,
            time_limit_minutes=numbers["minutes"],
            memory_limit_megabytes=numbers["megabytes"],
            insist=self.insist,
        )

    def _number(self, name: str, language: Language, least: int = 1, most: int = _MOST) -> int | None:
        typed = getattr(self, name).strip()
        if not typed:
            return None
        least = 0 if name == "seed" else least
        if typed.isascii() and typed.isdigit() and len(typed) < 10 and least <= int(typed) <= most:
            return int(typed)
        self.errors[name] = field_message(language, FieldError(name, "number_range", (("min", least), ("max", most))))
        return None

    def _day(self, name: str, language: Language) -> datetime | None:
        typed = getattr(self, name).strip()
        if not typed:
            return None
        try:
            day = date.fromisoformat(typed)
        except ValueError:
            self.errors[name] = language.gettext("Please enter a date such as 2026-07-31.")
            return None
        return datetime(day.year, day.month, day.day, tzinfo=UTC)

    def _values(self, language: Language) -> dict[str, str]:
        values = {}
        for line in _parts(self.values, "\n"):
            key, equals, value = line.partition("=")
            if not equals or not key.strip().startswith(_SETTABLE):
                self.errors["values"] = language.gettext(
                    "Please enter one value per line, for example optimisation.learning_rate=0.0004 or augmentation.rotation=20."
                )
                return {}
            values[key.strip()] = value.strip()
        return values


def _parts(text: str, separator: str = ",") -> Iterable[str]:
    return [part.strip() for part in text.split(separator) if part.strip()]
