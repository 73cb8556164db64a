import pytest
from packaging.licenses import InvalidLicenseExpression

from hornbook.corpus.licenses import License, is_permissive, read_license


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("MIT", True),
        ("mit", True),
        ("GPL-3.0-only", False),
        ("LGPL-2.1-or-later", False),
        ("MPL-2.0", False),
        ("Apache-2.0 OR BSD-2-Clause", True),
        ("MIT AND GPL-3.0-only", False),
        ("MIT OR GPL-3.0-only", True),
        ("GPL-3.0-only OR MPL-2.0", False),
        # AND binds tighter than OR: the left alternative is not permissive as a whole, the right one is.
        ("GPL-3.0-only AND MIT OR ISC", True),
        ("GPL-3.0-only AND (MIT OR ISC)", False),
        ("(MIT OR GPL-2.0-only) AND (ISC OR MPL-2.0)", True),
        ("BSD-3-Clause AND 0BSD AND MIT AND Zlib AND CC0-1.0", True),
        ("Apache-2.0 AND Apache-2.0 WITH LLVM-exception AND MIT", True),
        ("GPL-2.0-only WITH Classpath-exception-2.0", False),
        ("Apache-2.0+", True),
        ("LicenseRef-Proprietary", False),
        ("PSF-2.0", True),
        ("MIT-CMU", True),
    ],
)
def test_expression(expression: str, expected: bool) -> None:
    assert is_permissive(expression) is expected


def test_expression_that_is_not_spdx() -> None:
    with pytest.raises(InvalidLicenseExpression):
        is_permissive("MIT License")


MIT_CLASSIFIER = "License :: OSI Approved :: MIT License"
GPL_CLASSIFIER = "License :: OSI Approved :: GNU General Public License v3 (GPLv3)"
MPL_CLASSIFIER = "License :: OSI Approved :: Mozilla Public License 2.0 (MPL 2.0)"


@pytest.mark.parametrize(
    ("expression", "classifiers", "field", "expected"),
    [
        ("Apache-2.0", [], None, License("Apache-2.0", "permissive")),
        ("mit or gpl-3.0-only", [], None, License("MIT OR GPL-3.0-only", "permissive")),
        ("GPL-3.0-only", [MIT_CLASSIFIER], "MIT", License("GPL-3.0-only", "not_permissive")),
        ("not an expression", [MIT_CLASSIFIER], None, License("MIT License", "permissive")),
        (None, [MIT_CLASSIFIER, "Topic :: Games"], None, License("MIT License", "permissive")),
        (None, [MPL_CLASSIFIER], None, License("Mozilla Public License 2.0 (MPL 2.0)", "not_permissive")),
        (None, ["License :: OSI Approved :: BSD License"], "any text at all", License("BSD License", "permissive")),
        (None, ["License :: OSI Approved"], "MIT", License("MIT", "permissive")),
        (None, [], "MPL-2.0 AND MIT", License("MPL-2.0 AND MIT", "not_permissive")),
        (None, [], "Apache 2.0 License", License("Apache-2.0", "permissive")),
        (None, [], "BSD", License("BSD-3-Clause", "permissive")),
        (None, [], "GPLv3", License("GPLv3", "not_permissive")),
        (None, [], "AGPL version 3", License("AGPL version 3", "not_permissive")),
        (None, [], "Copyright (c) 2015, somebody. Permission is hereby granted, ...", License("", "unknown")),
        (None, [], None, License("", "unknown")),
        (None, [], "", License("", "unknown")),
        (None, [], "UNKNOWN", License("", "unknown")),
    ],
)
def test_metadata(expression: str | None, classifiers: list[str], field: str | None, expected: License) -> None:
    assert read_license(expression, classifiers, field) == expected


def test_several_classifiers_must_all_be_permissive() -> None:
    assert read_license(None, [MIT_CLASSIFIER, GPL_CLASSIFIER], None).standing == "not_permissive"
    apache = "License :: OSI Approved :: Apache Software License"
    assert read_license(None, [MIT_CLASSIFIER, apache], None) == License(
        "Apache Software License AND MIT License", "permissive"
    )
