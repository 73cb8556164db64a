"""What every family of programs needs: sets of verdicts that are right, and a mark on what is left behind."""

WRONG, CRASHED, EXCEPTION, TIMED_OUT, SYNTAX = (
    {"wrong_answer"},
    {"crashed"},
    {"exception"},
    {"timed_out"},
    {"syntax_error"},
)
MARKER = "hornbook-was-here"
"""In the name of everything that a program tries to leave behind."""
