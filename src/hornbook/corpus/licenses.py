"""Whether a distribution's metadata says that its code is under a permissive licence.

Read in this order, and the first that says something decides: the SPDX `License-Expression` (PEP 639), the trove
classifiers, the free-text `License` field where it is exactly a well-known name. A distribution whose metadata says
nothing is `unknown`, and its code stays out; LICENSE files are read by `license_texts`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

Standing = Literal["permissive", "not_permissive", "unknown"]

PERMISSIVE = frozenset(
    {
        "0BSD",
        "AFL-3.0",
        "Apache-1.1",
        "Apache-2.0",
        "Artistic-2.0",
        "BSD-1-Clause",
        "BSD-2-Clause",
        "BSD-2-Clause-Patent",
        "BSD-3-Clause",
        "BSD-3-Clause-Clear",
        "BSD-4-Clause",
        "BSD-Source-Code",
        "BSL-1.0",
        "BlueOak-1.0.0",
        "CC0-1.0",
        "CNRI-Python",
        "ECL-2.0",
        "HPND",
        "ISC",
        "LicenseRef-permissive",
        "MIT",
        "MIT-0",
        "MIT-CMU",
        "MulanPSL-2.0",
        "NCSA",
        "PSF-2.0",
        "PostgreSQL",
        "Python-2.0",
        "Python-2.0.1",
        "UPL-1.0",
        "Unicode-3.0",
        "Unicode-DFS-2016",
        "Unlicense",
        "W3C",
        "WTFPL",
        "X11",
        "ZPL-2.1",
        "Zlib",
        "bzip2-1.0.6",
        "curl",
        "libpng-2.0",
    }
)
"""SPDX identifiers of licences that let the code be used, changed and passed on with no more than attribution.

`LicenseRef-permissive` is what a data set says that was chosen by licence and does not name them.
"""

PERMISSIVE_CLASSIFIERS = frozenset(
    {
        "Academic Free License (AFL)",
        "Apache Software License",
        "Blue Oak Model License (BlueOak-1.0.0)",
        "Boost Software License 1.0 (BSL-1.0)",
        "BSD License",
        "CC0 1.0 Universal (CC0 1.0) Public Domain Dedication",
        "CMU License (MIT-CMU)",
        "Educational Community License, Version 2.0 (ECL-2.0)",
        "Historical Permission Notice and Disclaimer (HPND)",
        "ISC License (ISCL)",
        "MIT License",
        "MIT No Attribution License (MIT-0)",
        "Mulan Permissive Software License v2 (MulanPSL-2.0)",
        "PostgreSQL License",
        "Public Domain",
        "Python License (CNRI Python License)",
        "Python Software Foundation License",
        "The Unlicense (Unlicense)",
        "Universal Permissive License (UPL)",
        "University of Illinois/NCSA Open Source License",
        "W3C License",
        "Zero-Clause BSD (0BSD)",
        "Zope Public License",
        "zlib/libpng License",
    }
)
"""Last parts of the `License ::` classifiers that name a permissive licence."""

WELL_KNOWN_NAMES = {
    "apache": "Apache-2.0",
    "apache 2": "Apache-2.0",
    "apache 2.0": "Apache-2.0",
    "apache 2.0 license": "Apache-2.0",
    "apache license": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "apache license version 2.0": "Apache-2.0",
    "apache license, version 2.0": "Apache-2.0",
    "apache software license": "Apache-2.0",
    "apache software license 2.0": "Apache-2.0",
    "boost software license": "BSL-1.0",
    "bsd": "BSD-3-Clause",
    "bsd 2-clause license": "BSD-2-Clause",
    "bsd 2-clause": "BSD-2-Clause",
    "bsd 3-clause": "BSD-3-Clause",
    "bsd 3-clause license": "BSD-3-Clause",
    "bsd license": "BSD-3-Clause",
    "bsd-3-clause license": "BSD-3-Clause",
    "expat": "MIT",
    "isc license": "ISC",
    "modified bsd": "BSD-3-Clause",
    "modified bsd license": "BSD-3-Clause",
    "mit license": "MIT",
    "new bsd": "BSD-3-Clause",
    "new bsd license": "BSD-3-Clause",
    "psf": "PSF-2.0",
    "psf license": "PSF-2.0",
    "psfl": "PSF-2.0",
    "python software foundation license": "PSF-2.0",
    "revised bsd": "BSD-3-Clause",
    "simplified bsd": "BSD-2-Clause",
    "the mit license": "MIT",
    "the mit license (mit)": "MIT",
    "the unlicense": "Unlicense",
    "zlib license": "Zlib",
}
"""What the `License` field says in practice, lower-cased, besides SPDX expressions."""

_NOT_PERMISSIVE_WORDS = re.compile(
    r"\b[al]?gpl|\bmpl\b|mozilla|\bepl\b|proprietary|commercial|all rights reserved", re.I
)


LICENSE_DROP_REASONS = {"not_permissive": "license_not_permissive", "unknown": "license_unknown"}
"""Why a file is left out, by the standing of its licence."""


@dataclass(frozen=True)
class License:
    """What a distribution's metadata says. `name` is an SPDX expression where it states one, else its own words."""

    name: str
    standing: Standing


