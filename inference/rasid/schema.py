"""The schema: entity types, event types, modalities, roles and what may fill them.

``annotations/schema.yaml`` is the only list of them; a trained model carries its own in ``config.json``,
so that a model trained on other types is served by the same code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from rasid.errors import SchemaError


@dataclass(frozen=True, slots=True)
class Role:
    """A role: the entity types that may fill it and the event types that have it."""

    name: str
    fillers: frozenset[str]
    events: frozenset[str]


@dataclass(frozen=True, slots=True)
class Schema:
    """Types in their fixed order: an index into ``entity_types`` is the model's label."""

    name: str
    language: str
    entity_types: tuple[str, ...]
    event_types: tuple[str, ...]
    modalities: tuple[str, ...]
    roles: tuple[Role, ...]
    descriptions: Mapping[str, str]

    @classmethod
    def from_dict(cls, data: Any, item: str = "schema") -> Self:
        """Read the form of ``schema.yaml``.

        Raises:
            SchemaError: a key is missing or unknown, a name is given twice or does not exist.
        """
        keys = ("name", "language", "entities", "events", "modalities", "roles")
        if not isinstance(data, Mapping):
            raise SchemaError(f"{item}: expected a mapping with the keys {', '.join(keys)}, got {type(data).__name__}")
        if set(data) != set(keys):
            odd = ", ".join(sorted(map(str, set(data) ^ set(keys))))
            raise SchemaError(f"{item}: expected exactly the keys {', '.join(keys)}; missing or unknown: {odd}")
        for key in ("entities", "events", "roles"):
            if not isinstance(data[key], Mapping):
                raise SchemaError(f"{item}: {key!r} must map each name to what it is, got {type(data[key]).__name__}")
        entity_types, event_types = tuple(data["entities"]), tuple(data["events"])
        modalities = tuple(data["modalities"] or ())
        if event_types and not modalities:
            raise SchemaError(f"{item}: 'modalities' must list at least one, the default first")
        clash = set(entity_types) & set(event_types)
        if clash:
            raise SchemaError(f"{item}: {', '.join(sorted(clash))} is an entity type and an event type; rename one")
        return cls(
            name=str(data["name"]),
            language=str(data["language"]),
            entity_types=entity_types,
            event_types=event_types,
            modalities=modalities,
            roles=tuple(_role(item, name, body, entity_types, event_types) for name, body in data["roles"].items()),
            descriptions={str(k): str(v or "") for k, v in {**data["entities"], **data["events"]}.items()},
        )

    def to_dict(self) -> dict[str, Any]:
        """The form of ``schema.yaml``; ``from_dict`` gives the same schema back."""
        return {
            "name": self.name,
            "language": self.language,
            "entities": {name: self.descriptions.get(name, "") for name in self.entity_types},
            "events": {name: self.descriptions.get(name, "") for name in self.event_types},
            "modalities": list(self.modalities),
            "roles": {
                role.name: {
                    "fillers": [t for t in self.entity_types if t in role.fillers],
                    "events": [t for t in self.event_types if t in role.events],
                }
                for role in self.roles
            },
        }

    @property
    def role_names(self) -> tuple[str, ...]:
        """The roles' names in their fixed order."""
        return tuple(role.name for role in self.roles)

    @property
    def names(self) -> tuple[str, ...]:
        """All that has a name: entity types, event types, roles."""
        return (*self.entity_types, *self.event_types, *self.role_names)

    def allows(self, event_type: str, role: str, entity_type: str) -> bool:
        """Whether an entity of ``entity_type`` may fill ``role`` in an event of ``event_type``."""
        return any(r.name == role and entity_type in r.fillers and event_type in r.events for r in self.roles)


def _role(item: str, name: str, body: Any, entity_types: tuple[str, ...], event_types: tuple[str, ...]) -> Role:
    if not isinstance(body, Mapping) or set(body) != {"fillers", "events"}:
        raise SchemaError(f"{item}: role {name!r} must have the keys 'fillers' and 'events'")
    known = {"fillers": entity_types, "events": event_types}
    chosen = {key: known[key] if body[key] == "all" else tuple(body[key] or ()) for key in known}
    for key, names in chosen.items():
        for unknown in set(names) - set(known[key]):
            raise SchemaError(
                f"{item}: role {name!r}, {key}: {unknown!r} is not defined; expected one of {', '.join(known[key])}"
            )
    return Role(name, frozenset(chosen["fillers"]), frozenset(chosen["events"]))
