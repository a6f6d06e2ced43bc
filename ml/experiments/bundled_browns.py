"""The bundled model: meadow brown or gatekeeper, or neither; it finds the animal first, and names many others.

    wingcheck train bundled_browns --data DATA --weights mobilenet_v2_inat_insect_notop.weights.h5

The head that belongs to the weights, mobilenet_v2_inat_insect_head.npz, lies beside them. What each part of the recipe is
worth is in docs/benchmarks/models.md. The largest: the finder; weights that have seen insects; that the network also
learns to name other butterflies while it trains, look-alikes above all; and that it answers with the mean over the square
and its middle. 128 px are more than the photos have; they give a finer feature map, 4×4 places instead of 3×3.
Expect 0.95 ± 0.02 accuracy on the test part with labels as found, 0.96 ± 0.02 with labels judged by eye, and some forty
minutes on one core, more than half of them for the finder.
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
    notice=(
        "Its three networks begin with MobileNetV2 as Google Coral trained it on the insects of iNaturalist 2017 "
        "(mobilenet_v2_1.0_224_inat_insect, github.com/google-coral/test_data, Apache License 2.0); see NOTICE."
    ),
    finder=FinderData(size=224, steps=800, own_steps=300, photo_kinds=("butterfly_field", "lookalike", "european")),
    names=NamesData(
        head="mobilenet_v2_inat_insect_head.npz",
        said="insect_names.csv",
        size=192,
        kinds=("lookalike", "european", "butterfly_field"),
    ),
)
