"""The model card: what a model version can do, measured how, and what nobody should expect of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ml.reports import render

_NAMES = {
    "accuracy": "accuracy",
    "auroc": "AUROC",
    "log_loss": "log loss",
    "calibration_error": "calibration error (10 bins of equal mass)",
    "coverage_at_1_percent_error": "coverage at 1 % error",
    "coverage_at_2_percent_error": "coverage at 2 % error",
    "coverage_at_5_percent_error": "coverage at 5 % error",
}

_LIMITS = """\
## What not to expect
* Photos much unlike those of the test (other regions, specimens, caterpillars, several animals) may be answered wrongly
  with confidence. A person's identification always outranks this model's.
* The part around the animal is brought to the resolution of the training photos first; detail beyond it does not help.
* `serve_bytes` decodes with TensorFlow, whose JPEG decoder differs from Pillow's: on tiny photos a probability may move by
  up to 0.08, and EXIF orientation is not applied. Wingcheck itself decodes with Pillow everywhere."""


def model_card(manifest: Mapping[str, Any], policy: Mapping[str, Any], metrics: Mapping[str, Any]) -> str:
    """The card as Markdown, from what the version's three JSON files hold."""
    labels = [label["scientific_name"] for label in manifest["labels"]]
    return render(
        "model_card.md",
        manifest={"parts": {}, "first_look": None, "notice": None, "data_sources": {}} | dict(manifest),
        policy=policy,
        metrics=dict.fromkeys(("small", "names", "review", "species_before_review")) | dict(metrics),
        labels=labels,
        figure_names=_NAMES,
        limits=_LIMITS,
    )


def card_with(folder: Path, figures: Mapping[str, Any]) -> str:
    """The card of the version in ``folder``, with other figures than those of its training."""
    manifest, policy, trained = (
        json.loads((folder / name).read_text(encoding="utf-8"))
        for name in ("model.json", "policy.json", "metrics.json")
    )
    return model_card(manifest, policy, trained | figures)


def card_data(manifest: Mapping[str, Any], policy: Mapping[str, Any], metrics: Mapping[str, Any]) -> dict[str, Any]:
    """The card for programs: what the version is, what it was made of, how good it is, and what it is not for."""
    return {
        "format": 1,
        "model": {
            key: manifest.get(key)
            for key in ("name", "version", "task", "created_at", "head", "labels", "input", "temperature")
        },
        "made_of": {
            "architecture": manifest.get("training", {}).get("architecture"),
            "config": manifest.get("config"),
            "command": metrics.get("command"),
            "seed": manifest.get("seed"),
            "data_fingerprint": manifest.get("data_fingerprint"),
            "data_sources": manifest.get("data_sources", {}),
            "photos": metrics.get("photos"),
            "data_note": manifest.get("training", {}).get("data_note", ""),
        },
        "figures": {
            key: metrics.get(key) for key in ("species", "species_before_review", "small", "scope", "names", "review")
        },
        "decisions": {key: value for key, value in policy.items() if key != "format"},
        "conversion": manifest["parity"],
        "limits": [
            line.removeprefix("* ") for line in _LIMITS.replace("\n  ", " ").splitlines() if line.startswith("* ")
        ],
    }
