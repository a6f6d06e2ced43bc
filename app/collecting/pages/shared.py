"""What the pages about training data (collections, photographers, runs) have in common."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy.orm import Session

from app.collecting.rules import PhotoDecision
from app.collecting.tables import CollectedPhoto
from app.core.errors import Conflict, WingcheckError
from app.core.long_work import PAGE, LongWorkRow, newest, waiting_before
from app.core.web.dependencies import Sessions, SettingsDep
from app.core.web.live import WorkView
from app.core.web.pages import uncached_page
from app.core.web.words import error_message
from app.review.pages.shared import WordsDep

_ = str  # marks messages for extraction
DECISIONS = {
    PhotoDecision.UNDECIDED: _("Not decided"),
    PhotoDecision.RIGHT: _("Correct"),
    PhotoDecision.OTHER_SPECIES: _("Another species"),
    PhotoDecision.WRONG: _("Wrong species"),
    PhotoDecision.NO_BUTTERFLY: _("Not a butterfly"),
    PhotoDecision.DUPLICATE: _("Duplicate"),
}


@dataclass(frozen=True)
class TrainingPages:
    """What a route is given: the request and what it leads to, and the words of its language."""

    request: Request
    sessions: Sessions
    settings: SettingsDep
    words: WordsDep

    def render(self, template: str, status: int = 200, **context: Any) -> Response:
        """A page, which may use ``context`` and ``common``."""
        return uncached_page(self.request, template, status, **self.common, **context)

    @property
    def common(self) -> dict[str, Any]:
        """What every template is given."""
        return {"pages": self, "words": self.words, "decisions": DECISIONS}

    def work(self, session: Session, row: LongWorkRow) -> WorkView:
        """Long work as a page shows it."""
        ahead = waiting_before(session, type(row)).get(row.id, 0)
        return WorkView.of(row, self.words.language, self.settings, ahead)

    def list_work(
        self, session: Session, table: type[LongWorkRow], before: int | None
    ) -> tuple[list[WorkView], int | None]:
        """A page of it, the newest first; and ``before`` for the next page, where there is one."""
        rows = newest(session, table, before, PAGE + 1)
        ahead = waiting_before(session, table)
        shown = [WorkView.of(row, self.words.language, self.settings, ahead.get(row.id, 0)) for row in rows[:PAGE]]
        return shown, rows[PAGE - 1].id if len(rows) > PAGE else None

    def error(self, error: WingcheckError) -> str:
        """Why something is not possible."""
        return error_message(self.words.language, error)

    def species(self, names: Sequence[str]) -> str:
        """Species by the names that people use, in one line."""
        text = ", ".join(self.words.name(name) for name in names)
        return text[:1].upper() + text[1:]

    def decision(self, photo: CollectedPhoto) -> str:
        """What was decided about a photo, and by whom."""
        text = self.species([photo.shows]) if photo.shown_taxon else self.words.t(DECISIONS[photo.decision])
        if photo.decision is PhotoDecision.UNDECIDED or photo.decided_by is None:
            return text
        return self.words.t("%(decision)s (%(who)s)", decision=text, who=photo.decided_by.name)


PagesDep = Annotated[TrainingPages, Depends()]


def done_or_late(act: Callable[[], None], path: str, late: str) -> Response:
    """On to ``path``; with the query ``late`` where ``act`` was not possible any more."""
    try:
        act()
    except Conflict:
        return RedirectResponse(f"{path}?{late}", 303)
    return RedirectResponse(path, 303)
