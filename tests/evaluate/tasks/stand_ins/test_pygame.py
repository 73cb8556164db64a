"""Values below are what pygame 2.6.1 gives."""

from collections.abc import Iterator
from typing import Any

import pytest

from hornbook.evaluate.tasks.stand_ins import pygame_module as pygame
from hornbook.evaluate.tasks.stand_ins import pygame_window
from hornbook.evaluate.tasks.stand_ins.pygame_record import RECORD, Stopped
from hornbook.evaluate.tasks.stand_ins.pygame_values import Color, Rect, Vector2, error, to_color


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    RECORD.__init__()  # type: ignore[misc]
    for state in (pygame_window._screen, pygame_window._started, pygame_window._queue, pygame_window._played):
        state.clear()
    return


def call(name: str, *args: Any) -> Any:
    """`draw.circle` of the stand-in, found by name as a program finds it."""
    found: Any = pygame
    for part in name.split("."):
        found = getattr(found, part)
    return found(*args)


def test_rectangles_are_of_whole_numbers_and_move_by_their_points() -> None:
    rect = Rect(-13, -23, 25, 20)
    assert rect.center == (-1, -13)
    rect.center = (10.7, 4.2)
    assert list(rect) == [-2, -6, 25, 20]
    rect.right = 3
    rect.height = 9.9
    assert list(rect) == [-22, -6, 25, 9]
    rect.move_ip(-3.7, 2.2)
    assert list(rect) == [-25, -4, 25, 9]
    assert list(Rect(11, -26, 43, 21).inflate(7, 4)) == [8, -28, 50, 25]
    assert list(Rect(-1, 54, 35, 40).clamp(Rect(-36, -12, 26, 17))) == [-40, -24, 35, 40]
    assert list(Rect(5, 5, 2, 2).clamp(Rect(0, 0, 4, 4))) == [2, 2, 2, 2]
    assert not Rect(0, 0, 5, 5).colliderect(Rect(1, 1, 0, 3))
    assert Rect((0, 0), (5, 5)).contains(Rect(0, 0, 5, 5))
    with pytest.raises(TypeError, match="rect style"):
        Rect(1, 2, 3)


def test_vectors_and_colours() -> None:
    assert list(Vector2(1, 2) + Vector2(3, 4)) == [4, 6]
    assert Vector2(3, 4) * Vector2(1, 2) == 11
    assert list(-2 * Vector2(1, 2)) == [-2, -4]
    assert Vector2(3, 4).normalize().length() == pytest.approx(1)
    assert to_color("#FF8000") == to_color((255, 128, 0, 7)) == tuple(Color(255, 128, 0))[:3] == (255, 128, 0)
    for wrong, kind in (("reddish", ValueError), ((300, 0, 0), ValueError), ((1, 2), ValueError), (None, TypeError)):
        with pytest.raises(kind):
            to_color(wrong)


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        (("draw.circle", (255, 0, 0), "screen", (1, 1), 2), TypeError),
        (("draw.circle", "screen", (255, 0, 0), 1, 2), TypeError),
        (("draw.circle", "screen", "reddish", (1, 1), 2), ValueError),
        (("draw.circle", "screen", (255, 0, 0), (1, 1), "2"), TypeError),
        (("draw.rect", "screen", (255, 0, 0), (1, 2, 3)), TypeError),
        (("display.set_mode", 40, 30), TypeError),
        (("image.load", "ball.png"), FileNotFoundError),
    ],
)
def test_a_call_that_pygame_refuses_is_refused(arguments: tuple[Any, ...], kind: type[Exception]) -> None:
    screen = call("display.set_mode", (40, 30))
    with pytest.raises(kind):
        call(*(screen if argument == "screen" else argument for argument in arguments))


def test_after_the_end_nothing_can_be_drawn_or_shown() -> None:
    with pytest.raises(error, match="video system not initialized"):
        call("event.get")
    call("init")
    screen = call("display.set_mode", (40, 30))
    call("quit")
    for refused in (lambda: screen.fill("red"), lambda: call("display.flip"), lambda: call("event.get")):
        with pytest.raises(error):
            refused()


def test_a_frame_has_what_was_drawn_since_the_background_was_painted() -> None:
    screen = call("display.set_mode", (100, 80))
    screen.fill("white")
    sprite = pygame.Surface((20, 10))
    call("draw.ellipse", sprite, "red", (0, 0, 20, 10))
    screen.blit(sprite, (30, 40))
    call("display.flip")
    call("draw.circle", screen, "blue", (5, 6), 3)
    call("display.update")
    call("draw.rect", screen, "black", (0, 0, 100, 80))
    call("display.flip")
    first, second, third = RECORD.frames
    assert (first.background, first.is_fresh) == ((255, 255, 255), True)
    assert [(shape.kind, shape.color, shape.center, shape.size) for shape in first.shapes] == [
        ("circle", (255, 0, 0), (40, 45), (20, 10))
    ]
    assert (second.is_fresh, len(second.shapes)) == (False, 2)
    assert (third.background, third.shapes) == ((0, 0, 0), ())


def test_events_come_in_their_frame_and_keys_are_held_between_them() -> None:
    RECORD.num_frames, RECORD.held = 4, [(pygame._CONSTANTS["K_UP"], 1, 2)]
    call("display.set_mode", (100, 80))
    seen = []
    for _ in range(5):
        down = call("key.get_pressed")[pygame._CONSTANTS["K_UP"]]
        seen.append((down, [event.type for event in call("event.get")]))
        call("display.flip")
    assert seen == [(False, []), (True, [768]), (True, []), (False, [769]), (False, [256])]


@pytest.mark.parametrize("loop", [("event.get",), ("time.get_ticks", "event.pump"), ("display.flip",), ("event.wait",)])
def test_a_program_that_never_ends_is_stopped(loop: tuple[str, ...]) -> None:
    def run() -> None:
        while True:
            for name in loop:
                call(name)

    call("display.set_mode", (100, 80))
    with pytest.raises(Stopped):
        run()
    assert RECORD.was_stopped
