"""What every page about models is given."""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request, Response

from app.core.web.auth import Admin
from app.core.web.dependencies import Sessions, SettingsDep
from app.core.web.pages import uncached_page
from app.review.pages.shared import WordsDep
from app.versions.pages.figures import OUTCOMES, percent


@dataclass(frozen=True)
class AdminPage:
    """A request by an admin, and what pages about models are made of."""

    request: Request
    user: Admin
    sessions: Sessions
    settings: SettingsDep
    words: WordsDep

    @property
    def shared(self) -> dict[str, Any]:
        """What every template of these pages may use."""
        return {"words": self.words, "percent": percent, "outcomes": OUTCOMES}

    def render(self, template: str, status: int = 200, **context: Any) -> Response:
        """The page; no browser keeps it."""
        return uncached_page(self.request, template, status, **(self.shared | context))


Page = Annotated[AdminPage, Depends()]
