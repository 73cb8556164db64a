"""Which licence a text grants: the text of a LICENSE or COPYING file, or the header of a source file.

A licence is known by sentences that it and no other has. They are looked for in the text as bare lower-case words, so
reflowed lines, comment marks, quotes and copyright lines make no difference. Source of the identifiers and of the
wordings: the SPDX licence list (spdx.org/licenses). A text that none of the sentences is found in is not guessed at,
unless it is no more than a licence's name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

from hornbook.corpus.cleaning.header import Header
from hornbook.corpus.cleaning.words import may_have
from hornbook.corpus.licenses import read_license

NAME_CHARS = 60
"""A shorter text can be a licence's name and nothing else."""

_SPDX_LINE = re.compile(r"SPDX-License-Identifier:[ \t]*([A-Za-z0-9.+() \t-]+)")
_HEADER_WORDS = re.compile(r"\blicen[sc]e", re.IGNORECASE)


def license_of_text(text: str) -> str:
    """The SPDX expression of the licences that a licence text grants, or "" where it is none that is known.

    Several that are found bind together (AND), unless the text offers a choice of two (OR). The text of a GNU licence
    does not say whether later versions may be chosen, so it is read as `-only`; the notice that says so is `-or-later`.
    """
    words = _bare_words(text)
    if len(text) < NAME_CHARS and (name := _canonical(read_license(None, [], text).name)):
        return name
    found = _full_texts(words)
    if not any(name.startswith(_QUOTES_OTHERS) for name in found):
        found |= _gnu_notices(words)
    found = {name for name in found if not any(name in _CONTAINED.get(other, ()) for other in found)}
    joint = " OR " if len(found) == 2 and _CHOICE.search(words) else " AND "
    return joint.join(sorted(found))


def license_of_header(header: Header) -> str:
    """The SPDX expression that the header of a Python file states, or "" where it states none.

    Read are `SPDX-License-Identifier:` lines, else the texts and notices of licences, in the comments and, where they
    state none, in the docstring. An identifier that is not SPDX's is passed over.
    """
    return _stated_in_comments(header.comments) or _stated(header.docstring)


# The files of a project have the same comments at their tops; docstrings are each another.
@lru_cache(maxsize=1024)
def _stated_in_comments(comments: str) -> str:
    return _stated(comments)


def _stated(head: str) -> str:
    if not head or not may_have(head, "licen") or not _HEADER_WORDS.search(head):
        return ""
    stated = {name for line in _SPDX_LINE.findall(head) if (name := _canonical(line))}
    if stated:
        return stated.pop() if len(stated) == 1 else " AND ".join(sorted(f"({name})" for name in stated))
    return license_of_text(head)


@dataclass(frozen=True, slots=True)
class _Wording:
    """A licence is meant where all of the sentences are found and none of the others."""

    name: str
    sentences: tuple[str, ...]
    others: tuple[str, ...] = ()


_MIT_GRANT = "permission is hereby granted free of charge to any person obtaining a copy"
_MIT_NOTICE = "permission notice shall be included in all copies or substantial portions"
_BSD_GRANT = "redistribution and use in source and binary forms with or without modification are permitted"
_BSD_SOURCE = "redistributions of source code must retain the above copyright"
_BSD_BINARY = "redistributions in binary form must reproduce the above copyright"
_BSD_ENDORSE = "endorse or promote products derived from"
_BSD_ADVERTISING = "advertising materials mentioning features or use of this software must display"
_BSD_PATENT = "grants to those receiving rights under this license a perpetual worldwide non exclusive"
_BSD_CLEAR = "no express or implied licenses to any party s patent rights are granted by this license"
_FREELY = "distribute this software for any purpose with or without fee is hereby granted"
_ISC_GRANT = f"{_FREELY} provided that the above copyright notice"
_HPND_GRANT = "this software and its documentation for any purpose and without fee is hereby granted"
_ORIGIN = "the origin of this software must not be misrepresented"
_PSF = "python software foundation license version 2"
_PSF_GRANT = "psf hereby grants licensee a nonexclusive royalty free world wide license"
_STACK = ("beopen python open source license agreement version 1", "cnri license agreement for python")

