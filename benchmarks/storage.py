"""What becomes of a model's answers when its test photos are stored again, blurred, cropped or made smaller.

How a photo was stored must not say what it shows; this is the table that shows whether a model fell for it.
"""

import argparse
import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pillow_heif
from PIL import Image, ImageFilter, ImageOps

from benchmarks.timing import table
from ml.config import from_dict
from ml.datasets.examples import divide
from ml.datasets.folder import data_root
from ml.inference import Classifier, bundled_versions, load_classifier, network_input, open_photo

Change = Callable[[Image.Image], bytes]


def saved(photo: Image.Image, form: str, **options: int) -> bytes:
    """The photo as a file of that form."""
    stream = io.BytesIO()
    photo.save(stream, form, **options)
    return stream.getvalue()


def heic(photo: Image.Image) -> bytes:
    """The photo as a phone of one maker stores it."""
    stream = io.BytesIO()
    pillow_heif.from_pillow(photo).save(stream, quality=80)
    return stream.getvalue()


def middle(photo: Image.Image, share: float) -> Image.Image:
    """The middle share of each side."""
    width, height = photo.size
    left, top = width * (1 - share) / 2, height * (1 - share) / 2
    return photo.crop((round(left), round(top), round(width - left), round(height - top)))


def half_as_large(photo: Image.Image) -> Image.Image:
    """The photo in the middle of twice its sides, its edges mirrored around it, at its own resolution."""
    width, height = photo.size
    pixels = np.asarray(photo)
    around = np.pad(pixels, ((height // 2,) * 2, (width // 2,) * 2, (0, 0)), mode="symmetric")
    return Image.fromarray(around).resize((width, height), Image.Resampling.BICUBIC)


CHANGES: dict[str, Change] = {
    "none": lambda photo: saved(photo, "PNG"),
    "saved again, JPEG 90": lambda photo: saved(photo, "JPEG", quality=90),
    "saved again, JPEG 75": lambda photo: saved(photo, "JPEG", quality=75),
    "saved again, JPEG 40": lambda photo: saved(photo, "JPEG", quality=40),
    "WebP 80": lambda photo: saved(photo, "WEBP", quality=80),
    "HEIC": heic,
    "enlarged to 600 px, then JPEG 75": lambda photo: saved(ImageOps.contain(photo, (600, 600)), "JPEG", quality=75),
    "blurred by 0.8 px": lambda photo: saved(photo.filter(ImageFilter.GaussianBlur(0.8)), "PNG"),
    "the middle 80 %": lambda photo: saved(middle(photo, 0.8), "PNG"),
    "the animal half as large": lambda photo: saved(half_as_large(photo), "PNG"),
}


def measure(classifier: Classifier, files: list[Path], classes: np.ndarray, change: Change) -> tuple[float, ...]:
    """Shares of the changed photos that are in scope, named right, and answered "confident"."""
    info = classifier.info
    inputs = []
    for file in files:
        photo, _ = open_photo(file, max_side=None)
        again, _ = open_photo(change(photo), max_side=None)
        inputs.append(
            network_input(again, square=None, size=info.input_size, training_resolution=info.training_resolution)
        )
    outputs = classifier.predict(np.stack(inputs))
    top = np.array([output.probabilities.max() for output in outputs])
    right = np.array([output.probabilities.argmax() for output in outputs]) == classes
    inside = np.array([output.in_scope for output in outputs]) >= info.policy.in_scope_threshold
    threshold = info.policy.threshold_for(info.policy.default_error_rate)
    sure = (
        inside & (top >= threshold.probability) if threshold and threshold.probability is not None else inside & False
    )
    return float(inside.mean()), float(right.mean()), float(sure.mean()), float((sure & ~right).mean())


def main(arguments: list[str]) -> None:
    """Print the table for a model version on the test part of its data."""
    parser = argparse.ArgumentParser(prog="make bench ARGS=storage", description=__doc__)
    parser.add_argument("--data", type=Path, help="folder with the photos, each set with its labels.csv")
    parser.add_argument("--model", type=Path, default=bundled_versions()[0], help="folder of a model version")
    options = parser.parse_args(arguments)
    root = data_root(options.data)
    config = from_dict(json.loads((options.model / "model.json").read_text(encoding="utf-8"))["training"])
    species = divide(config, root).test.species
    files = [root / config.species.folder / str(name) for name in species.names]
    classifier = load_classifier(options.model)
    print(f"{classifier.info.name} {classifier.info.version}, {len(files)} test photos with judged labels\n")
    rows: list[tuple[str, ...]] = [("change to the photo", "in scope", "accuracy", "confident", "confident and wrong")]
    for name, change in CHANGES.items():
        rows.append((name, *(f"{value:.2f}" for value in measure(classifier, files, species.classes, change))))
    table(rows)
