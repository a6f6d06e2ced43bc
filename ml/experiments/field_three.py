"""Another task through the same code: three garden butterflies as volunteers photograph them.

    wingcheck train field_three --data DATA --weights mobilenet_v2_imagenet_notop.weights.h5

Peacock, red admiral or brimstone, or none of them. Everything else in the outsiders' folder is out of scope; the same
species under other names there, and one that only an expert tells from a brimstone, are left out. Expect
0.79 ± 0.09 on the test part and an in-scope AUROC of 0.91: there are 55 training photos of each, on most the animal is a
small part of the picture, and on some there is none to be seen.
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
