"""Uploaded photos: kept in memory while there is room, else in temporary files, and hashed as they arrive."""

import asyncio
import hashlib
import io
import tempfile
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, BinaryIO, TypeVar, cast

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, Headers, UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser

from app.core.errors import Overloaded
from app.core.line import Line

T = TypeVar("T")


class Room:
    """Memory for uploads. Used only on the event loop, so there is no lock."""

    def __init__(self, size: int) -> None:
        """``size``: bytes for all uploads together."""
        self.left = size

    def take(self, size: int) -> bool:
        """Reserve ``size`` bytes; False if there is no room."""
        if size > self.left:
            return False
        self.left -= size
        return True

    def give_back(self, size: int) -> None:
        """Free ``size`` bytes."""
        self.left += size


class Photo(UploadFile):
    """A file of a form. Bytes beyond the size limit are counted, but not stored."""

    size: int

    def __init__(self, room: Room, most: int, filename: str | None, headers: Headers) -> None:
        """``most``: bytes of one photo."""
        super().__init__(io.BytesIO(), size=0, filename=filename, headers=headers)
        self._room, self._most = room, most
        self._chunks: list[bytes] = []
        self._reserved = 0
        self._spilled = False
        self._hash = hashlib.sha256()

    @property
    def sha256(self) -> str:
        """The hash of what has arrived, in hexadecimal."""
        return self._hash.hexdigest()

    async def write(self, data: bytes) -> None:
        """Store more of it."""
        self.size += len(data)
        if self.size > self._most:
            self._forget()
            return
        self._hash.update(data)
        if not self._spilled and self._room.take(len(data)):
            self._reserved += len(data)
            self._chunks.append(data)
            return
        if not self._spilled:
            self.file = cast(BinaryIO, tempfile.TemporaryFile())  # noqa: SIM115
            self._spilled = True
        await run_in_threadpool(self.file.writelines, [*self._chunks, data])
        self._forget()

    def content(self) -> bytes:
        """The whole content; may be called again."""
        if self._spilled:
            self.file.seek(0)
            return self.file.read()
        if len(self._chunks) > 1:
            self._chunks = [b"".join(self._chunks)]
        return self._chunks[0] if self._chunks else b""

    async def seek(self, offset: int) -> None:
        """Does nothing: ``content`` starts at the beginning."""

    async def close(self) -> None:
        """Release memory and file. Idempotent."""
        self._forget()
        self.file.close()

    def _forget(self) -> None:
        """Release the memory."""
        self._room.give_back(self._reserved)
        self._reserved, self._chunks = 0, []


def chosen(files: Sequence[object]) -> list[Photo]:
    """The photos of a form, without the empty part that browsers send if no file was chosen."""
    return [file for file in files if isinstance(file, Photo) and (file.filename or file.size)]


class _Parser(MultiPartParser):
    """Starlette's form parser, with photos for files."""

    def __init__(self, room: Room, most: int, *arguments: Any, **limits: Any) -> None:
        super().__init__(*arguments, **limits)
        self._room, self._most = room, most
        self._photos: list[Photo] = []

    def on_headers_finished(self) -> None:
        super().on_headers_finished()
        file = self._current_part.file
        if file is not None:
            photo = Photo(self._room, self._most, file.filename, file.headers)
            self._current_part.file = photo
            self._photos.append(photo)

    async def parse(self) -> FormData:
        try:
            return await super().parse()
        except BaseException:
            for photo in self._photos:
                await photo.close()
            raise


class _PhotoRequest(Request):
    @property
    def has_photos(self) -> bool:
        return self.headers.get("content-type", "").startswith("multipart/form-data")

    async def form(self, **limits: Any) -> FormData:  # type: ignore[override]
        """Starlette's form, with photos for files."""
        if self._form is None and self.has_photos:
            state = self.app.state
            most = state.settings.max_file_megabytes * 1_000_000
            try:
                parser = _Parser(state.room_for_photos, most, self.headers, self.stream(), **limits)
                self._form = await parser.parse()
            except MultiPartException as error:
                raise HTTPException(400, error.message) from error
        return await super().form(**limits)

    async def check_line(self, line: Line) -> None:
        """Raise Overloaded if the photos would wait too long. The body is read all the same, and dropped: most clients read
        an answer only after they have sent everything.
        """
        try:
            line.check()
        except Overloaded:
            async for _ in self.stream():
                pass
            raise


class _PhotoRoute(APIRoute):
    """A route with uploaded photos that wait in the line of this name in the app's state."""

    line: str

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's handler, with another class of request."""
        handle = super().get_route_handler()

        async def with_photos(request: Request) -> Response:
            photo_request = _PhotoRequest(request.scope, request.receive, request._send)
            if photo_request.has_photos:
                await photo_request.check_line(getattr(request.app.state, self.line))
            return await handle(photo_request)

        return with_photos


class PredictionRoute(_PhotoRoute):
    """Photos wait for a prediction."""

    line = "prediction_line"


class SubmissionRoute(_PhotoRoute):
    """Photos wait to be prepared and stored."""

    line = "submission_line"


async def done(line: Line, task: Callable[[], T]) -> T:
    """The result of a task that waits in a line. Raises Overloaded."""
    [future] = line.begin([task])
    return await asyncio.wrap_future(future)
