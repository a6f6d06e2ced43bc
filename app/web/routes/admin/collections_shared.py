"""What the routes about collections share."""

from datetime import timedelta
from typing import Annotated

from fastapi import Depends, Request

from app.services.collecting.collections import Collections
from app.services.collecting.data_sets import DataSets
from app.web.model_pages.collections import CollectionViews
from app.web.routes.admin.models_shared import Sessions, SettingsDep, WordsDep


def _collections(request: Request, sessions: Sessions, settings: SettingsDep) -> Collections:
    return Collections(sessions, settings, request.app.state.send_message)


CollectionsDep = Annotated[Collections, Depends(_collections)]


def _data_sets(sessions: Sessions, settings: SettingsDep) -> DataSets:
    return DataSets(sessions, settings)


DataSetsDep = Annotated[DataSets, Depends(_data_sets)]


def _views(words: WordsDep, settings: SettingsDep) -> CollectionViews:
    return CollectionViews(words, timedelta(seconds=settings.job_lost_seconds))


CollectionViewsDep = Annotated[CollectionViews, Depends(_views)]
