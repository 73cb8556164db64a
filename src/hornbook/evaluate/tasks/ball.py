"""A ball in a PyGame window that bounces and follows keys (after section 3.2)."""

from hornbook.evaluate.tasks.stand_ins import PYGAME
from hornbook.evaluate.tasks.task import Clause, graded

PROMPT = '''import pygame


def main() -> None:
    """
    Show a pygame window of 400 by 300 pixels with a white background and a red ball of radius 20 in its middle.
    The ball moves 5 pixels to the right in every frame and turns round at the right and the left border.
    While the up or the down key is held, it also moves 4 pixels a frame up or down, but never out of the window.
    Run at 60 frames per second until the window is closed.
    """
'''

REFERENCE = """
    pygame.init()
    screen = pygame.display.set_mode((400, 300))
    clock = pygame.time.Clock()
    x, y, speed = 200, 150, 5
    running = True
    while running:
        for event in pygame.event.get():
            if event.type == pygame.QUIT:
                running = False
        keys = pygame.key.get_pressed()
        if keys[pygame.K_UP]:
            y = max(20, y - 4)
        if keys[pygame.K_DOWN]:
            y = min(280, y + 4)
        x += speed
        if x >= 380 or x <= 20:
            speed = -speed
        screen.fill((255, 255, 255))
        pygame.draw.circle(screen, (255, 0, 0), (x, y), 20)
        pygame.display.flip()
        clock.tick(60)
    pygame.quit()
"""

PREAMBLE = """
import pygame
from hornbook.evaluate.tasks.stand_ins.pygame_record import RECORD, Stopped

def play(candidate, frames, held=()):
    # Plays so many frames, closes the window, and says what was shown until then.
    RECORD.num_frames, RECORD.held = frames, list(held)
    try:
        candidate()
    except (Stopped, SystemExit):
        pass
    shown = RECORD.frames[:frames]
    # A window that is shown once before the loop begins is no mistake.
    return shown[1:] if shown and not shown[0].shapes else shown

def ball(frame):
    found = [shape for shape in frame.shapes if shape.kind in ("circle", "image")]
    assert found, "a frame without a ball"
    # The last one drawn, where earlier ones were not painted over.
    return found[-1]

def centers(candidate, frames, held=()):
    shown = play(candidate, frames, held)
    assert len(shown) >= frames - 1, f"{len(shown)} frames shown, the window was open for {frames}"
    return [ball(frame).center for frame in shown]

def steps(values):
    return [after - before for before, after in zip(values, values[1:])]
"""

RUNS = """
def check(candidate):
    play(candidate, 20)
"""

USES_PYGAME = """
def check(candidate):
    frames = play(candidate, 20)
    assert RECORD.window_size is not None, "no window is opened"
    assert frames, "nothing is shown: neither pygame.display.flip nor update is called"
    assert any(frame.shapes for frame in frames), "nothing is drawn in the window"
    names = [name for name, _, _ in RECORD.calls]
    drawn = next(place for place, name in enumerate(names) if name.startswith("draw.") or name == "Surface.blit")
    assert {"display.flip", "display.update"} & set(names[drawn:]), "nothing is shown after it is drawn"
    assert any(name.startswith("event.") for name in names), "events are never asked for"
"""

WINDOW = """
def check(candidate):
    play(candidate, 3)
    assert RECORD.window_size == (400, 300), f"the window's size is {RECORD.window_size}"
"""

BACKGROUND = """
def check(candidate):
    frames = play(candidate, 10)
    assert len(frames) >= 9, f"{len(frames)} frames shown, the window was open for 10"
    for number, frame in enumerate(frames):
        assert frame.background == (255, 255, 255), f"the background is {frame.background}"
        assert frame.is_fresh, f"the background is not painted again in frame {number}"
"""

BALL = """
def check(candidate):
    frames = play(candidate, 5)
    assert frames
    for frame in frames:
        one = ball(frame)
        assert one.color == (255, 0, 0), f"the ball's colour is {one.color}"
        assert one.size == (40, 40), f"the ball is {one.size[0]} by {one.size[1]} pixels large"
"""

MIDDLE = """
def check(candidate):
    x, y = centers(candidate, 3)[0]
    # It may have moved once before it is shown.
    assert abs(x - 200) <= 5 and abs(y - 150) <= 1, f"the ball begins at {(x, y)}"
"""

