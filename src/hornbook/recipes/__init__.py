"""The recipes that ship with hornbook, as TOML."""
