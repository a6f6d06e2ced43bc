"""What is wrong with a photo, as problem details."""

from app.core.web import problems
from app.predictions.inference import PhotoError

_PHOTO_STATUS = {"unsupported": 415, "undecodable": 422, "too_large": 413}


def photo_problem(error: PhotoError | None, max_megabytes: int) -> problems.Problem:
    """Why a photo has no answer; None: it has too many bytes to be read at all."""
    if error is None:
        return problems.problem("photo-too-large", 413, f"A photo may have at most {max_megabytes} MB.")
    return problems.problem(f"photo-{error.kind.replace('_', '-')}", _PHOTO_STATUS[error.kind], error.detail)
