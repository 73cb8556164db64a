"""Tk's variables and its error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class TclError(Exception):
    """What Tk raises when it cannot do what it is asked."""


class Variable:
    """A value that widgets show and change."""

    _default: Any = ""

    def __init__(self, master: Any = None, value: Any = None, name: str | None = None) -> None:
        self._value = self._default if value is None else value
        self._watching: list[Callable[..., Any]] = []

    def get(self) -> Any:
        """The value."""
        return self._convert(self._value)

    def set(self, value: Any) -> None:
        """Another value."""
        self._value = value
        for callback in self._watching:
            callback("", "", "write")

    initialize = set

    def trace_add(self, mode: Any, callback: Callable[..., Any]) -> str:
        """Calls back when the value is set."""
        self._watching.append(callback)
        return ""

    def trace(self, mode: Any, callback: Callable[..., Any]) -> str:
        """The older name of `trace_add`."""
        return self.trace_add(mode, callback)

    def _convert(self, value: Any) -> Any:
        return value


class StringVar(Variable):
    """A text."""

    def _convert(self, value: Any) -> str:
        return str(value)


class IntVar(Variable):
    """A whole number."""

    _default = 0

    def _convert(self, value: Any) -> int:
        try:
            return int(float(value))
        except ValueError:
            raise TclError(f'expected floating-point number but got "{value}"') from None


class DoubleVar(Variable):
    """A number."""

    _default = 0.0

    def _convert(self, value: Any) -> float:
        try:
            return float(value)
        except ValueError:
            raise TclError(f'expected floating-point number but got "{value}"') from None


class BooleanVar(Variable):
    """True or false."""

    _default = False

    def _convert(self, value: Any) -> bool:
        return value in (True, 1, "1", "true", "yes", "on")
