"""Whether a process is there."""


def is_alive(pid: int) -> bool:
    """Whether it runs or waits; one that has ended and was not waited for does not."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
