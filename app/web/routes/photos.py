"""Photos as pages show them: re-encoded, without EXIF, behind unguessable links."""

from fastapi import APIRouter, Request, Response
from sqlalchemy import select

from app.domain.errors import NotFound
from app.models import Photo
from app.services import photos
from app.web.dependencies import ReadSession, StorageDep
from app.web.security import PICTURE_POLICY

router = APIRouter(include_in_schema=False)


@router.get("/photos/{token}/{variant}.jpg")
def show(request: Request, token: str, variant: str, session: ReadSession, storage: StorageDep) -> Response:
    """A copy of a photo. What a token and a variant show never changes, so the browser keeps it; a withdrawn one is gone."""
    photo = session.scalar(select(Photo).where(Photo.token == token, Photo.removed_at.is_(None)))
    if photo is None or variant not in photos.VARIANTS:
        raise NotFound("There is no photo at this link.")
    etag = f'"{photo.sha256[:16]}-{variant}"'
    headers = {"ETag": etag, "Cache-Control": "private, max-age=3600", "Content-Disposition": "inline"}
    headers["Content-Security-Policy"] = PICTURE_POLICY
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers=headers)
    try:
        data = storage.get(photos.key_of(photo.sha256, variant))
    except FileNotFoundError as error:
        raise NotFound("The file of this photo is missing.") from error
    return Response(data, media_type="image/jpeg", headers=headers)
