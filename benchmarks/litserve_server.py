"""The baseline for serving: LitServe with the same LiteRT file. Runs in an environment of its own, see litserve_setup."""

import sys
from pathlib import Path

import litserve
from fastapi import Request
from starlette.formparsers import MultiPartParser

from benchmarks.bare import Model, pixels

# LitServe hands a form to its workers as a whole; one that is spooled to a file can't be.
MultiPartParser.spool_max_size = 64 << 20


class Photos(litserve.LitAPI):  # type: ignore[misc]
    """Reads, runs, answers."""

    def __init__(self, file: Path, size: int) -> None:
        super().__init__()
        self._file, self._size = file, size

    def setup(self, device: str) -> None:
        """Once per worker."""
        self._model = Model(self._file)

    def decode_request(self, request: Request) -> bytes:
        """The photo's bytes."""
        data: bytes = request["file"].file.read()
        return data

    def predict(self, data: bytes) -> dict[str, list[float]]:
        """Every output but embedding and feature map."""
        found = self._model(pixels(data, self._size))
        return {name: found[name].ravel().tolist() for name in ("probabilities", "in_scope") if name in found}

    def encode_response(self, output: dict[str, list[float]]) -> dict[str, list[float]]:
        """As it is."""
        return output


if __name__ == "__main__":
    file, size, workers, port = sys.argv[1:]
    server = litserve.LitServer(Photos(Path(file), int(size)), accelerator="cpu", workers_per_device=int(workers))
    server.run(host="127.0.0.1", port=int(port), log_level="warning", generate_client_file=False)
