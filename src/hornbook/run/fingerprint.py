"""Fingerprints: the identity of a stage's output, from what determines it and nothing else."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel


def canonical(value: object) -> Any:
    """A value of a recipe as plain JSON types, without the fields that are marked `exclude`.

    Raises TypeError for anything whose text could differ between two runs, rather than fingerprint it.
    """
    if isinstance(value, BaseModel):
        fields = type(value).model_fields.items()
        return {name: canonical(getattr(value, name)) for name, field in fields if not field.exclude}
    if isinstance(value, Mapping):
        return {str(key): canonical(value[key]) for key in sorted(value)}
    if isinstance(value, tuple | list):
        return [canonical(item) for item in value]
    if value is None or isinstance(value, str | bool | int | float):
        return value
    raise TypeError(f"{type(value).__name__} has no stable fingerprint: {value!r}")


def fingerprint(identity: Mapping[str, Any]) -> str:
    """Hex sha256 of an identity made of canonical values."""
    text = json.dumps(identity, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def changed_fields(old: Any, new: Any, path: str = "") -> list[str]:
    """Names the leaves that differ between two canonical values, as `path: old -> new`."""
    if isinstance(old, dict) and isinstance(new, dict):
        changes = []
        for key in sorted(old.keys() | new.keys()):
            inner = f"{path}.{key}" if path else key
            if key not in old:
                changes.append(f"{inner}: new, {new[key]!r}")
            elif key not in new:
                changes.append(f"{inner}: gone, was {old[key]!r}")
            else:
                changes.extend(changed_fields(old[key], new[key], inner))
        return changes
    return [] if old == new and type(old) is type(new) else [f"{path}: {old!r} -> {new!r}"]