_WORDINGS = (
    _Wording("MIT", (_MIT_GRANT, _MIT_NOTICE), ("of the x consortium shall not be used", "for good not evil")),
    _Wording("X11", (_MIT_GRANT, _MIT_NOTICE, "of the x consortium shall not be used")),
    _Wording("JSON", (_MIT_GRANT, "for good not evil")),
    _Wording("MIT-0", (_MIT_GRANT, "without restriction"), (_MIT_NOTICE, _BSD_SOURCE)),
    _Wording("NCSA", (_MIT_GRANT, _BSD_SOURCE, "deal with the software without restriction")),
    _Wording("BSD-1-Clause", (_BSD_GRANT, _BSD_SOURCE), (_BSD_BINARY, _BSD_ENDORSE)),
    _Wording("BSD-2-Clause", (_BSD_GRANT, _BSD_SOURCE, _BSD_BINARY), (_BSD_ENDORSE, _BSD_ADVERTISING, _BSD_PATENT)),
    _Wording("BSD-2-Clause-Patent", (_BSD_GRANT, _BSD_SOURCE, _BSD_BINARY, _BSD_PATENT), (_BSD_ENDORSE,)),
    _Wording(
        "BSD-3-Clause", (_BSD_GRANT, _BSD_SOURCE, _BSD_BINARY, _BSD_ENDORSE), (_BSD_ADVERTISING, _BSD_CLEAR, _ORIGIN)
    ),
    _Wording("BSD-3-Clause-Clear", (_BSD_SOURCE, _BSD_BINARY, _BSD_ENDORSE, _BSD_CLEAR)),
    _Wording("BSD-4-Clause", (_BSD_GRANT, _BSD_SOURCE, _BSD_BINARY, _BSD_ADVERTISING)),
    _Wording("Apache-2.0", ("apache license version 2.0 january 2004",), ("llvm exceptions",)),
    _Wording("Apache-2.0", ("licensed under the apache license version 2.0",), ("llvm exceptions",)),
    _Wording("Apache-2.0", ("www.apache.org licenses license 2.0",), ("llvm exceptions",)),
    _Wording("Apache-2.0 WITH LLVM-exception", ("apache license version 2.0", "llvm exceptions")),
    _Wording("Apache-1.1", ("the apache software license version 1.1",)),
    _Wording("ISC", (_ISC_GRANT,), ("except as contained in this notice",)),
    _Wording("0BSD", (f"{_FREELY} the software is provided as is",)),
    _Wording("curl", (_ISC_GRANT, "except as contained in this notice")),
    _Wording("HPND", (_HPND_GRANT, "advertising or publicity"), ("by obtaining using and or copying this software",)),
    _Wording("MIT-CMU", (_HPND_GRANT, "by obtaining using and or copying this software")),
    _Wording("PostgreSQL", ("for any purpose without fee and without a written agreement is hereby granted",)),
    _Wording("Zlib", (_ORIGIN, "altered source versions must be plainly marked"), ("julian seward", "png reference")),
    _Wording("libpng-2.0", (_ORIGIN, "png reference library license version 2")),
    _Wording("bzip2-1.0.6", (_ORIGIN, "julian seward", _BSD_ENDORSE)),
    _Wording("BSL-1.0", ("boost software license version 1.0",)),
    _Wording("BSL-1.0", ("to any person or organization obtaining a copy of the software and accompanying",)),
    _Wording("PSF-2.0", (_PSF, _PSF_GRANT), _STACK),
    _Wording("PSF-2.0", ("psf license agreement for python",), _STACK),
    _Wording("Python-2.0", (_PSF, *_STACK)),
    _Wording("CNRI-Python", (_STACK[1],), (_PSF,)),
    _Wording("Unlicense", ("this is free and unencumbered software released into the public domain",)),
    _Wording("CC0-1.0", ("cc0 1.0 universal",)),
    _Wording("CC0-1.0", ("publicdomain zero 1.0",)),
    _Wording("WTFPL", ("do what the fuck you want to public license",)),
    _Wording("Artistic-2.0", ("the artistic license 2.0",)),
    _Wording("AFL-3.0", ("academic free license version 3.0",)),
    _Wording("AFL-3.0", ("academic free license afl v 3.0",)),
    _Wording("ECL-2.0", ("educational community license version 2.0",)),
    _Wording("UPL-1.0", ("the universal permissive license upl version 1.0",)),
    _Wording("BlueOak-1.0.0", ("blue oak model license version 1.0.0",)),
    _Wording("MulanPSL-2.0", ("mulan permissive software license version 2",)),
    _Wording("Unicode-3.0", ("unicode license v3",)),
    _Wording("Unicode-DFS-2016", ("unicode inc license agreement data files and software",)),
    _Wording("W3C", ("w3c software notice and license",)),
    _Wording("ZPL-2.1", ("zope public license zpl version 2.1",)),
    _Wording("MPL-2.0", ("mozilla public license version 2.0",)),
    _Wording("MPL-2.0", ("mozilla public license v 2.0",)),
    _Wording("MPL-1.1", ("mozilla public license version 1.1",)),
    _Wording("EPL-1.0", ("eclipse public license v 1.0",)),
    _Wording("EPL-2.0", ("eclipse public license v 2.0",)),
    _Wording("EUPL-1.2", ("european union public license v 1.2",)),
    _Wording("CDDL-1.0", ("common development and distribution license cddl version 1.0",)),
    _Wording("OFL-1.1", ("sil open font license version 1.1",)),
    _Wording("MS-PL", ("microsoft public license ms pl",)),
    _Wording("OSL-3.0", ("open software license v 3.0",)),
    _Wording("CECILL-2.1", ("cecill free software license agreement version 2.1",)),
    _Wording("GPL-1.0-only", ("gnu general public license version 1 february 1989",)),
    _Wording("GPL-2.0-only", ("gnu general public license version 2 june 1991",)),
    _Wording("GPL-3.0-only", ("gnu general public license version 3 29 june 2007",)),
    _Wording("LGPL-2.0-only", ("gnu library general public license version 2 june 1991",)),
    _Wording("LGPL-2.1-only", ("gnu lesser general public license version 2.1 february 1999",)),
    _Wording("LGPL-3.0-only", ("gnu lesser general public license version 3 29 june 2007",)),
    _Wording("AGPL-3.0-only", ("gnu affero general public license version 3 19 november 2007",)),
    _Wording("SSPL-1.0", ("server side public license version 1",)),
    _Wording("BUSL-1.1", ("business source license 1.1",)),
    _Wording("Elastic-2.0", ("elastic license 2.0",)),
    _Wording("LicenseRef-Commons-Clause", ("commons clause",)),
    _Wording("LicenseRef-PolyForm", ("polyform", "license 1.0.0")),
)

