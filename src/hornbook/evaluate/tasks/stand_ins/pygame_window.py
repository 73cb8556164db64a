"""pygame's window, events, keys and time: everything that moves a frame on or tells the program what happens."""

from __future__ import annotations

from typing import Any

from hornbook.evaluate.tasks.stand_ins.pygame_record import RECORD
from hornbook.evaluate.tasks.stand_ins.pygame_surface import Surface
from hornbook.evaluate.tasks.stand_ins.pygame_values import error, to_pair

NOEVENT = 0
_screen: list[Surface] = []
_started: list[bool] = []
_queue: list[Event] = []
_played: list[int] = []


class Event:
    """Something that happened."""

    def __init__(self, type: int, dict: Any = None, **attributes: Any) -> None:
        self.type = type
        self.__dict__.update({**(dict or {}), **attributes})


def init() -> tuple[int, int]:
    """Starts pygame."""
    RECORD.call("init")
    _started[:] = [True]
    return (5, 0)


def close() -> None:
    """Ends pygame (`pygame.quit`); what draws or asks for events afterwards is an error."""
    RECORD.call("quit")
    _started.clear()
    for screen in _screen:
        screen.is_gone = True
    _screen.clear()


def get_init() -> bool:
    """Whether pygame is started."""
    return bool(_started)


def set_mode(size: Any = (0, 0), flags: int = 0, *args: Any, **kwargs: Any) -> Surface:
    """Opens the window."""
    RECORD.call("display.set_mode", (size,))
    width, height = to_pair(size, "size")
    _screen[:] = [Surface((width or 1280, height or 720))]
    _started[:] = [True]
    RECORD.window_size = _screen[0].get_size()
    return _screen[0]


def get_surface() -> Surface | None:
    """The window's surface."""
    return _screen[0] if _screen else None


def set_caption(title: str, icontitle: str = "") -> None:
    """Names the window."""
    RECORD.call("display.set_caption", (title,))
    RECORD.caption = title


def flip() -> None:
    """Shows the frame."""
    _show("display.flip")


def update(*areas: Any) -> None:
    """Shows the frame."""
    _show("display.update")


def _show(name: str) -> None:
    RECORD.call(name)
    if not _screen:
        raise error("Display mode not set")
    RECORD.show(_screen[0].to_frame())


def _arrive() -> None:
    """Puts the events of the present frame into the queue, once."""
    if not _started:
        raise error("video system not initialized")
    frame = len(RECORD.frames)
    # An event of a frame in which the program did not ask is not lost.
    first = _played[-1] + 1 if _played else 0
    for number in range(first, frame + 1):
        _played.append(number)
        _queue.extend(Event(kind, attributes) for kind, attributes in RECORD.events_of(number))


def get(eventtype: Any = None, pump: bool = True, exclude: Any = None) -> list[Event]:
    """The events since the last call."""
    RECORD.call("event.get")
    _arrive()
    wanted = None if eventtype is None else list(eventtype) if isinstance(eventtype, list | tuple) else [eventtype]
    found = [event for event in _queue if wanted is None or event.type in wanted]
    _queue[:] = [event for event in _queue if event not in found]
    return found


def poll() -> Event:
    """One event, or one of type NOEVENT."""
    RECORD.call("event.poll")
    _arrive()
    return _queue.pop(0) if _queue else Event(NOEVENT)


def wait(timeout: int = 0) -> Event:
    """The next event. Frames pass until there is one, because nothing is drawn in the meantime."""
    RECORD.call("event.wait")
    _arrive()
    while not _queue:
        if not _screen:
            raise error("Display mode not set")
        RECORD.show(_screen[0].to_frame())
        _arrive()
    return _queue.pop(0)


def pump() -> None:
    """Lets the system work."""
    RECORD.call("event.pump")


def post(event: Event) -> bool:
    """Adds an event of the program's own."""
    _queue.append(event)
    return True


class _Pressed:
    """What `key.get_pressed` returns: whether each key is down."""

    def __getitem__(self, key: int) -> bool:
        return RECORD.is_held(key)


def get_pressed(num_buttons: int = 3) -> _Pressed:
    """The keys that are down."""
    RECORD.call("key.get_pressed")
    return _Pressed()


class Clock:
    """Measures and limits frames a second; here time passes without waiting."""

    def __init__(self) -> None:
        self._last_ms = 0

    def tick(self, framerate: float = 0) -> int:
        """Waits until the next frame is due; returns the milliseconds since the last one."""
        RECORD.call("Clock.tick", (framerate,))
        self._last_ms = round(1000 / framerate) if framerate else 1
        RECORD.milliseconds += self._last_ms
        return self._last_ms

    tick_busy_loop = tick

    def get_time(self) -> int:
        """Milliseconds between the last two ticks."""
        return self._last_ms

    def get_fps(self) -> float:
        """Frames a second."""
        return 1000 / self._last_ms if self._last_ms else 0.0


def delay(milliseconds: int) -> int:
    """Waits."""
    RECORD.call("time.delay", (milliseconds,))
    RECORD.milliseconds += milliseconds
    return milliseconds


def get_ticks() -> int:
    """Milliseconds since the start."""
    return int(RECORD.milliseconds)
