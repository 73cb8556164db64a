from hornbook.evaluate.tasks.form import FORM

from .cases import Cases, changed, check_cases

CLASS_WITH_VARIABLES = """
    from tkinter import ttk

    class Form(tk.Tk):
        def __init__(self):
            super().__init__()
            self.title("Sign up")
            self.name = tk.StringVar()
            self.message = tk.StringVar(value="")
            top = ttk.Frame(self, padding=10)
            top.pack(fill="x")
            ttk.Label(top, text="Name:").pack(side="left")
            ttk.Entry(top, textvariable=self.name).pack(side="left", expand=True)
            middle = ttk.Frame(self)
            middle.pack()
            ttk.Button(middle, text="Join", command=self.join).pack(side=tk.LEFT, padx=5)
            ttk.Button(middle, text="Clear", command=self.clear).pack(side=tk.LEFT)
            ttk.Label(self, textvariable=self.message, foreground="green").pack(side=tk.BOTTOM)

        def join(self):
            if self.name.get().isspace() or self.name.get() == "":
                self.message.set("Please enter a name")
                return
            self.message.set("Welcome, " + self.name.get() + "!")
            self.name.set("")

        def clear(self):
            self.name.set("")
            self.message.set("")

    return Form()
"""
PLACED = """
    root = tk.Tk(className="Form")
    root.wm_title("Sign up")
    root.geometry("300x120")
    label = tk.Label(root, text="Name:", font=("Arial", 12))
    label.place(x=10, y=10)
    entry = tk.Entry(root, width=20, bd=2)
    entry.place(x=80, y=10)
    output = tk.Label(root)
    output.place(x=10, y=90)
    def on_join(event=None):
        text = entry.get()
        if len(text.strip()) == 0:
            output["text"] = "Please enter a name"
        else:
            output["text"] = "Welcome, {}!".format(text)
            entry.delete(0, "end")
    join = tk.Button(root, text="Join", bg="white")
    join.bind("<Button-1>", on_join)
    join.place(x=10, y=50)
    clear = tk.Button(root, text="Clear", command=lambda: (entry.delete(0, tk.END), output.configure(text="")))
    clear.place(x=80, y=50)
    entry.focus_set()
    root.mainloop()
    return root
"""
FRAME_CLASS = """
    class Application(tk.Frame):
        def __init__(self, master=None):
            tk.Frame.__init__(self, master)
            self.master = master
            self.grid(sticky=tk.N+tk.S)
            self.master.columnconfigure(0, weight=1)
            self.create_widgets()
        def create_widgets(self):
            self.label = tk.Label(self, text="Name:", anchor="w", justify=tk.LEFT)
            self.label.grid(row=0, column=0, sticky="w", padx=5, pady=5)
            self.entry = tk.Entry(self)
            self.entry.grid(row=0, column=1)
            self.entry.bind("<Return>", lambda e: self.join())
            buttons = tk.Frame(self, bd=1, relief=tk.SUNKEN)
            buttons.grid(row=1, columnspan=2)
            self.b1 = tk.Button(buttons); self.b1["text"] = "Join"; self.b1["command"] = self.join
            self.b1.pack(side="left")
            self.b2 = tk.Button(buttons, text="Clear", fg="red", command=self.clear)
            self.b2.pack({"side": "left"})
            self.message = tk.Label(self, text="", fg="blue")
            self.message.grid(row=2, column=0, columnspan=2)
        def join(self):
            name = self.entry.get()
            if not name.strip():
                self.message["text"] = "Please enter a name"
                return
            self.message["text"] = "Welcome, %s!" % name
            self.entry.delete(0, tk.END)
        def clear(self):
            self.entry.delete(0, 'end'); self.message.config(text='')
    root = tk.Tk()
    root.title("Sign up")
    root.resizable(False, False)
    app = Application(master=root)
    app.mainloop()
    return root
"""
TWO_MANAGERS = """
    from tkinter import Tk, StringVar, LabelFrame, BOTH, YES, LEFT, Label, Entry, Frame, Button
    import tkinter.ttk as ttk
    window = Tk(); window.title('Sign up'); window.geometry('300x200'); window.configure(bg='white')
    name_var = StringVar(); message_var = StringVar()
    def submit():
        n = name_var.get()
        message_var.set(f"Welcome, {n}!" if n.strip() else "Please enter a name")
        if n.strip(): name_var.set("")
    def reset():
        for v in (name_var, message_var): v.set("")
    f = LabelFrame(window, text="Form"); f.pack(fill=BOTH, expand=YES)
    Label(f, text="Name:").pack(side=LEFT); Entry(f, textvariable=name_var).pack(side=LEFT)
    g = Frame(window); g.pack()
    Button(g, text="Join", command=submit, width=10).grid(row=0, column=0)
    Button(g, text="Clear", command=reset).grid(row=0, column=1)
    Label(window, textvariable=message_var).pack()
    window.protocol("WM_DELETE_WINDOW", window.destroy)
    return window
"""


def wrong(*replacements: tuple[str, str]) -> str:
    return changed(FORM.reference, *replacements)


EVERYTHING = {check.name for check in FORM.checks if check.level != "parses"}


def test_form() -> None:
    check_cases(
        Cases(
            FORM,
            [CLASS_WITH_VARIABLES, PLACED, FRAME_CLASS, TWO_MANAGERS],
            [
                (wrong(("    return window", "    window.mainloop()")), {"places the widgets in a window"}),
                (
                    wrong(("    field.grid(row=0, column=1)\n", "")),
                    {"places the widgets in a window", "field beside its label", "buttons below"},
                ),
                (wrong(('"Sign up"', '"Sign in"')), {"title"}),
                (
                    wrong(('"Name:").grid(row=0, column=0)', '"Name:").grid(row=0, column=2)')),
                    {"field beside its label"},
                ),
                (wrong(('"Name:").grid(row=0', '"Name:").grid(row=1')), {"field beside its label"}),
                (wrong(("command=join).grid(row=1", "command=join).grid(row=0")), {"buttons below"}),
                (wrong(("message.grid(row=2", "message.grid(row=1")), {"message at the bottom"}),
                (wrong(("Welcome, {name}!", "Welcome {name}")), {"welcomes by name"}),
                (wrong(('{name}!")\n            field.delete(0, tk.END)', '{name}!")')), {"Join empties the field"}),
                (wrong((".strip()", "")), {"asks for a name"}),
                (
                    wrong(
                        (
                            '        field.delete(0, tk.END)\n        message.config(text="")',
                            '        field.delete(0)\n        message.config(text="")',
                        )
                    ),
                    {"Clear empties both"},
                ),
                (wrong(("command=clear", "command=clear()")), {"Clear empties both"}),
                (
                    wrong(("command=join", "command=join()")),
                    {
                        "message at the bottom",
                        "welcomes by name",
                        "Join empties the field",
                        "asks for a name",
                        "Clear empties both",
                    },
                ),
                (wrong(("message.grid(row=2, column=0, columnspan=2)", "message.pack()")), EVERYTHING),
                (wrong(('tk.Label(window, text="Name:")', 'tk.Label(window, label="Name:")')), EVERYTHING),
            ],
        )
    )
