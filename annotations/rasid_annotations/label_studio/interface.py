"""The labelling interface: what Label Studio shows an annotator, derived from the schema.

https://labelstud.io/tags/ tells what each tag does.
"""

from __future__ import annotations

import colorsys
import string
from collections.abc import Iterable, Iterator, Mapping, Sequence
from xml.etree import ElementTree

from rasid.errors import SchemaError
from rasid.schema import Schema

TEXT = "text"
"""The object tag that shows the article, and the key of its text in a task's data."""

OPEN = "open"
"""The object tag that shows an adjudicator what is open, and its key in a task's data."""

ENTITY, TRIGGER, MODALITY = "entity", "trigger", "modality"
"""The control tags: the two kinds of labels, and the choice that belongs to a trigger."""

_RIGHT_TO_LEFT = frozenset({"ar", "ckb", "fa", "he", "ps", "ur"})
_TAKEN = frozenset("u")  # Label Studio takes the selection back with it
# A paragraph runs as its own first letter says, and stands where the language puts it. Class names have a prefix that
# differs between versions.
_STYLE = """
    [class*="richtext__container"] { direction: %s; text-align: start; font-size: 1.15em; line-height: 2.6; }
    [class*="richtext__line"] { unicode-bidi: plaintext; white-space: pre-wrap; }
  """
_GUIDELINES = "Guidelines: the button Instructions. An argument: select the trigger, press Alt+R, click the filler."


def labelling_interface(schema: Schema, *, adjudication: bool = False) -> str:
    """The XML of the labelling interface, with a line feed at its end.

    Args:
        schema: what is labelled.
        adjudication: show what is open between annotators above the article; every task must then tell it.

    Raises:
        SchemaError: more types than there are keys for them.
    """
    direction = "rtl" if schema.language.partition("-")[0] in _RIGHT_TO_LEFT else "ltr"
    view = ElementTree.Element("View")
    ElementTree.SubElement(view, "Style").text = _STYLE % direction
    ElementTree.SubElement(view, "Header", value=_GUIDELINES, size="6")
    keys = hotkeys(schema)
    relations = ElementTree.SubElement(view, "Relations")
    for role in schema.role_names:
        ElementTree.SubElement(relations, "Relation", value=role)
    for name, types, hues in ((ENTITY, schema.entity_types, (90, 330)), (TRIGGER, schema.event_types, (-25, 60))):
        labels = ElementTree.SubElement(view, "Labels", name=name, toName=TEXT, choice="single", showInline="true")
        for kind, background in zip(types, _colours(len(types), *hues), strict=True):
            hint = schema.descriptions.get(kind) or kind
            attributes = {"value": kind, "background": background, "hotkey": keys[kind], "hint": hint}
            ElementTree.SubElement(labels, "Label", attributes)
    if schema.modalities:
        attributes = {"name": MODALITY, "toName": TEXT, "perRegion": "true", "whenTagName": TRIGGER}
        attributes |= {"visibleWhen": "region-selected", "choice": "single-radio", "showInline": "true"}
        choices = ElementTree.SubElement(view, "Choices", attributes)
        for modality in schema.modalities:
            ElementTree.SubElement(choices, "Choice", value=modality, hotkey=keys[modality])
    if adjudication:
        ElementTree.SubElement(view, "Header", value="Open between the annotators:", size="6")
        ElementTree.SubElement(view, "Text", name=OPEN, value=f"${OPEN}")
    # The mouse may stop anywhere in a word: proclitics are no part of a mention.
    ElementTree.SubElement(
        view, "Text", name=TEXT, value=f"${TEXT}", granularity="symbol", saveTextResult="yes", showLabels="true"
    )
    ElementTree.indent(view)
    return ElementTree.tostring(view, encoding="unicode") + "\n"


def hotkeys(schema: Schema) -> Mapping[str, str]:
    """A key of its own for each type and modality: digits for entities, letters, of its name where one is free, else.

    Raises:
        SchemaError: more types than there are keys for them.
    """
    digits, letters = list("1234567890"), [c for c in string.ascii_lowercase if c not in _TAKEN]
    keys: dict[str, str] = {}
    for kind in schema.entity_types:
        keys[kind] = _taken(kind, digits or letters, "")
    for kind in schema.event_types:
        keys[kind] = _taken(kind, letters, kind.lower())
    for modality in schema.modalities:
        keys[modality] = _taken(modality, letters, "zxcv")
    return keys


def _taken(name: str, free: list[str], wanted: Iterable[str]) -> str:
    if not free:
        raise SchemaError(f"no key is left for {name!r}: the labelling interface has keys for 35 types and modalities")
    key = next((key for key in wanted if key in free), free[0])
    free.remove(key)
    return key


def _colours(count: int, low: float, high: float) -> Iterator[str]:
    """Colours of like strength with hues, in degrees, from ``low`` to ``high``."""
    for number in range(count):
        hue = low + (high - low) * number / max(count - 1, 1)
        red, green, blue = colorsys.hls_to_rgb(hue % 360 / 360, 0.45 if number % 2 else 0.6, 0.7)
        yield f"#{round(red * 255):02x}{round(green * 255):02x}{round(blue * 255):02x}"


def missing(configuration: str, schema: Schema) -> Sequence[str]:
    """What a project's interface lacks for annotations of ``schema``, in words; empty where it can hold them all.

    Other tags, keys, colours and labels that somebody added do no harm and are not told.
    """
    try:
        view = ElementTree.fromstring(configuration)
    except ElementTree.ParseError as problem:
        return [f"it is not well-formed XML ({problem})"]
    found: list[str] = []
    for tag, name, item, names in (
        ("Labels", ENTITY, "Label", schema.entity_types),
        ("Labels", TRIGGER, "Label", schema.event_types),
        ("Choices", MODALITY, "Choice", schema.modalities),
    ):
        control = view.find(f".//{tag}[@name='{name}'][@toName='{TEXT}']")
        if control is None and names:
            found.append(f"no <{tag} name={name!r} toName={TEXT!r}>")
        elif control is not None:
            lost = set(names) - {child.get("value") for child in control.iter(item)}
            found += [f"no {item} {value!r} in <{tag} name={name!r}>" for value in names if value in lost]
    roles = {relation.get("value") for relation in view.findall(".//Relations/Relation")}
    found += [f"no Relation {role!r}" for role in schema.role_names if role not in roles]
    text = view.find(f".//Text[@name='{TEXT}']")
    if text is None or text.get("value") != f"${TEXT}":
        found.append(f"no <Text name={TEXT!r} value='${TEXT}'>")
    return found
