"""Many labels at once: eleven butterflies as volunteers photograph them, seven of Europe and four of America.

    wingcheck train field_eleven --data DATA --weights mobilenet_v2_imagenet_notop.weights.h5

Everything else in the outsiders' folder is out of scope; the same species under other names there, and those that only an
expert tells apart from one of these, are left out. Expect 0.59 ± 0.05 on the test part, where chance is 0.09, an AUROC of
0.93 and an in-scope AUROC of 0.95: there are 55 training photos of each, and on most the animal is small.
"""

import dataclasses

from ml.config import OutsiderData
from ml.experiments.field_three import CONFIG as THREE

CONFIG = dataclasses.replace(
    THREE,
    name="field_eleven",
    task="garden-eleven",
    model_name="eleven-mobilenetv2",
    species=dataclasses.replace(
        THREE.species,
        labels=(
            "aglais_io",
            "anthocharis_cardamines",
            "celastrina_argiolus",
            "danaus_plexippus",
            "dione_vanillae",
            "gonepteryx_rhamni",
            "papilio_glaucus",
            "pieris_rapae",
            "polyommatus_icarus",
            "vanessa_atalanta",
            "vanessa_cardui",
        ),
    ),
    outsiders=OutsiderData(
        folder="other",
        exclude_labels=(
            "peacock",
            "orange_tip",
            "monarch",
            "viceroy",
            "cleopatra",
            "yellow_swallow_tail",
            "cabbage_white",
            "adonis",
            "red_admiral",
            "painted_lady",
        ),
        per_epoch=600,
        plain=40,
        subjects_weight=0.5,
    ),
    optimisation=dataclasses.replace(THREE.optimisation, epochs=12),
)
