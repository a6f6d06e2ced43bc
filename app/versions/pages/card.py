"""A model card as HTML. Anybody may have made the version that it comes with, so only text and tables are let through."""

from collections.abc import MutableMapping, Sequence
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markupsafe import Markup, escape

_DEEPER = {"h1": "h3", "h2": "h3", "h3": "h4", "h4": "h5", "h5": "h6", "h6": "h6"}


def rendered(text: str, tables: str) -> Markup:
    """Markdown as HTML for a section of a page: headings lie below the page's own, the card's title is left out.

    ``tables``: how a reader of the screen is told of a table's frame, which scrolls where the screen is narrow.
    """
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")
    tokens = markdown.parse(text)
    if tokens[:1] and tokens[0].tag == "h1":
        tokens = tokens[3:]
    for token in tokens:
        token.tag = _DEEPER.get(token.tag, token.tag)
    opening = f'<div class="table-box" role="region" aria-label="{escape(tables)}" tabindex="0"><table class="table">'

    def table_open(
        _self: RendererHTML, _tokens: Sequence[Token], _index: int, _options: Any, _env: MutableMapping[str, Any]
    ) -> str:
        return opening

    def table_close(
        _self: RendererHTML, _tokens: Sequence[Token], _index: int, _options: Any, _env: MutableMapping[str, Any]
    ) -> str:
        return "</table></div>"

    markdown.add_render_rule("table_open", table_open)
    markdown.add_render_rule("table_close", table_close)
    return Markup(markdown.renderer.render(tokens, markdown.options, {}))  # noqa: S704 - raw HTML is off
