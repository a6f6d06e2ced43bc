"""Where the animals of a photo are, for the form of a new submission. Nothing is kept."""

from typing import Annotated

from fastapi import APIRouter, Depends, File, Response, UploadFile
from fastapi.responses import JSONResponse

from app.services.inference import PhotoError
from app.web import problems
from app.web.dependencies import ClassifiersDep, SettingsDep, same_origin
from app.web.errors import PHOTO_STATUS
from app.web.forms import reader

router = APIRouter(include_in_schema=False)


@router.post("/find", dependencies=[Depends(same_origin)])
def find(classifiers: ClassifiersDep, settings: SettingsDep, file: Annotated[UploadFile, File()]) -> Response:
    """Squares around animals, the surest first, as fractions of the upright photo.

    ``searched`` is false where the version in service can't search.
    """
    if (file.size or 0) > settings.max_file_megabytes * 1_000_000:
        return problems.response("photo-too-large", 413, f"A photo may have {settings.max_file_megabytes} MB.")
    served = classifiers.current()
    if served.info.finder is None:
        return JSONResponse({"searched": False, "squares": []})
    animals = classifiers.find(served, lambda: reader(file), file.size or 0)
    if isinstance(animals, PhotoError):
        return problems.response(f"photo-{animals.kind.replace('_', '-')}", PHOTO_STATUS[animals.kind], animals.detail)
    squares = [vars(animal.square) | {"score": animal.score} for animal in animals]
    return JSONResponse({"searched": True, "squares": squares})
