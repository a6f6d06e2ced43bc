"""Photos on their way in: read as they come, kept in memory while there is room, hashed meanwhile."""

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
    """Memory for photos on their way in. Used on the event loop alone, so nothing is locked."""

    def __init__(self, size: int) -> None:
        """``size``: bytes that all of them may take together."""
        self.left = size

    def take(self, size: int) -> bool:
        """Whether there was room for so many bytes, which are taken then."""
        if size > self.left:
            return False
        self.left -= size
        return True

    def give_back(self, size: int) -> None:
        """They are free again."""
        self.left += size


class Photo(UploadFile):
    """A file of a form. What is beyond the limit of its size is counted, and not kept."""

    size: int

    def __init__(self, room: Room, most: int, filename: str | None, headers: Headers) -> None:
        """``most``: bytes of one photo."""
        super().__init__(io.BytesIO(), size=0, filename=filename, headers=headers)
        self._room, self._most = room, most
        self._pieces: list[bytes] = []
        self._held = 0
        self._spilled = False
        self._hash = hashlib.sha256()

    @property
    def sha256(self) -> str:
        """Of what has come, in hexadecimal digits."""
        return self._hash.hexdigest()

    async def write(self, data: bytes) -> None:
        """Keep more of it."""
        self.size += len(data)
        if self.size > self._most:
            self._forget()
            return
        self._hash.update(data)
        if not self._spilled and self._room.take(len(data)):
            self._held += len(data)
            self._pieces.append(data)
            return
        if not self._spilled:
            self.file = cast(BinaryIO, tempfile.TemporaryFile())  # noqa: SIM115
            self._spilled = True
        await run_in_threadpool(self.file.writelines, [*self._pieces, data])
        self._forget()

    def content(self) -> bytes:
        """All of it; may be called again."""
        if self._spilled:
            self.file.seek(0)
            return self.file.read()
        if len(self._pieces) > 1:
            self._pieces = [b"".join(self._pieces)]
        return self._pieces[0] if self._pieces else b""

    async def seek(self, offset: int) -> None:
        """Nothing: ``content`` begins at the beginning."""

    async def close(self) -> None:
        """Let go of it; twice is harmless."""
        self._forget()
        self.file.close()

    def _forget(self) -> None:
        """Give back the memory that it takes."""
        self._room.give_back(self._held)
        self._held, self._pieces = 0, []


def chosen(files: Sequence[object]) -> list[Photo]:
    """The photos among what a form brought, without the empty part that browsers send when no file was chosen."""
    return [file for file in files if isinstance(file, Photo) and (file.filename or file.size)]


class _Parser(MultiPartParser):
    """Starlette's parser of forms, which keeps files as photos."""

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
    def brings_photos(self) -> bool:
        return self.headers.get("content-type", "").startswith("multipart/form-data")

    async def form(self, **limits: Any) -> FormData:  # type: ignore[override]
        """As Starlette reads it, but with photos for files."""
        if self._form is None and self.brings_photos:
            state = self.app.state
            most = state.settings.max_file_megabytes * 1_000_000
            try:
                parser = _Parser(state.room_for_photos, most, self.headers, self.stream(), **limits)
                self._form = await parser.parse()
            except MultiPartException as error:
                raise HTTPException(400, error.message) from error
        return await super().form(**limits)

    async def must_fit_into(self, line: Line) -> None:
        """Raise Overloaded where the photos' turn would come too late. They are let in all the same, and forgotten: most
        clients look for an answer when they have sent everything.
        """
        try:
            line.check()
        except Overloaded:
            async for _ in self.stream():
                pass
            raise


class _PhotoRoute(APIRoute):
    """A route whose forms bring photos that have to wait in a line."""

    line: str

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's, given another request."""
        handle = super().get_route_handler()

        async def with_photos(request: Request) -> Response:
            asked = _PhotoRequest(request.scope, request.receive, request._send)
            if asked.brings_photos:
                await asked.must_fit_into(getattr(request.app.state, self.line))
            return await handle(asked)

        return with_photos


class PredictionRoute(_PhotoRoute):
    """Its photos wait for a prediction."""

    line = "prediction_line"


class SubmissionRoute(_PhotoRoute):
    """Its photos wait to be prepared and kept."""

    line = "submission_line"


async def done(line: Line, work: Callable[[], T]) -> T:
    """What the work gives, when its turn has come. Raises Overloaded."""
    [future] = line.begin([work])
    return await asyncio.wrap_future(future)
