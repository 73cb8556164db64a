"""The script that the process which forks is started with; the one argument is the control socket's descriptor.

Makes the modules of `inside` known without their packages, so that no other part of hornbook is in the memory that
programs are forked from, and takes them out of `sys.modules` again. The modules get builtins of their own: a program
that changes the builtins does not change what happens here.
"""

from __future__ import annotations

import builtins
import importlib.machinery
import importlib.util
import os
import sys
import types
from collections.abc import Sequence

PACKAGE = "hornbook.evaluate.sandbox.inside"
FOLDER = os.path.dirname(os.path.abspath(__file__))


class _Loader(importlib.machinery.SourceFileLoader):
    def exec_module(self, module: types.ModuleType) -> None:
        vars(module)["__builtins__"] = dict(vars(builtins))
        super().exec_module(module)


class _Finder:
    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None = None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        package, _, last = name.rpartition(".")
        if package != PACKAGE:
            return None
        place = os.path.join(FOLDER, f"{last}.py")
        return importlib.util.spec_from_file_location(name, place, loader=_Loader(name, place))


def start() -> None:
    """Loads the modules and hands over to `setup`."""
    parts = PACKAGE.split(".")
    for length in range(1, len(parts) + 1):
        name = ".".join(parts[:length])
        sys.modules[name] = types.ModuleType(name)
        vars(sys.modules[name])["__path__"] = []
    sys.meta_path.insert(0, _Finder)
    from hornbook.evaluate.sandbox.inside.setup import serve

    sys.meta_path.remove(_Finder)
    for name in [name for name in sys.modules if name.split(".")[0] == parts[0]]:
        del sys.modules[name]
    serve(int(sys.argv[1]))


if __name__ == "__main__":
    start()
