"""What the routes about models share."""

from datetime import timedelta
from typing import Annotated

from fastapi import Depends, Request

from app.collecting import data_sets
from app.core.db import reading
from app.core.web.dependencies import Sessions, SettingsDep
from app.review.pages.shared import WordsDep
from app.versions.pages.run_views import RunViews
from app.versions.runs import Runs

__all__ = ["RunViewsDep", "RunsDep", "Sessions", "SettingsDep", "WordsDep"]


def _runs(request: Request) -> Runs:
    return request.app.state.runs


RunsDep = Annotated[Runs, Depends(_runs)]


def _run_views(words: WordsDep, settings: SettingsDep, sessions: Sessions) -> RunViews:
    with reading(sessions) as session:
        numbers = data_sets.numbers_by_path(session, settings)
    return RunViews(words, timedelta(seconds=settings.job_lost_seconds), numbers)


RunViewsDep = Annotated[RunViews, Depends(_run_views)]