_CREATIVE_COMMONS = re.compile(
    r"\battribution((?: non ?commercial| share ?alike| no ?deriv(?:ative)?s(?: works)?)*)"
    r" (\d\.\d)(?: international| unported| generic)"
)
_GNU_NOTICE = re.compile(
    r"\b(?:gnu )?(affero |lesser |library )?(?:gnu )?general public license"
    r"(?: (?:[al]?gpl|as published by the free software foundation(?: inc\.?)?|either))*"
    r" (?:v ?|version )(\d(?:\.\d)?)(?: of the license)?( or (?:at your option )?(?:any )?later)?"
)
_VERSION_OF_GNU = re.compile(
    r"\bversion (\d(?:\.\d)?) of the (?:gnu )(affero |lesser |library )?general public license"
)
_NON_COMMERCIAL = re.compile(r"\bnon ?commercial (?:use|purposes?|research)\b|\bnot for commercial use\b")
_CHOICE = re.compile(r"\bunder (?:the terms of )?(?:either|one of)\b|\bdual licensed\b")
_QUOTES_OTHERS = ("GPL", "LGPL", "AGPL", "MPL", "EUPL", "CECILL", "SSPL", "CC0", "OFL")
"""Licences whose own text names GNU's, so that the mention says nothing."""
_CONTAINED = {
    "LGPL-3.0-only": ("GPL-3.0-only",),
    "LGPL-3.0-or-later": ("GPL-3.0-only",),
    "Python-2.0": ("PSF-2.0", "HPND", "0BSD"),
}
"""By licence, those whose text comes along with its own without a grant of their own."""

_WORD_BYTES = bytes(byte if byte > 127 or chr(byte).isalnum() or byte == ord(".") else ord(" ") for byte in range(256))
"""What comes in place of each byte of UTF-8; translating bytes is seven times as fast as it is with a text."""
_OTHER_MARKS = re.compile(r"[^\x00-\x7f\u00c0-\u024f]+")
_LAST_DOT = re.compile(r"\.(?![a-z0-9])")
_COPYRIGHT = re.compile(
    r"^[ \t#*/;.-]*(?:\(c\)|©|copyright(?! +(?:notice|holder|owner|law|interest|license|statement|and|or|is|in|to)\b))"
    r"[^\n]*$",
    re.MULTILINE | re.IGNORECASE,
)


def _bare_words(text: str) -> str:
    """The text as lower-case words with one blank between them, without marks and copyright lines."""
    text = _COPYRIGHT.sub(" ", text).lower().replace("licence", "license").encode().translate(_WORD_BYTES).decode()
    if not text.isascii():
        text = _OTHER_MARKS.sub(" ", text)
    return " ".join(_LAST_DOT.sub(" ", text).split())


def _full_texts(words: str) -> set[str]:
    found = {
        wording.name
        for wording in _WORDINGS
        # The first alone before the rest: nearly always it is not there.
        if wording.sentences[0] in words
        and all(sentence in words for sentence in wording.sentences)
        and not any(other in words for other in wording.others)
    }
    # Patterns that are not anchored are slow where they find nothing, so a word of each is looked for first.
    for kind, version in _CREATIVE_COMMONS.findall(words) if "attribution" in words else ():
        parts = [
            part
            for mark, part in (("non", "NC"), ("share", "SA"), ("no deriv", "ND"), ("noderiv", "ND"))
            if mark in kind
        ]
        found.add("-".join(["CC-BY", *dict.fromkeys(parts), version]))
    if "commercial" in words and _NON_COMMERCIAL.search(words) and not any("-NC" in name for name in found):
        found.add("LicenseRef-NonCommercial")
    return found


def _gnu_notices(words: str) -> set[str]:
    """The GNU licences that a notice names with a version; a bare mention without one says nothing."""
    if "general public license" not in words:
        return set()
    named = [(kind, version, bool(later)) for kind, version, later in _GNU_NOTICE.findall(words)]
    named += [(kind, version, False) for version, kind in _VERSION_OF_GNU.findall(words)]
    letters = {"affero ": "AGPL", "lesser ": "LGPL", "library ": "LGPL", "": "GPL"}
    return {
        f"{letters[kind]}-{version if '.' in version else version + '.0'}-{'or-later' if later else 'only'}"
        for kind, version, later in named
    }


def _canonical(expression: str) -> str:
    try:
        return canonicalize_license_expression(expression.strip())
    except InvalidLicenseExpression:
        return ""
