"""Another task through the same code: three garden butterflies as volunteers photograph them.

    wingcheck train field_three --data DATA --weights mobilenet_v2_imagenet_notop.weights.h5

Peacock, red admiral or brimstone, or none of them. Everything else in the outsiders' folder is out of scope; the same
species under other names there are left out.
"""

from ml.config import Augmentation, Config, Optimisation, OutsiderData, SpeciesData
from ml.experiments import REFERENCE_PHOTOS

CONFIG = Config(
    name="field_three",
    task="garden-three",
    model_name="three-mobilenetv2",
    version="1.0.0",
    architecture="mobilenet_v2",
    input_size=96,
    species=SpeciesData(
        folder="other",
        kind="butterfly_field",
        labels=("aglais_io", "vanessa_atalanta", "gonepteryx_rhamni"),
        calibration=0.25,
        test=0.25,
    ),
    outsiders=OutsiderData(
        folder="other",
        exclude_labels=("peacock", "red_admiral", "cleopatra"),
        per_epoch=600,
        plain=40,
        subjects_weight=0.5,
    ),
    augmentation=Augmentation(rotation=30, shift=0.08, shear=8, zoom=0.2, brightness=0.12, contrast=0.2, soften=0.6),
    optimisation=Optimisation(epochs=10, batch=32, label_smoothing=0.05),
    flip_average=True,
    data_note=REFERENCE_PHOTOS,
)
