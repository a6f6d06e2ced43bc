"""What the routes about collections share."""

from datetime import timedelta
from typing import Annotated

from fastapi import Depends, Request

from app.collecting.collections import Collections
from app.collecting.data_sets import DataSets
from app.collecting.pages.collections_views import CollectionViews
from app.core.web.dependencies import Sessions, SettingsDep
from app.review.pages.shared import WordsDep


def _collections(request: Request, sessions: Sessions, settings: SettingsDep) -> Collections:
    return Collections(sessions, settings, request.app.state.send_message, request.app.state.open_runs)


CollectionsDep = Annotated[Collections, Depends(_collections)]


def _data_sets(request: Request, sessions: Sessions, settings: SettingsDep) -> DataSets:
    return DataSets(sessions, settings, request.app.state.open_runs)


DataSetsDep = Annotated[DataSets, Depends(_data_sets)]


def _views(words: WordsDep, settings: SettingsDep) -> CollectionViews:
    return CollectionViews(words, timedelta(seconds=settings.job_lost_seconds))


CollectionViewsDep = Annotated[CollectionViews, Depends(_views)]
