"""Which options each Tk widget takes, so that a wrong one is the error that Tk raises.

Source: the lists in the docstrings of the standard library's `tkinter` and `tkinter.ttk`, and the Tk manual where those
leave an option out (bd, bg, fg, compound, readonlybackground).
"""

from __future__ import annotations

_COLORS = "background bd bg borderwidth cursor highlightbackground highlightcolor highlightthickness relief takefocus"
_TEXTS = (
    f"{_COLORS} activebackground activeforeground anchor bitmap compound disabledforeground fg font foreground height "
    "image justify padx pady state text textvariable underline width wraplength"
)
_INPUTS = (
    f"{_COLORS} exportselection fg font foreground insertbackground insertborderwidth insertofftime insertontime "
    "insertwidth selectbackground selectborderwidth selectforeground state width xscrollcommand"
)
_FRAMES = f"{_COLORS} class class_ colormap container height padx pady visual width"
_PICKS = "command indicatoron offrelief overrelief selectcolor selectimage variable"
_THEMED = "class class_ cursor style takefocus"
_THEMED_TEXTS = f"{_THEMED} compound image padding state text textvariable underline width"

OPTIONS: dict[str, frozenset[str]] = {
    name: frozenset(words.split())
    for name, words in {
        "Tk": f"{_FRAMES} menu screen use",
        "Toplevel": f"{_FRAMES} menu screen use",
        "Frame": _FRAMES,
        "LabelFrame": f"{_FRAMES} fg font foreground labelanchor labelwidget text",
        "Label": _TEXTS,
        "Message": f"{_TEXTS} aspect",
        "Button": f"{_TEXTS} command default overrelief repeatdelay repeatinterval",
        "Checkbutton": f"{_TEXTS} {_PICKS} offvalue onvalue tristateimage tristatevalue",
        "Radiobutton": f"{_TEXTS} {_PICKS} value tristateimage tristatevalue",
        "Entry": (
            f"{_INPUTS} disabledbackground disabledforeground invalidcommand invcmd justify readonlybackground show "
            "textvariable validate validatecommand vcmd"
        ),
        "Text": (
            f"{_INPUTS} autoseparators blockcursor height inactiveselectbackground maxundo padx pady setgrid spacing1 "
            "spacing2 spacing3 tabs tabstyle undo wrap yscrollcommand"
        ),
        "Canvas": (
            f"{_INPUTS} closeenough confine height offset scrollregion xscrollincrement yscrollcommand yscrollincrement"
        ),
        "ttk.Frame": f"{_THEMED} borderwidth height padding relief width",
        "ttk.LabelFrame": f"{_THEMED} borderwidth height labelanchor labelwidget padding relief text underline width",
        "ttk.Label": f"{_THEMED_TEXTS} anchor background borderwidth font foreground justify relief wraplength",
        "ttk.Button": f"{_THEMED_TEXTS} command default",
        "ttk.Checkbutton": f"{_THEMED_TEXTS} command offvalue onvalue variable",
        "ttk.Radiobutton": f"{_THEMED_TEXTS} command value variable",
        "ttk.Entry": (
            f"{_THEMED} background exportselection font foreground invalidcommand justify show state textvariable "
            "validate validatecommand width xscrollcommand"
        ),
        "ttk.Separator": f"{_THEMED} orient",
    }.items()
}
"""By class; `ttk.` is in front of the themed ones."""

SHORT = {"bd": "borderwidth", "bg": "background", "fg": "foreground", "vcmd": "validatecommand", "class_": "class"}
"""Options that are another one's short name."""
