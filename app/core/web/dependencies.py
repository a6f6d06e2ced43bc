"""Dependencies of routes: settings, storage, sessions, language.

Those that only look something up are coroutines: FastAPI would call a function in another thread, which is slower.
"""

from collections.abc import Iterator
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy.orm import Session

from app.core.db import SessionFactory, reading
from app.core.settings import Settings
from app.core.storage import Storage
from app.core.web.i18n import Language
from app.core.web.pages import page_language


async def _settings(request: Request) -> Settings:
    return request.app.state.settings


async def _storage(request: Request) -> Storage:
    return request.app.state.storage


async def _language(request: Request) -> Language:
    return page_language(request)


def _sessions(request: Request) -> SessionFactory:
    return request.app.state.sessions


def _reading(request: Request) -> Iterator[Session]:
    with reading(request.app.state.sessions) as session:
        yield session


SettingsDep = Annotated[Settings, Depends(_settings)]
StorageDep = Annotated[Storage, Depends(_storage)]
ReadSession = Annotated[Session, Depends(_reading)]
LanguageDep = Annotated[Language, Depends(_language)]
Sessions = Annotated[SessionFactory, Depends(_sessions)]