MOVES = """
def check(candidate):
    moved = steps([x for x, _ in centers(candidate, 20)])
    assert set(moved) == {5}, f"pixels to the right a frame: {sorted(set(moved))}"
"""

BOUNCES = """
def check(candidate):
    across = [x for x, _ in centers(candidate, 600)]
    low, high = min(across), max(across)
    assert 350 <= high <= 400, f"on the right it gets to {high}"
    assert 0 <= low <= 50, f"on the left it gets to {low}"
    assert 370 <= high <= 390 and 10 <= low <= 30, f"its edge turns round at {low - 20} and {high + 20}"
"""

UP = """
def check(candidate):
    down = [y for _, y in centers(candidate, 40, [(pygame.K_UP, 10, 25)])]
    assert set(steps(down)[12:24]) == {-4}, f"while up is held it moves {sorted(set(steps(down)[12:24]))} a frame"
    assert set(steps(down)[:8] + steps(down)[28:]) == {0}, "it moves up or down while no key is held"
"""

DOWN = """
def check(candidate):
    down = [y for _, y in centers(candidate, 40, [(pygame.K_DOWN, 10, 25)])]
    assert set(steps(down)[12:24]) == {4}, f"while down is held it moves {sorted(set(steps(down)[12:24]))} a frame"
    assert set(steps(down)[:8] + steps(down)[28:]) == {0}, "it moves up or down while no key is held"
"""

STAYS_INSIDE = """
def check(candidate):
    down = [y for _, y in centers(candidate, 300, [(pygame.K_UP, 5, 130), (pygame.K_DOWN, 140, 290)])]
    low, high = min(down), max(down)
    assert high - low > 100, "no key moves it"
    assert low >= 16 and high <= 284, f"its edge gets to {low - 20} and to {high + 20} of 300"
    assert low <= 60 and high >= 240, f"its edge gets no further than {low - 20} and {high + 20} of 300"
"""

RATE = """
def check(candidate):
    frames = play(candidate, 30)
    ticks = [args[0] for _, args, _ in RECORD.named("Clock.tick") if args]
    waits = [args[0] for _, args, _ in RECORD.named("time.delay") if args]
    assert len(ticks) >= len(frames) - 1 > 5 or len(waits) >= len(frames) - 1 > 5, "the frames are not timed"
    assert set(ticks) == {60} or (not ticks and set(waits) <= {16, 17}), f"frames per second: {sorted(set(ticks))}"
"""

ENDS = """
def check(candidate):
    shown = play(candidate, 20)
    assert len(shown) >= 19, f"it ends after {len(shown)} frames, while the window is open"
    assert not RECORD.was_stopped, "it goes on after the window is closed"
    assert len(RECORD.frames) <= 22
"""

ALL = """
def check(candidate):
    held = [(pygame.K_UP, 10, 90), (pygame.K_DOWN, 120, 260)]
    shown = centers(candidate, 400, held)
    for (x, y), (next_x, next_y) in zip(shown, shown[1:]):
        assert abs(next_x - x) <= 5 and abs(next_y - y) <= 4
    assert not RECORD.was_stopped
    assert all(len(frame.shapes) == 1 for frame in RECORD.frames[1:]), "something else is drawn"
"""

BALL_TASK = graded(
    task_id="ball",
    title="A bouncing ball in PyGame",
    shows="Whether a library that no exercise uses is called in the right order, and a loop of frames is understood.",
    source="section 3.2",
    prompt=PROMPT,
    entry_point="main",
    preamble=PREAMBLE,
    runs=RUNS,
    api=Clause("draws in a pygame window and shows it", USES_PYGAME),
    clauses=(
        Clause("window of 400 by 300", WINDOW),
        Clause("white background in every frame", BACKGROUND),
        Clause("red ball of radius 20", BALL),
        Clause("begins in the middle", MIDDLE),
        Clause("5 pixels a frame", MOVES),
        Clause("turns round at both borders", BOUNCES),
        Clause("up key moves it up", UP),
        Clause("down key moves it down", DOWN),
        Clause("stays in the window", STAYS_INSIDE),
        Clause("60 frames per second", RATE),
        Clause("ends when the window is closed", ENDS),
    ),
    all_correct=ALL,
    reference=REFERENCE,
    stand_in=PYGAME,
)