def read_license(expression: str | None, classifiers: Sequence[str], field: str | None) -> License:
    """The licence that the three pieces of metadata state."""
    stated = _from_expression(expression) if expression else None
    if stated is not None:
        return stated
    named = _license_classifiers(classifiers)
    if named:
        # Several classifiers do not say whether all of them bind or one may be chosen, so all must be permissive.
        permissive = all(name in PERMISSIVE_CLASSIFIERS for name in named)
        return License(" AND ".join(named), "permissive" if permissive else "not_permissive")
    return _from_field(field or "")


def is_permissive(expression: str) -> bool:
    """Whether an SPDX expression is met by permissive licences alone: of AND all of them, of OR any.

    An exception after WITH only grants more than the licence before it, so it changes nothing.
    Raises InvalidLicenseExpression unless the expression is valid (SPDX 2.3, annex D).
    """
    tokens = canonicalize_license_expression(expression).replace("(", " ( ").replace(")", " ) ").split()
    value, rest = _parse_or(tokens)
    assert not rest, rest
    return value


# A corpus has few licences and many files.
@lru_cache(maxsize=1024)
def standing_of(name: str) -> Standing:
    """The standing of the licence on a row; `unknown` where it is empty."""
    if not name:
        return "unknown"
    return "permissive" if is_permissive_name(name) else "not_permissive"


def is_permissive_name(name: str) -> bool:
    """Whether the licence on a row is permissive: an SPDX expression, or classifiers' last parts joined by AND."""
    try:
        return is_permissive(name)
    except InvalidLicenseExpression:
        return all(part in PERMISSIVE_CLASSIFIERS for part in name.split(" AND "))


def _parse_or(tokens: list[str]) -> tuple[bool, list[str]]:
    value, rest = _parse_and(tokens)
    while rest[:1] == ["OR"]:
        right, rest = _parse_and(rest[1:])
        value = value or right
    return value, rest


def _parse_and(tokens: list[str]) -> tuple[bool, list[str]]:
    value, rest = _parse_one(tokens)
    while rest[:1] == ["AND"]:
        right, rest = _parse_one(rest[1:])
        value = value and right
    return value, rest


def _parse_one(tokens: list[str]) -> tuple[bool, list[str]]:
    if tokens[0] == "(":
        value, rest = _parse_or(tokens[1:])
        return value, rest[1:]
    rest = tokens[3:] if tokens[1:2] == ["WITH"] else tokens[1:]
    return tokens[0].removesuffix("+") in PERMISSIVE, rest


def _from_expression(text: str) -> License | None:
    try:
        name = canonicalize_license_expression(text)
    except InvalidLicenseExpression:
        return None
    return License(name, "permissive" if is_permissive(name) else "not_permissive")


def _license_classifiers(classifiers: Sequence[str]) -> list[str]:
    names = [line.split(" :: ")[-1].strip() for line in classifiers if line.startswith("License :: ")]
    # "License :: OSI Approved" alone names no licence.
    return sorted({name for name in names if name != "OSI Approved"})


def _from_field(field: str) -> License:
    text = " ".join(field.split())
    if known := WELL_KNOWN_NAMES.get(text.lower()):
        return License(known, "permissive")
    stated = _from_expression(text) if text else None
    if stated is not None:
        return stated
    if len(text) <= 100 and _NOT_PERMISSIVE_WORDS.search(text):
        return License(text, "not_permissive")
    return License("", "unknown")
