"""The bundled model: meadow brown or gatekeeper, or neither.

wingcheck train bundled_browns --data DATA --weights mobilenet_v2_imagenet_notop.weights.h5
"""

from ml.config import Augmentation, Config, Optimisation, OutsiderData, SpeciesData

CONFIG = Config(
    name="bundled_browns",
    task="garden-browns",
    model_name="browns-mobilenetv2",
    version="1.0.0",
    architecture="mobilenet_v2",
    input_size=96,
    species=SpeciesData(
        folder="pair", labels=("maniola_jurtina", "pyronia_tithonus"), review="browns_label_review.csv"
    ),
    outsiders=OutsiderData(folder="other", per_epoch=1000),
    augmentation=Augmentation(rotation=15, shift=0.08, zoom=0.12, brightness=0.12, contrast=0.2, soften=0.6),
    optimisation=Optimisation(epochs=12, batch=64, label_smoothing=0.05),
    flip_average=True,
)
