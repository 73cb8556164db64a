"""E-mail and IP addresses replaced by ones that belong to nobody.

The placeholders are from the ranges that are kept for documentation, so that a string stays an address and the code
around it parses and does what it did: RFC 2606 (example.com), RFC 5737 (192.0.2.0/24), RFC 3849 (2001:db8::/32).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable

from hornbook.corpus.cleaning.look import Look

EMAIL = "email@example.com"
IPV4 = "192.0.2.1"
IPV6 = "2001:db8::1"

_DOMAIN = (
    r"@(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)+"
    r"(?:com|org|net|edu|gov|mil|int|info|biz|name|pro|dev|app|cloud|tech|email|online|science|academy|[a-z]{2})"
    # A matrix product goes on like a method's name or an index: `a@b.at[0]`.
    r"(?![\w(\[@-]|\.\w)"
)
_EMAIL_DOMAIN = re.compile(_DOMAIN)
_LOCAL_PART = re.compile(r"[A-Za-z0-9!#$%&*+/=?^_`{|}~.-]*[A-Za-z0-9_+-]\Z")
_MAX_LOCAL_CHARS = 64
_NOBODY = re.compile(r"@(?:.*\.)?(?:example\.(?:com|net|org)|[\w-]+\.(?:example|test|invalid|localhost))$")
_NOT_PERSONS = frozenset({"git", "hg", "svn", "user", "username", "noreply", "no-reply"})

_IPV4_MIDDLE = re.compile(r"\.\d{1,3}\.\d{1,3}\.\d{1,3}(?![\w.-])")
_DIGITS_BEFORE = re.compile(r"(?:^|[^\w.+-])(\d{1,3})$")
_VERSION_BEFORE = re.compile(
    r"(?:\bv|ver(?:sion)?s?(?:_info)?|releases?|builds?|revision|section|chapter|rfc ?\d*|oid|\bsince|\bpython"
    r"|[=<>~!]=|[a-z]/|§)[\s\"'`:=(\[]*$",
    re.IGNORECASE,
)
_VERSION_LINE = re.compile(r"version|releas|\bsince\b|\bdeprecated\b|\boid\b", re.IGNORECASE)
_IPV6_REST = re.compile(r":[0-9a-fA-F]{1,4}:[0-9a-fA-F:]{1,34}(?![\w:.])")
_IPV6_FIRST = re.compile(r"(?<![\w:.])[23][0-9a-fA-F]{3}\Z")
"""Global unicast addresses, 2000::/3 (RFC 4291), are all that anybody has."""
_PUBLIC_SERVICES = frozenset({"1.0.0.1", "1.1.1.1", "8.8.4.4", "8.8.8.8", "9.9.9.9", "1.2.3.4", "4.3.2.1"})
"""Name servers that everybody asks, and what manuals write for any address."""


def mask_addresses(text: str, look: Look) -> tuple[str, tuple[str, ...]]:
    """The text with its e-mail and public IP addresses replaced, and the notes that apply.

    These are `masked_email` and `masked_ip`. look is that at the text: nothing is searched for that it rules out.

    Left as they are: e-mail addresses in the domains for documentation and of services (`git@`), IP addresses that are
    private, loopback, for documentation or otherwise not of the public network, and numbers of versions.
    """
    notes: list[str] = []
    if look.may_have_email and (masked := _replace(text, _EMAIL_DOMAIN, _email_start, EMAIL)) is not None:
        text, notes = masked, ["masked_email"]
    if look.may_have_ip:
        without_ipv4 = _replace(text, _IPV4_MIDDLE, _ipv4_start, IPV4)
        without_ip = _replace(without_ipv4 or text, _IPV6_REST, _ipv6_start, IPV6) or without_ipv4
        if without_ip is not None:
            text, notes = without_ip, [*notes, "masked_ip"]
    return text, tuple(notes)


def _replace(
    text: str, pattern: re.Pattern[str], start_of: Callable[[str, re.Match[str]], int | None], placeholder: str
) -> str | None:
    """The text with the placeholder from where `start_of` says to the end of each match, or None without any."""
    parts: list[str] = []
    done = 0
    for match in pattern.finditer(text):
        start = start_of(text, match)
        if start is not None and start >= done:
            parts += (text[done:start], placeholder)
            done = match.end()
    return "".join([*parts, text[done:]]) if parts else None


def _email_start(text: str, match: re.Match[str]) -> int | None:
    before = text[max(0, match.start() - _MAX_LOCAL_CHARS) : match.start()]
    local = _LOCAL_PART.search(before)
    if local is None or _NOBODY.match(match[0]) or local[0].lower() in _NOT_PERSONS:
        return None
    # What stands before the first letter belongs to the code around: `=`, `{`, quotes and slashes of a URL.
    name = local[0].lstrip("!#$%&*+/=?^_`{|}~.-")
    return match.start() - len(name) if name else None


def _ipv4_start(text: str, match: re.Match[str]) -> int | None:
    line_start = text.rfind("\n", 0, match.start()) + 1
    before = text[max(line_start, match.start() - 60) : match.start()]
    first = _DIGITS_BEFORE.search(before)
    if first is None:
        return None
    address = first[1] + match[0]
    if address in _PUBLIC_SERVICES or not _is_public(address):
        return None
    # `6.2.2.3` is the number of a section or a version far more often than an address.
    if len(first[1]) == 1 and sum(len(part) > 1 for part in address.split(".")) < 2:
        return None
    if _VERSION_BEFORE.search(before[: first.start(1)]) or _VERSION_LINE.search(_line(text, match)):
        return None
    return match.start() - len(first[1])


def _ipv6_start(text: str, match: re.Match[str]) -> int | None:
    first = _IPV6_FIRST.search(text[max(0, match.start() - 5) : match.start()])
    return match.start() - len(first[0]) if first and _is_public(first[0] + match[0]) else None


def _is_public(address: str) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    return parsed.is_global and not parsed.is_multicast


def _line(text: str, match: re.Match[str]) -> str:
    end = text.find("\n", match.end())
    return text[max(text.rfind("\n", 0, match.start()) + 1, match.start() - 200) : end if end >= 0 else len(text)][:400]
