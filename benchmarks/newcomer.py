"""The baseline for serving: what one writes in an afternoon. Whole decode, TensorFlow, one model call per request."""

import io

import numpy as np
import tensorflow as tf
from fastapi import FastAPI, UploadFile
from PIL import Image, ImageOps

from ml.inference import bundled_versions, read_version

info = read_version(bundled_versions()[0])
model = tf.saved_model.load(str(info.folder / "saved_model")).signatures["serving_default"]
app = FastAPI()


@app.get("/readyz")
def readyz() -> dict[str, str]:
    """Loaded."""
    return {"status": "ready"}


@app.post("/predict")
def predict(file: UploadFile) -> dict[str, list[float]]:
    """Probabilities for one photo."""
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(file.file.read()))).convert("RGB")
    pixels = np.asarray(ImageOps.fit(image, (info.input_size, info.input_size)), dtype=np.float32)
    found = model(pixels=tf.constant(pixels[None]))
    return {"probabilities": [float(p) for p in found["probabilities"][0]]}
