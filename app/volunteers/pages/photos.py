"""Photos as pages show them: re-encoded, without EXIF, behind unguessable links."""

from fastapi import APIRouter, Request, Response
from sqlalchemy import select

from app.core.errors import NotFound
from app.core.web.dependencies import ReadSession, StorageDep
from app.core.web.security import PICTURE_POLICY
from app.predictions.inference import Square
from app.submissions import photos
from app.submissions.tables import Photo

router = APIRouter(include_in_schema=False)


@router.get("/photos/{token}/{variant}.jpg")
def show(request: Request, token: str, variant: str, session: ReadSession, storage: StorageDep) -> Response:
    """A copy of a photo, which the browser keeps, for it never changes. ``cut`` shows the animal alone, from the square that
    was drawn or found, and the whole photo where there is none; a square may move, so the browser asks whether it did.
    """
    photo = session.scalar(select(Photo).where(Photo.token == token, Photo.removed_at.is_(None)))
    if photo is None or variant not in {*photos.VARIANTS, "cut"}:
        raise NotFound("There is no photo at this link.")
    square = photo.animal if variant == "cut" else None
    etag = f'"{photo.sha256[:16]}-{variant}{"".join(f"-{edge:.4f}" for edge in square or ())}"'
    cache = "private, no-cache" if variant == "cut" else "private, max-age=3600"
    headers = {"ETag": etag, "Cache-Control": cache, "Content-Disposition": "inline"}
    headers["Content-Security-Policy"] = PICTURE_POLICY
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers=headers)
    kept = variant if variant != "cut" else "display" if square else "thumb"
    try:
        data = storage.get(photos.key_of(photo.sha256, kept))
    except FileNotFoundError as error:
        raise NotFound("The file of this photo is missing.") from error
    return Response(photos.cut(data, Square(*square)) if square else data, media_type="image/jpeg", headers=headers)
