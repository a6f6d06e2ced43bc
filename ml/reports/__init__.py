"""Reports for people: one self-contained HTML file each, with style and pictures in it, that can be mailed."""

from __future__ import annotations

import base64
import html
import io
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup
from PIL import Image

_TEMPLATES = Path(__file__).parent / "templates"


def render(template: str, **context: Any) -> str:
    """A page as HTML or Markdown. In HTML everything in ``context`` is escaped but what is ``Markup`` already."""
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"percent": percent, "thousands": thousands, "markdown": markdown, "figure": figure_text}
    environment.tests["linkable"] = lambda url: bool(url) and not re.search(r"[<>\s]", url)
    style = Markup((_TEMPLATES / "report.css").read_text(encoding="utf-8"))  # noqa: S704 - a file of this package
    return environment.get_template(template).render(style=style, **context)


def write_report(file: Path, template: str, **context: Any) -> Path:
    """Write a page. Raises OSError where that is not possible."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(render(template, **context), encoding="utf-8")
    return file


def data_uri(image: Image.Image, *, quality: int = 88) -> str:
    """A picture as an address that holds it: JPEG, or PNG where it has transparent parts."""
    stream = io.BytesIO()
    kind = "PNG" if image.mode == "RGBA" else "JPEG"
    image.save(stream, kind, quality=quality)
    return f"data:image/{kind.lower()};base64,{base64.b64encode(stream.getvalue()).decode()}"


def percent(share: float | None, digits: int = 0) -> str:
    """0.934 as "93 %"; a dash where there is no number."""
    return "–" if share is None else f"{100 * share:.{digits}f} %"


def thousands(number: float) -> str:
    """12345 as "12,345"."""
    return f"{number:,.0f}"


def markdown(text: str) -> str:
    """Text in which Markdown finds nothing to do, nor HTML inside it."""
    return re.sub(r"([\\`*_{}\[\]()#+!|~:@.-])", r"\\\1", html.escape(text, quote=False))


def figure_text(figure: Mapping[str, Any] | None) -> str:
    """A figure with its interval, "0.953 [0.921–0.978]", or "–" where there is none."""
    if figure is None or figure["value"] is None:
        return "–"
    interval = "" if figure["low"] is None else f" [{figure['low']:.3f}–{figure['high']:.3f}]"
    return f"{figure['value']:.3f}{interval}"
