"""Programs import the stand-ins in every way that they import the libraries."""

import pytest

from hornbook.evaluate.sandbox import Limits, Program, Sandbox
from hornbook.evaluate.tasks.stand_ins import PYGAME, TKINTER

WORKS = [
    (TKINTER, "import tkinter as tk; tk.Tk(); tk.Label(text='x', bg='red')"),
    (TKINTER, "from tkinter import *; root = Tk(); Button(root).pack(side=LEFT); mainloop()"),
    (TKINTER, "from tkinter import *; from tkinter import ttk, messagebox; ttk.Button(Tk(), text='x')"),
    (TKINTER, "import tkinter.ttk as ttk; ttk.Entry()"),
    (TKINTER, "import tkinter, tkinter.messagebox; tkinter.messagebox.showinfo('a', 'b')"),
    (TKINTER, "from tkinter.constants import END; assert END == 'end'"),
    (PYGAME, "import pygame as pg; pg.init(); pg.display.set_mode((1, 2)); pg.quit()"),
    (PYGAME, "import pygame; from pygame.locals import *; assert K_UP and QUIT == pygame.QUIT"),
    (PYGAME, "from pygame import display, draw; draw.circle(display.set_mode((9, 9)), 'red', (1, 1), 1)"),
    (PYGAME, "import pygame, pygame.gfxdraw; pygame.gfxdraw.filled_circle(pygame.Surface((9, 9)), 1, 1, 1, (0, 0, 0))"),
    (PYGAME, "from pygame.math import Vector2; from pygame.sprite import Sprite, Group; Group(Sprite())"),
]
FAILS = [
    (
        TKINTER,
        "import tkinter as tk; tk.messagebox.showinfo('a', 'b')",
        "module 'tkinter' has no attribute 'messagebox'",
    ),
    (TKINTER, "import tkinter as tk; tk.Buton()", "module 'tkinter' has no attribute 'Buton'"),
    (PYGAME, "import pygame; pygame.gfxdraw", "module 'pygame' has no attribute 'gfxdraw'"),
    (PYGAME, "import pygame; pygame.draw.square()", "module 'pygame.draw' has no attribute 'square'"),
]


@pytest.fixture(scope="module")
def details() -> list[str]:
    programs = [
        Program(f"exec({library!r}, {{}}); {text}", judged="together") for library, text, *_ in [*WORKS, *FAILS]
    ]
    with Sandbox(Limits(timeout_s=10.0)) as sandbox:
        return [verdict.detail for verdict in sandbox.run_all(programs, workers=2)]


def test_every_way_to_import_them_works(details: list[str]) -> None:
    assert details[: len(WORKS)] == [""] * len(WORKS)


def test_what_a_library_does_not_have_is_missing_under_its_own_name(details: list[str]) -> None:
    for detail, (_, _, expected) in zip(details[len(WORKS) :], FAILS, strict=True):
        assert expected in detail
