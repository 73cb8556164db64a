import random
import textwrap
from importlib import metadata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.licenses import canonicalize_license_expression

from hornbook.corpus import license_texts
from hornbook.corpus.cleaning.header import header_of
from hornbook.corpus.license_texts import license_of_header, license_of_text
from hornbook.corpus.licenses import standing_of

MIT = """MIT License

Copyright (c) 2020 Somebody

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, including without limitation the
rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit
persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND."""
NOTICE = MIT[MIT.index("The above") : MIT.index("THE SOFTWARE")]
BSD_2 = """Copyright 2020, Somebody
All rights reserved.

Redistribution and use in source and binary forms, with or without modification, are permitted provided that the
following conditions are met:

1. Redistributions of source code must retain the above
copyright notice, this list of conditions and the following disclaimer.
2. Redistributions in binary form must reproduce the above copyright notice, this list of conditions and the following
disclaimer in the documentation and/or other materials provided with the distribution."""
ENDORSE = """
3. Neither the name of the copyright holder nor the names of its contributors may be used to endorse or promote products
derived from this software without specific prior written permission."""
ADVERTISING = """
3. All advertising materials mentioning features or use of this software must display the following acknowledgement."""
FREELY = """Permission to use, copy, modify, and/or distribute this software for any purpose with or without fee is
hereby granted"""
ISC = f"{FREELY}, provided that the above copyright notice and this permission notice appear in all copies."
ZLIB = """This software is provided 'as-is', without any express or implied warranty.
1. The origin of this software must not be misrepresented; you must not claim that you wrote the original software.
2. Altered source versions must be plainly marked as such."""
APACHE = "Apache License\nVersion 2.0, January 2004\nhttp://www.apache.org/licenses/"
APACHE_NOTICE = 'Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in'
MPL = """This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0. Secondary Licenses: the
GNU General Public License, Version 2.0"""
PSF = """PYTHON SOFTWARE FOUNDATION LICENSE VERSION 2
2. Subject to the terms and conditions of this License Agreement, PSF hereby grants Licensee a nonexclusive,
royalty-free, world-wide license"""
STACK = """BEOPEN.COM LICENSE AGREEMENT ... BEOPEN PYTHON OPEN SOURCE LICENSE AGREEMENT VERSION 1 ... CNRI LICENSE
AGREEMENT FOR PYTHON 1.6.1"""
GPL_NOTICE = """This program is free software: you can redistribute it and/or modify it under the terms of the GNU
General Public License as published by the Free Software Foundation, either version 3 of the License, or (at your
option) any later version."""
GPL_3 = "GNU GENERAL PUBLIC LICENSE\n Version 3, 29 June 2007"
TEXTS = {
    "MIT": MIT,
    "MIT-0": MIT.replace(NOTICE, ""),
    "BSD-2-Clause": BSD_2,
    "BSD-3-Clause": BSD_2 + ENDORSE,
    "BSD-4-Clause": BSD_2 + ADVERTISING + ENDORSE,
    "ISC": ISC,
    "0BSD": f"{FREELY}.\n\nTHE SOFTWARE IS PROVIDED AS IS",
    "Zlib": ZLIB,
    "Apache-2.0": APACHE,
    "MPL-2.0": MPL,
    "PSF-2.0": PSF,
    "Python-2.0": PSF + STACK,
    "Unlicense": "This is free and unencumbered software released into the public domain.",
    "BSL-1.0": "Boost Software License - Version 1.0 - August 17th, 2003",
    "CC0-1.0": "Creative Commons Legal Code\n\nCC0 1.0 Universal",
    "CC-BY-SA-4.0": "Attribution-ShareAlike 4.0 International",
    "CC-BY-NC-ND-4.0": "Attribution-NonCommercial-NoDerivatives 4.0 International",
    "GPL-2.0-only": "GNU GENERAL PUBLIC LICENSE\nVersion 2, June 1991",
    "GPL-3.0-only": f"{GPL_3}\n... version 3 of the GNU Affero General Public License",
    "LGPL-2.1-only": "GNU LESSER GENERAL PUBLIC LICENSE\nVersion 2.1, February 1999",
    "LGPL-3.0-only": f"{GPL_3}\n\n{GPL_3.replace('GNU', 'GNU LESSER')}",
    "AGPL-3.0-only": "GNU AFFERO GENERAL PUBLIC LICENSE\nVersion 3, 19 November 2007",
    "GPL-3.0-or-later": GPL_NOTICE,
    "LGPL-2.1-or-later": GPL_NOTICE.replace("GNU", "GNU Lesser").replace("version 3", "version 2.1"),
    "BUSL-1.1": "Business Source License 1.1",
    "Apache-2.0 OR MIT": f"This may be used under the terms of either of two licences. {APACHE_NOTICE}\n\n{MIT}",
    "Apache-2.0 AND MIT": f"{APACHE}\n\nParts are under this licence:\n\n{MIT}",
    "LicenseRef-NonCommercial AND MIT": MIT + "\nNot for commercial use.",
    "JSON": MIT + "\nThe Software shall be used for Good, not Evil.",
    "": "All rights reserved. Ask us first.",
}


