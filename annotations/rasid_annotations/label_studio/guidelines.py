"""The guidelines as Label Studio shows them: HTML behind the button *Instructions*."""

from __future__ import annotations

from html import escape
from pathlib import Path

from markdown_it import MarkdownIt

from rasid.errors import InputError
from rasid.schema import Schema

DEFAULT = Path(__file__).parent.parent.parent / "guidelines.md"
"""The project's own guidelines, where there is a checkout."""


def guidelines_html(schema: Schema, source: str | None = None) -> str:
    """A list of types and roles, and the guidelines or a link to them.

    Args:
        schema: whose types are listed.
        source: an address, or a Markdown file; None is the checkout's ``guidelines.md``, where there is one.

    Raises:
        InputError: the file cannot be read.
    """
    listed = "".join(
        f"<li><b>{escape(kind)}</b>: {escape(schema.descriptions.get(kind) or '')}</li>"
        for kind in (*schema.entity_types, *schema.event_types)
    )
    roles = "".join(
        f"<li><b>{escape(role.name)}</b>: {', '.join(t for t in schema.entity_types if t in role.fillers)}</li>"
        for role in schema.roles
    )
    head = f"<h2>{escape(schema.name)}</h2><ul>{listed}</ul><h3>Roles, and what fills them</h3><ul>{roles}</ul>"
    if source is not None and source.startswith(("http://", "https://")):
        return f'{head}<p><a href="{escape(source)}" target="_blank">Guidelines</a></p>'
    path = DEFAULT if source is None else Path(source)
    if source is None and not path.is_file():
        return head
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        raise InputError(f"guidelines {path} cannot be read ({problem}); name a Markdown file or an address") from None
    return f'{head}<div dir="auto">{MarkdownIt("commonmark", {"html": False}).enable("table").render(text)}</div>'
