"""The errors Rasid raises on purpose. Each message names the item, what was expected and the remedy."""

from __future__ import annotations


class RasidError(Exception):
    """Base of every error that Rasid raises on purpose."""


class DocumentError(RasidError, ValueError):
    """A document does not have the form of the document contract."""


class SchemaError(RasidError, ValueError):
    """A schema is not well formed, or two schemas that must agree do not."""


class TextError(RasidError, ValueError):
    """A text that cannot be read as an article: empty, not text, or too long."""


class ModelError(RasidError):
    """A model directory is missing, incomplete, damaged, or of a form this version does not know."""


class InputError(RasidError):
    """An input file or line cannot be read."""


class OutputError(RasidError):
    """An output file cannot be written."""
