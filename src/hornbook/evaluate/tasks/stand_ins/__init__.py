"""Stand-ins for libraries that open windows: they record what a program calls and replay events to it.

The files are ordinary modules, so that they are checked and tested as such. A program in the sandbox gets them as text
under the same names, because hornbook itself is not there.
"""

from __future__ import annotations

from importlib import resources

_LOAD = """
import sys, types
from importlib.machinery import ModuleSpec

def load(name, text):
    module = types.ModuleType(name)
    sys.modules[name] = module
    exec(compile(text, name, "exec"), vars(module))
    setattr(package, name.rpartition(".")[2], module)
    return module

package = types.ModuleType({package!r})
sys.modules[{package!r}] = package

class Found:
    # A submodule becomes an attribute of its library when a program imports it, not before.
    def __init__(self, module):
        self.module = module
    def create_module(self, spec):
        return self.module
    def exec_module(self, module):
        pass

class Finder:
    @staticmethod
    def find_spec(name, path=None, target=None):
        parent, _, last = name.rpartition(".")
        if parent == {library!r} and last in module.SUBMODULES:
            return ModuleSpec(name, Found(module.SUBMODULES[last]))

sys.meta_path.insert(0, Finder)
"""


def stand_in(library: str, *files: str) -> str:
    """Source that makes `import library` find the last of the files, which may import those before it.

    A module that the last file keeps in its `SUBMODULES`, by name, is found as `library.name`.
    """
    lines = [_LOAD.format(package=__name__, library=library)]
    for file in files:
        text = (resources.files(__name__) / f"{file}.py").read_text(encoding="utf-8")
        lines.append(f"module = load({f'{__name__}.{file}'!r}, {text!r})")
    lines.append(f"module.__name__, module.__path__ = {library!r}, []")
    lines.append(f"sys.modules[{library!r}] = module")
    return "\n".join(lines)


PYGAME = stand_in("pygame", "pygame_values", "pygame_record", "pygame_surface", "pygame_window", "pygame_module")
TKINTER = stand_in(
    "tkinter",
    "tkinter_options",
    "tkinter_variables",
    "tkinter_base",
    "tkinter_widgets",
    "tkinter_layout",
    "tkinter_module",
)
