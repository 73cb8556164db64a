"""Writes what can be generated: the README's picture, and the reference pages of recipes, commands and departures.

python docs/generate.py            writes them
python docs/generate.py --check    exits with 1 and names the files that are out of date
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import typer

ROOT = Path(__file__).resolve().parent.parent
PICTURE = re.compile(r"(<!-- pipeline: generated -->\n).*?(<!-- /pipeline -->)", re.DOTALL)


def pipeline_picture() -> str:
    """The stage graph of the nano recipe as a Mermaid flowchart."""
    from hornbook.pipeline import build
    from hornbook.recipe import load_recipe

    lines = ["```mermaid", "flowchart LR"]
    for node in build(load_recipe("nano")):
        key = node.name.replace(".", "_")
        lines.append(f'  {key}["{node.name}"]')
        if node.stage.name != "report":  # It reads everything; its arrows would hide the others.
            lines += [f"  {upstream.name.replace('.', '_')} --> {key}" for upstream in _direct_inputs(node)]
        else:
            lines.append(f"  compare --> {key}")
    return "\n".join([*lines, "```", ""])


def _direct_inputs(node) -> list:
    """A node's inputs without those that reach it through another input anyway."""
    inputs = list(dict.fromkeys(node.inputs.values()))
    behind = {above for upstream in inputs for above in _ancestors(upstream)}
    return [upstream for upstream in inputs if upstream not in behind]


def _ancestors(node) -> set:
    found = set()
    for upstream in node.inputs.values():
        found |= {upstream} | _ancestors(upstream)
    return found


def recipe_page() -> str:
    """Every field of a recipe with its type, default and help."""
    from hornbook.recipe import section_of, walk_fields

    lines = [
        "# Recipe fields",
        "",
        "Generated from `src/hornbook/recipe/`; `hornbook explain FIELD` prints the same.",
    ]
    section = None
    for name, field, text in walk_fields():
        head, _, tail = name.rpartition(".")
        if head != section:
            section = head
            kind = section_of(head) if head else None
            title = f"`[[collect.sources]]` of type `{head.rpartition('.')[2]}`" if head.count(".") else f"`[{head}]`"
            lines += ["", f"## {title}" if head else "## Top level", ""]
            if kind is not None:
                lines += [" ".join((kind.__doc__ or "").split()), ""]
        default = "required" if field.is_required() else f"default `{field.get_default(call_default_factory=True)!r}`"
        lines.append(f"- **`{tail}`** ({default}): {' '.join(text.split())}")
    return "\n".join([*lines, ""])


def cli_page() -> str:
    """The help of every command, as the terminal shows it."""
    from typer.testing import CliRunner

    from hornbook.cli import app

    runner = CliRunner()
    commands = sorted(typer.main.get_command(app).commands)
    lines = ["# Command line", "", "Generated from `src/hornbook/cli/`."]
    for words in ([], *([command] for command in commands)):
        shown = runner.invoke(app, [*words, "--help"], prog_name="hornbook", env={"NO_COLOR": "1"})
        text = "\n".join(line.rstrip() for line in shown.output.strip().splitlines())
        lines += ["", f"## `{' '.join(['hornbook', *words])}`", "", "```text", text, "```"]
    return "\n".join([*lines, ""])


def departures_page() -> str:
    """Every place that is marked as a departure from the paper, with the field or definition that it stands at."""
    lines = ["# Where hornbook differs from the paper", "", "Collected from what is marked `Differs from paper:`.", ""]
    for path in sorted((ROOT / "src").rglob("*")):
        if path.suffix in (".py", ".toml") and path.is_file():
            text = path.read_text(encoding="utf-8")
            for match in re.finditer(r"Differs from paper: ", text):
                said = re.split(r'"""|\n\s*\n|\n(?!\s*#|\s{4})|\n\s+[a-z_]+ ?[:=]', text[match.end() :])[0]
                said = " ".join(part.strip(" #") for part in said.splitlines()).strip().rstrip(".")
                lines.append(f"- `{path.relative_to(ROOT)}`{_place(text, match.start(), path.suffix)}: {said}.")
    return "\n".join([*lines, ""])


def _place(text: str, position: int, suffix: str) -> str:
    line = text[text.rfind("\n", 0, position) + 1 : position]
    if suffix == ".toml":
        section = re.findall(r"^\[(\w+)\]", text[:position], re.MULTILINE)
        key = line.split("=")[0].strip() if "=" in line else ""
        return f", `{section[-1]}.{key}`" if section and key else ""
    names = re.findall(r"^(?:    )?(?:class |def )?(\w+)(?::[^\n]*=|\(|: \w[^\n]*$)", text[:position], re.MULTILINE)
    return f", `{names[-1]}`" if names else ""


def main() -> None:
    """Writes or checks every generated file."""
    os.environ.update(COLUMNS="100", TERMINAL_WIDTH="100", NO_COLOR="1")
    readme = ROOT / "README.md"
    wanted = {
        readme: PICTURE.sub(lambda match: match[1] + pipeline_picture() + match[2], readme.read_text(encoding="utf-8")),
        ROOT / "docs/reference/recipe.md": recipe_page(),
        ROOT / "docs/reference/cli.md": cli_page(),
        ROOT / "docs/reference/differs-from-paper.md": departures_page(),
    }
    stale = [path for path, text in wanted.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    if "--check" in sys.argv[1:]:
        for path in stale:
            print(f"{path.relative_to(ROOT)} is out of date: run `make docs`")
        sys.exit(1 if stale else 0)
    for path in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(wanted[path], encoding="utf-8")
        print(f"wrote {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
