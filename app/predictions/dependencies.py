"""Dependencies of routes that need a model version."""

from typing import Annotated

from fastapi import Depends, Request
from starlette.concurrency import run_in_threadpool

from app.predictions.classifiers import Classifiers, Served


async def _classifiers(request: Request) -> Classifiers:
    return request.app.state.classifiers


ClassifiersDep = Annotated[Classifiers, Depends(_classifiers)]


async def served_now(classifiers: Classifiers) -> Served:
    """The model version in service, for routes that are coroutines. Raises ModelUnavailable."""
    fresh: Served | None = classifiers.fresh()
    return fresh if fresh is not None else await run_in_threadpool(classifiers.current)
