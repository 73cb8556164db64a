"""From TOML to a recipe: shipped recipes by name, `extends`, `--set`, and errors that name the field."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from hornbook.errors import RecipeError
from hornbook.recipe.names import did_you_mean
from hornbook.recipe.sources import source_types
from hornbook.recipe.whole import Recipe


def shipped_recipes() -> list[str]:
    """Names of the recipes inside the package."""
    return sorted(
        entry.name.removesuffix(".toml")
        for entry in resources.files("hornbook.recipes").iterdir()
        if entry.name.endswith(".toml")
    )


def load_recipe(name_or_path: str, overrides: Sequence[str] = ()) -> Recipe:
    """Reads a shipped recipe by name or a TOML file by path, follows `extends`, applies `section.field=value`.

    Raises RecipeError naming the file, the field and the value that cannot be used.
    """
    tree = _read_tree(name_or_path, asked_by=None, seen=())
    for override in overrides:
        _apply_override(tree, override)
    # The small model goes through the same pipeline (section 3), so its training starts from the large one's.
    for phase in ("pretrain", "finetune"):
        large, small = tree.get(phase), tree.get(f"small_{phase}", {})
        if isinstance(large, Mapping) and isinstance(small, Mapping):
            tree[f"small_{phase}"] = _merge(large, small)
    return _validate(tree, name_or_path)


def _read_tree(name_or_path: str, asked_by: Path | None, seen: tuple[str, ...]) -> dict[str, Any]:
    if name_or_path in seen:
        raise RecipeError(f"recipe {seen[0]!r}: extends goes round in a circle: {' -> '.join((*seen, name_or_path))}")
    text, source = _read_text(name_or_path, asked_by)
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"{source}: not valid TOML: {error}") from None
    parent = tree.pop("extends", None)
    if parent is None:
        return tree
    if not isinstance(parent, str):
        raise RecipeError(f"{source}: extends must be a recipe's name or path, not {parent!r}")
    base = _read_tree(parent, Path(source).parent, (*seen, name_or_path))
    return _merge(base, tree)


def _read_text(name_or_path: str, asked_by: Path | None) -> tuple[str, str]:
    if name_or_path in shipped_recipes():
        file = resources.files("hornbook.recipes") / f"{name_or_path}.toml"
        return file.read_text(encoding="utf-8"), f"recipe {name_or_path}"
    path = Path(name_or_path)
    if asked_by is not None and not path.is_absolute():
        path = asked_by / path
    if path.suffix == ".toml" or path.exists():
        try:
            return path.read_text(encoding="utf-8"), str(path)
        except (OSError, UnicodeDecodeError) as error:
            raise RecipeError(f"recipe {path}: cannot be read: {error}") from None
    raise RecipeError(
        f"unknown recipe {name_or_path!r}{did_you_mean(name_or_path, shipped_recipes())} "
        f"Shipped: {', '.join(shipped_recipes())}; or give the path of a .toml file."
    )


def _merge(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in changes.items():
        both_sections = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        # A mixture is one value: half of an old one and half of a new one would be neither.
        merged[key] = _merge(merged[key], value) if both_sections and key != "mixture" else value
    return merged


def _apply_override(tree: dict[str, Any], override: str) -> None:
    path, equals, raw = override.partition("=")
    if not equals or not path:
        raise RecipeError(f"--set {override!r}: write it as section.field=value")
    keys = path.split(".")
    if keys[:2] == ["collect", "sources"] and len(keys) > 2:
        _override_source(tree, keys[2:], _parse_value(raw), f"--set {override}")
        return
    _check_field(path, keys, f"--set {override}")
    target = tree
    for key in keys[:-1]:
        target = target.setdefault(key, {})
    target[keys[-1]] = _parse_value(raw)


def _override_source(tree: dict[str, Any], keys: Sequence[str], value: Any, where: str) -> None:
    """Sets a field of the source of that name; whether there is such a field shows when the recipe is validated."""
    collect = tree.setdefault("collect", {})
    listed = collect.get("sources", ["environment"]) if isinstance(collect, Mapping) else ()
    sources = [{"type": source} if isinstance(source, str) else dict(source) for source in listed]
    names = [str(source.get("name") or source.get("type")) for source in sources]
    if len(keys) != 2:
        raise RecipeError(f"{where}: write it as collect.sources.NAME.field=value")
    if keys[0] not in names:
        raise RecipeError(
            f"{where}: no source {keys[0]!r} in the recipe{did_you_mean(keys[0], names)} There is {', '.join(names)}."
        )
    sources[names.index(keys[0])][keys[1]] = value
    collect["sources"] = sources


def _parse_value(raw: str) -> Any:
    """A value as TOML writes it; anything else is a plain string, so that quotes are not needed in a shell."""
    try:
        return tomllib.loads(f"value = {raw}")["value"]
    except tomllib.TOMLDecodeError:
        return raw


def _check_field(path: str, keys: Sequence[str], where: str) -> None:
    section: type[BaseModel] = Recipe
    for depth, key in enumerate(keys):
        fields = section.model_fields
        if key not in fields:
            raise RecipeError(f"{where}: no field {path!r} in a recipe{did_you_mean(path, known_names())}")
        inner = fields[key].annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            section = inner
            if depth == len(keys) - 1:
                raise RecipeError(f"{where}: {path!r} is a section; set one of {', '.join(section.model_fields)}")
        elif key == "mixture" and depth == len(keys) - 2:
            return
        elif depth != len(keys) - 1:
            raise RecipeError(f"{where}: {'.'.join(keys[: depth + 1])!r} is a field, not a section")


def walk_fields() -> Iterator[tuple[str, Any, str]]:
    """Yields (dotted name, pydantic FieldInfo, help) of every field of a recipe, section by section."""
    for name, field in Recipe.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            for leaf_name, leaf in inner.model_fields.items():
                yield f"{name}.{leaf_name}", leaf, leaf.description or ""
            for type_name, source in source_types().items() if name == "collect" else ():
                for leaf_name, leaf in source.model_fields.items():
                    yield f"collect.sources.{type_name}.{leaf_name}", leaf, leaf.description or ""
        else:
            yield name, field, field.description or ""


def section_of(name: str) -> type[BaseModel]:
    """The class of a section by its dotted name: `filter`, `collect.sources.folder`."""
    if name.startswith("collect.sources."):
        return source_types()[name.removeprefix("collect.sources.")]
    section: type[BaseModel] = Recipe.model_fields[name].annotation  # type: ignore[assignment]
    return section


def known_names() -> list[str]:
    """Every section and every dotted field of a recipe."""
    return [*Recipe.model_fields, *(name for name, _, _ in walk_fields() if "." in name)]


def _dotted(place: tuple[int | str, ...]) -> str:
    """A place in a recipe as its field is named; of a source the type says more than its number."""
    is_source = place[:2] == ("collect", "sources") and len(place) > 3
    return ".".join(str(part) for part in (place[:2] + place[3:] if is_source else place))


def _source_type_problem(place: object, given: str | None) -> str:
    if given is None:
        return f"collect.sources: table {int(str(place)) + 1} has no type; there is {', '.join(source_types())}"
    return (
        f"collect.sources: no source of type {given!r}{did_you_mean(given, list(source_types()))} "
        f"There is {', '.join(source_types())}."
    )


def _validate(tree: Mapping[str, Any], source: str) -> Recipe:
    try:
        return Recipe.model_validate(tree)
    except ValidationError as error:
        lines = []
        problems = error.errors()
        for problem in problems:
            # An entry that is refused is left out before a list is counted, so that the count is wrong as well.
            inside = (other["loc"][: len(problem["loc"])] for other in problems if other is not problem)
            if problem["type"] == "too_short" and problem["loc"] in inside:
                continue
            where = _dotted(problem["loc"])
            if problem["type"] in ("union_tag_invalid", "union_tag_not_found"):
                lines.append(_source_type_problem(problem["loc"][-1], problem.get("ctx", {}).get("tag")))
            elif problem["type"] == "extra_forbidden":
                lines.append(f"unknown field {where!r}{did_you_mean(where, known_names())}")
            elif problem["type"] == "missing":
                lines.append(f"field {where!r} is missing")
            else:
                message = problem["msg"].removeprefix("Value error, ")
                seen = "" if isinstance(problem["input"], dict | BaseModel) else f" (got {problem['input']!r})"
                if where.startswith("small_") and where != "small_model":
                    message += (
                        f" (small_{where.split('.')[0][6:]} takes what it does not set from {where.split('.')[0][6:]})"
                    )
                lines.append(f"{where}: {message}{seen}" if where else message)
        raise RecipeError(f"recipe {source}: " + "; ".join(lines)) from None
