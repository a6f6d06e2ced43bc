"""The bundled model: meadow brown or gatekeeper, or neither.

    wingcheck train bundled_browns --data DATA --weights mobilenet_v2_imagenet_notop.weights.h5

Without ``--weights`` the original ImageNet weights are downloaded. What each part of the recipe is worth is in
docs/benchmarks/models.md; the largest are that the network also learns to name other butterflies while it trains, and that
it answers with the mean over the whole photo and its middle. 128 px are more than the photos have; they give a finer feature
map, 4×4 places instead of 3×3.
Expect 0.93 ± 0.03 accuracy on the test part with labels as found, 0.95 ± 0.02 with labels judged by eye, an in-scope
AUROC above 0.99, and some seven minutes on one core.
"""

from ml.config import Augmentation, Config, FinderData, NamesData, Optimisation, OutsiderData, SpeciesData
from ml.experiments import REFERENCE_PHOTOS

CONFIG = Config(
    name="bundled_browns",
    task="garden-browns",
    model_name="browns-mobilenetv2",
    version="1.2.0",
    architecture="mobilenet_v2",
    architecture_options={"freeze": 20},
    input_size=128,
    species=SpeciesData(
        folder="pair",
        labels=("maniola_jurtina", "pyronia_tithonus"),
        review="browns_label_review.csv",
    ),
    outsiders=OutsiderData(
        folder="other",
        more=("european",),
        per_epoch=1200,
        subjects_weight=0.5,
        subject_kinds=("butterfly", "butterfly_field", "lookalike", "european"),
        weights={"lookalike": 8.0, "european": 4.0},
    ),
    augmentation=Augmentation(rotation=30, shift=0.08, shear=8, zoom=0.2, brightness=0.12, contrast=0.2, soften=0.6),
    optimisation=Optimisation(epochs=20, batch=64, label_smoothing=0.05, ema=0.99),
    flip_average=True,
    zoom_views=(0.8,),
    keep_share=0.98,
    confident_share=0.8,
    data_note=REFERENCE_PHOTOS,
    finder=FinderData(photo_kinds=("butterfly_field", "lookalike", "european")),
    names=NamesData(head="mobilenet_v2_inat_insect_head.npz", said="insect_names.csv", size=192),
)