@pytest.mark.parametrize("name", TEXTS)
def test_texts(name: str) -> None:
    expected = " AND ".join(sorted(name.split(" AND ")))
    assert license_of_text(TEXTS[name]) == expected
    if name:
        assert canonicalize_license_expression(expected) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("MIT\n", "MIT"), ("Apache 2.0", "Apache-2.0"), ("BSD 3-Clause License", "BSD-3-Clause"), ("GPLv3", ""), ("", "")],
)
def test_a_name_alone(text: str, expected: str) -> None:
    assert license_of_text(text) == expected


@given(
    st.sampled_from(sorted(TEXTS)),
    st.integers(20, 120),
    st.sampled_from(["", "# ", " * ", "// ", "    "]),
    st.booleans(),
)
def test_reflow_and_marks_make_no_difference(name: str, width: int, mark: str, shout: bool) -> None:
    # A copyright line is one by its beginning, so it is set apart from the rest.
    blocks = [block.split("\n") for block in TEXTS[name].split("\n\n")]
    lines = [line for block in blocks for line in [*textwrap.wrap(" ".join(block), width, break_long_words=False), ""]]
    text = "\n".join(mark + line for line in lines)
    assert license_of_text(text.upper() if shout else text) == license_of_text(TEXTS[name])


def test_wordings_are_bare() -> None:
    sentences = [s for wording in license_texts._WORDINGS for s in (*wording.sentences, *wording.others)]
    assert sentences == [license_texts._bare_words(sentence) for sentence in sentences]


@pytest.mark.parametrize(
    ("distribution", "file", "expected"),
    [
        ("hypothesis", "LICENSE.txt", "MPL-2.0"),
        ("packaging", "LICENSE.APACHE", "Apache-2.0"),
        ("packaging", "LICENSE.BSD", "BSD-2-Clause"),
        ("pluggy", "LICENSE", "MIT"),
        ("numpy", "LICENSE.txt", "BSD-3-Clause"),
    ],
)
def test_whole_texts_of_what_the_tests_need_anyway(distribution: str, file: str, expected: str) -> None:
    files = metadata.files(distribution) or []
    found = [path for path in files if path.name == file and ".dist-info" in str(path)]
    text = found[0].read_text()
    # Wheels of numpy have the licences of what was linked in behind their own.
    assert license_of_text(text).split(" AND ")[0] == expected


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("# SPDX-License-Identifier: MIT\n", "MIT"),
        ("#!/usr/bin/python\n# spdx\n# SPDX-License-Identifier: (mit OR GPL-2.0-only)\n", "(MIT OR GPL-2.0-only)"),
        ('"""Doc.\n\nSPDX-License-Identifier: Apache-2.0\n"""\n', "Apache-2.0"),
        ("# SPDX-License-Identifier: MIT\n# SPDX-License-Identifier: ISC\n", "(ISC) AND (MIT)"),
        ("# SPDX-License-Identifier: Nonsense\n", ""),
        (textwrap.indent(GPL_NOTICE, "# ") + "\n", "GPL-3.0-or-later"),
        (textwrap.indent(textwrap.fill(APACHE_NOTICE, 60), "# ") + "\n", "Apache-2.0"),
        ("# Distributed under the MIT licence.\n", ""),
        ("# License: see LICENSE\n", ""),
        ("x = 1\n# SPDX-License-Identifier: MIT\n", ""),
        ("", ""),
    ],
)
def test_header(header: str, expected: str) -> None:
    assert license_of_header(header_of(header + "x = 1\n")) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("", "unknown"),
        ("MIT", "permissive"),
        ("MIT License AND Apache Software License", "permissive"),
        ("(ISC) AND (MIT)", "permissive"),
        ("Apache-2.0 AND GPL-3.0-only", "not_permissive"),
        ("LicenseRef-NonCommercial", "not_permissive"),
        ("its own words", "not_permissive"),
    ],
)
def test_standing(name: str, expected: str) -> None:
    assert standing_of(name) == expected


def test_any_text_is_read_quickly() -> None:
    words = (MIT + GPL_NOTICE + PSF).split()
    text = " ".join(random.Random(0).choices(words, k=20_000))
    assert isinstance(license_of_text(text), str)
