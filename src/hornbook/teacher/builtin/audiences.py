"""Who a textbook section speaks to, and how."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Audience:
    """A reader and the phrases that a section for it is built from.

    `{noun}` is what the function works on, `{task}` is what it does, in the imperative, and `{idea}` is the
    explanation of the section's concept, whole sentences or nothing.
    """

    name: str
    openings: tuple[str, ...]
    code: tuple[str, ...]
    variation: tuple[str, ...]
    question: tuple[str, ...]


AUDIENCES: tuple[Audience, ...] = (
    Audience(
        "a child who is new to programming",
        (
            "Imagine that someone hands you {noun} and asks you to {task}. {idea}Python does it one step at a time.",
            "Let us play a game with {noun}: {task}. {idea}Python never gets tired of such work.",
            "Here is a little job for Python: {task}. {idea}We give it {noun}, and it gives us an answer.",
        ),
        ("Look at the code and read it line by line:", "This is how we tell Python:"),
        ("Now let us change it a little.", "Here is another one that looks almost the same."),
        ("Can you guess this:", "Your turn:"),
    ),
    Audience(
        "a student in a first programming course",
        (
            "In this section we write a function that takes {noun}. Its job is to {task}. {idea}",
            "{idea}As an example, take {noun} and {task}. Each step becomes one piece of code.",
            "A good habit is to split a problem into steps. Given {noun}, we want to {task}. {idea}",
        ),
        ("The function follows the steps in order:", "Here is a solution:"),
        ("A small variation follows.", "Exercise: compare the function with this variant."),
        ("Question:", "Check yourself:"),
    ),
    Audience(
        "a data analyst who comes from spreadsheets",
        (
            "In a spreadsheet you would add a column for every step. In Python you take {noun} and {task}. {idea}",
            "A common step in cleaning data is to {task}. {idea}The function below does it for {noun}.",
            "{idea}Suppose that a report needs you to {task}. The input is {noun}.",
        ),
        ("In code:", "The whole computation fits in one function:"),
        ("The requirements change slightly:", "A related report needs this function:"),
        ("Quick check:", "What should the report show:"),
    ),
    Audience(
        "a hobbyist who builds small games",
        (
            "Games do this all the time: they take {noun} and {task}. {idea}",
            "{idea}Say your game holds {noun}. On every turn it has to {task}.",
            "Before a score can be shown, the game must {task}. {idea}It starts from {noun}.",
        ),
        ("Here is the function for it:", "You can paste this into your game:"),
        ("For the next level, try this version:", "Another rule of the game could be:"),
        ("Puzzle:", "Try to answer before you run it:"),
    ),
    Audience(
        "an engineer who knows another language",
        (
            "The task is to {task}, given {noun}. {idea}",
            "{idea}Idiomatic Python states each operation once. To {task}, start from {noun} and name each result.",
            "This function takes {noun}. It shows how to {task} without side effects. {idea}",
        ),
        ("Implementation:", "In Python this reads as follows:"),
        ("A variant:", "With one change:"),
        ("Question:", "To verify your understanding:"),
    ),
)
