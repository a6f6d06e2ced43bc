"""The article's network: the baseline.

    wingcheck train article --data DATA

Expect 0.76 ± 0.05 accuracy on the block-grouped test part of the screened photos. The article published 0.736 on its
own validation part. The augmentation is the article's.
"""

from ml.config import Augmentation, Config, Optimisation, SpeciesData
from ml.experiments import REFERENCE_PHOTOS

CONFIG = Config(
    name="article",
    task="garden-browns",
    model_name="browns-article",
    version="1.0.0",
    architecture="article",
    input_size=75,
    species=SpeciesData(folder="pair", labels=("maniola_jurtina", "pyronia_tithonus")),
    augmentation=Augmentation(rotation=40, shift=0.2, shear=0.2, zoom=0.2),
    optimisation=Optimisation(
        epochs=50, batch=32, optimiser="rmsprop", learning_rate=1e-3, schedule="constant", keep_best=True
    ),
    data_note=REFERENCE_PHOTOS,
)
