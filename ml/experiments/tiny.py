"""A few seconds on drawn pictures: for tests, and for trying the commands without any photo.

    wingcheck draw DRAWN
    wingcheck train tiny --data DRAWN

Expect an accuracy above 0.9: the drawings differ in colour.
"""

from ml.config import Augmentation, Config, Optimisation, OutsiderData, SpeciesData

CONFIG = Config(
    name="tiny",
    task="drawn-browns",
    model_name="browns-tiny",
    version="1.0.0",
    architecture="article",
    input_size=24,
    training_resolution=24,
    species=SpeciesData(
        folder="pair", labels=("maniola_jurtina", "pyronia_tithonus"), block=5, calibration=0.25, test=0.25
    ),
    outsiders=OutsiderData(folder="other", held_out=0.2, calibration=0.2, test=0.2, per_epoch=40, plain=15),
    augmentation=Augmentation(rotation=10, shift=0.05, zoom=0.1),
    optimisation=Optimisation(epochs=20, batch=8, learning_rate=3e-3, optimiser="adamw", warm_up=0.5),
    flip_average=True,
)
