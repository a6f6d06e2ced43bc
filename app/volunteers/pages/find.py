"""Where the animals of a photo are, for the form of a new submission. Nothing is kept."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, File, Response, UploadFile
from fastapi.responses import JSONResponse

from app.core.settings import Settings
from app.core.web import problems
from app.core.web.dependencies import SettingsDep, same_origin
from app.core.web.uploads import PredictionRoute, chosen
from app.predictions.api import photo_problem
from app.predictions.dependencies import ClassifiersDep, served_now
from app.predictions.inference import PhotoError

router = APIRouter(include_in_schema=False, route_class=PredictionRoute)


@router.post("/find", dependencies=[Depends(same_origin)])
async def find(classifiers: ClassifiersDep, settings: SettingsDep, file: Annotated[UploadFile, File()]) -> Response:
    """Squares around animals, the surest first, as fractions of the upright photo.

    ``searched`` is false where the version in service can't search.
    """
    if (file.size or 0) > settings.max_file_megabytes * 1_000_000:
        return _refused(None, settings)
    served = await served_now(classifiers)
    if served.info.finder is None:
        return JSONResponse({"searched": False, "squares": []})
    [photo] = chosen([file])
    animals = await asyncio.wrap_future(classifiers.begin_to_find(served, photo.content, photo.size))
    if isinstance(animals, PhotoError):
        return _refused(animals, settings)
    squares = [vars(animal.square) | {"score": animal.score} for animal in animals]
    return JSONResponse({"searched": True, "squares": squares})


def _refused(error: PhotoError | None, settings: Settings) -> Response:
    problem = photo_problem(error, settings.max_file_megabytes)
    return JSONResponse(problem.model_dump(), problem.status, media_type=problems.MEDIA_TYPE)
