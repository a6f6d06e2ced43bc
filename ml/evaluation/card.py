"""The model card: what a model version can do, measured how, and what nobody should expect of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

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
    sections = [
        f"# {manifest['name']} {manifest['version']}",
        f"Tells {', '.join(labels[:-1])} and {labels[-1]} apart in photos. Task: {manifest['task']}. "
        f"Architecture: {manifest['training']['architecture']}, {manifest['input']['size']} px.",
        "## Figures",
        _intro(metrics),
        _species_table(metrics),
        _small_section(metrics),
        _scope_section(metrics),
        _names_section(metrics),
        _policy_section(policy),
        _data_section(manifest),
        _review_section(metrics),
        _LIMITS,
        _parts_section(manifest),
        _making(manifest, metrics),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


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


def _intro(metrics: Mapping[str, Any]) -> str:
    return (
        "On the test part, which took no part in training or calibration. Photos of one burst "
        "(blocks of sequence numbers) and near duplicates are all on one side. Brackets: 95 % interval, resampling those "
        "blocks."
    )


def _species_table(metrics: Mapping[str, Any]) -> str:
    after, before = metrics["species"], metrics.get("species_before_review")
    columns = ["labels as judged by a person", "labels as found"] if before else ["test"]
    lines = ["| | " + " | ".join(columns) + " |", "|---|" + "---|" * len(columns)]
    for key, name in _NAMES.items():
        cells = [figure_text(table[key]) for table in (after, before) if table and key in table]
        if not cells:  # measured by an earlier release
            continue
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    counts = [f"{table['accuracy']['photos']}" for table in (after, before) if table]
    lines.append("| photos | " + " | ".join(counts) + " |")
    return "\n".join(lines)


def figure_text(figure: Mapping[str, Any]) -> str:
    """A figure with its interval, "0.953 [0.921–0.978]", or "–" where there is none."""
    if figure["value"] is None:
        return "–"
    interval = "" if figure["low"] is None else f" [{figure['low']:.3f}–{figure['high']:.3f}]"
    return f"{figure['value']:.3f}{interval}"


def _small_section(metrics: Mapping[str, Any]) -> str:
    small = metrics.get("small")
    if not small:
        return ""
    lines = [
        "## Small animals",
        "The same test photos, each laid into a larger picture of the test part (640×480 pixels, away from the middle), on this "
        "share of its area. Nobody draws a square: the version finds the animal itself.",
        "",
        "| share of the picture | right species | in scope | `confident` | square on the animal |",
        "|---|---|---|---|---|",
    ]
    for percent, figures in small.items():
        cells = [figure_text(figures[key]) for key in ("accuracy", "in_scope", "confident", "square_on_animal")]
        lines.append(f"| {percent} % | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _names_section(metrics: Mapping[str, Any]) -> str:
    names = metrics.get("names")
    if not names or not names["speaks"]:
        return ""

    def text(key: str) -> str:
        return figure_text(names[key]) if names[key] else "–"

    return (
        "## Names of other species\n"
        f"Of {names['speaks']['photos']} test photos of other species that it may name, it names {text('speaks')}; the first "
        f"name is then right for {text('first')}, one of three for {text('among_three')}. Photos of species that it can't name "
        f"counted too, its first name is right for {text('first_of_any')}. It gives a name to {text('speaks_of_things')} of "
        "objects and scenes."
    )


def _parts_section(manifest: Mapping[str, Any]) -> str:
    parts = manifest.get("parts", {})
    lines = []
    if "finder" in parts:
        part = parts["finder"]
        lines.append(
            f"* The finder sees the whole photo at {part['size']} pixels; something counts as an animal from a score of "
            f"{part['threshold']:g}. LiteRT against SavedModel: {part['parity']['max_abs_difference']:.1e}."
        )
    if "names" in parts:
        part = parts["names"]
        lines.append(
            f"* The names see the animal at {part['size']} pixels and are given from a calibrated probability of "
            f"{part['least']:g}. LiteRT against SavedModel: {part['parity']['max_abs_difference']:.1e}."
        )
    if manifest.get("first_look"):
        first = manifest["first_look"]
        lines.append(
            f"* Further looks are left out where the first has an in-scope score of {first['in_scope']:.4f} and a probability of "
            f"{first['probability']:g}: on calibration photos it was then wrong no more often than all looks together."
        )
        if first.get("out_of_scope"):
            lines.append(
                f"* They are left out below an in-scope score of {first['out_of_scope']:g} as well, which no calibration photo "
                "of its species falls short of."
            )
    notice = manifest.get("notice")
    if notice:
        lines.append(f"* {notice}")
    return "\n".join(["## Its parts", *lines]) if lines else ""


def _scope_section(metrics: Mapping[str, Any]) -> str:
    scope = metrics["scope"]
    if scope is None:
        return "## Other subjects\nThis model never saw any: whatever it is shown counts as in scope."
    lines = [
        "## Other subjects",
        f"Of the test photos of the labels {figure_text(scope['species_in_scope'])} are in scope. Of other subjects "
        f"{figure_text(scope['others_in_scope'])} are taken for one, and {figure_text(scope['others_confident']['all'])} "
        'get the decision `confident`. "Unseen labels" are subjects wholly kept out of training.',
        "",
        "| other subjects | photos | in-scope AUROC | share `confident` |",
        "|---|---|---|---|",
    ]
    for name, figure in scope["auroc"].items():
        confident = scope["others_confident"][name]
        row = [name.replace("_", " "), str(confident["photos"]), figure_text(figure), figure_text(confident)]
        lines.append("| " + " | ".join(row) + " |")
    return "\n".join(lines)


def _policy_section(policy: Mapping[str, Any]) -> str:
    certain = policy.get("confident_in_scope_threshold", policy["in_scope_threshold"])
    lines = [
        "## Thresholds",
        f"In scope from {policy['in_scope_threshold']:.3f}, never `confident` below {certain:.3f}. "
        "Top probability that bounds the error on calibration photos "
        "(learn-then-test, exact binomial, 95 % confidence):",
        "",
        "| error rate | probability from | coverage | calibration photos |",
        "|---|---|---|---|",
    ]
    for threshold in policy["thresholds"]:
        probability = f"{threshold['probability']:.4f}" if threshold["supported"] else "not supported by so few photos"
        lines.append(
            f"| {threshold['error_rate']:.0%} | {probability} | {threshold['coverage']:.2f} | {threshold['photos']} |"
        )
    return "\n".join(lines)


def _data_section(manifest: Mapping[str, Any]) -> str:
    note = manifest["training"]["data_note"]
    return f"## The photos, and what follows from them\n{note}" if note else ""


def _review_section(metrics: Mapping[str, Any]) -> str:
    review = metrics.get("review")
    if not review:
        return ""
    return (
        "## Labels judged by eye\n"
        f"A person looked at confident mistakes and took out plainly wrong labels: {review['train']} of training, "
        f"{review['calibration']} of calibration and {review['test']} of test photos, each listed with its reason. "
        "Almost only photos on which a model (one that had not trained on them) and the label disagreed were looked at, so "
        "figures after it lean to the good side; those on labels as found lean to the bad side. The truth is between them."
    )


def _making(manifest: Mapping[str, Any], metrics: Mapping[str, Any]) -> str:
    parts = metrics["photos"]
    lines = [
        "## How it was made",
        f"`{metrics['command']}`, seed {manifest['seed']}, {metrics['epochs']} epochs, best kept: "
        f"{metrics['kept_epoch']}. Data `{manifest['data_fingerprint']}`. Temperature {manifest['temperature']:.3f}.",
        *(f"Data set `{name}`: `{value}`." for name, value in manifest.get("data_sources", {}).items()),
        f"LiteRT against SavedModel on {manifest['parity']['photos']} photos: largest difference "
        f"{manifest['parity']['max_abs_difference']:.1e}.",
        "",
        "| part | photos |",
        "|---|---|",
    ]
    lines += [f"| {name} | {', '.join(f'{k} {v}' for k, v in counts.items())} |" for name, counts in parts.items()]
    return "\n".join(lines)
