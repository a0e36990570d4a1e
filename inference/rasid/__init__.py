"""Rasid (راصد): entities and events with arguments from Arabic conflict news, tied to exact characters.

>>> from rasid import Predictor
>>> predictor = Predictor.load()
>>> document = predictor("قتل 12 عنصرًا في حي القدم جنوب دمشق.")

Importing this package loads neither numpy nor ONNX Runtime: each name is loaded when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rasid.document import Argument, Document, Entity, Event, read_documents, write_documents
    from rasid.errors import DocumentError, InputError, ModelError, OutputError, RasidError, SchemaError, TextError
    from rasid.predictor import Predictor
    from rasid.schema import Schema

_HOMES = {
    "Argument": "document",
    "Document": "document",
    "DocumentError": "errors",
    "Entity": "document",
    "Event": "document",
    "InputError": "errors",
    "ModelError": "errors",
    "OutputError": "errors",
    "Predictor": "predictor",
    "RasidError": "errors",
    "Schema": "schema",
    "SchemaError": "errors",
    "TextError": "errors",
    "read_documents": "document",
    "write_documents": "document",
}

__all__ = [
    "Argument",
    "Document",
    "DocumentError",
    "Entity",
    "Event",
    "InputError",
    "ModelError",
    "OutputError",
    "Predictor",
    "RasidError",
    "Schema",
    "SchemaError",
    "TextError",
    "read_documents",
    "write_documents",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"rasid.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'rasid' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
