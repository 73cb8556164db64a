"""One file of a source, made into a row of the corpus or left out for a reason. Pure: no file is read or written.

Import this where files are cleaned, not at the top of a module: it has compiled loops (see `compiled`).

What is cheap to see comes first. A file is counted under the first reason that holds:

- `test_file`, `vendored_copy`, `auto_generated`, `minified` for its path (`path_rules`)
- `license_unknown`, `license_not_permissive`: by its header, else by what the source says of it
- `not_utf8`: neither UTF-8 nor what its mark or cookie says nor, plausibly, Latin-1 (`decode`)
- `notebook_broken`, `notebook_not_python` (`notebooks`)
- `empty`, `too_short`, `too_large` by the recipe's limits, in characters
- `too_long_lines`, `minified`, `auto_generated`, `vendored_copy`, `mostly_data` (`text_rules`)
- `secret_found`: a key or a token (`secret_patterns`)
- `syntax_error`: no Python (`syntax`), after e-mail and IP addresses are masked (`masking`)
"""

from __future__ import annotations

from dataclasses import dataclass

from hornbook.corpus.cleaning.byte_bits import padded
from hornbook.corpus.cleaning.decode import decode
from hornbook.corpus.cleaning.header import header_of
from hornbook.corpus.cleaning.limits import max_bytes
from hornbook.corpus.cleaning.masking import mask_addresses
from hornbook.corpus.cleaning.notebooks import NotebookError, notebook_source
from hornbook.corpus.cleaning.path_rules import path_drop_reason
from hornbook.corpus.cleaning.secret_patterns import find_secret, parts_with_keys
from hornbook.corpus.cleaning.syntax import is_python
from hornbook.corpus.cleaning.text_kernels import look_at
from hornbook.corpus.cleaning.text_rules import text_drop_reason
from hornbook.corpus.license_texts import license_of_header
from hornbook.corpus.licenses import LICENSE_DROP_REASONS, standing_of
from hornbook.corpus.sources.protocol import RawFile
from hornbook.recipe import CollectConfig


@dataclass(frozen=True, slots=True)
class Cleaned:
    """A file that stays."""

    text: str
    notes: tuple[str, ...]
    """What was done to it: `latin1`, `utf16`, `notebook`, `masked_email`, `masked_ip`; each is counted."""
    license: str
    """The one that its header states, else the source's."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """A file that is left out."""

    reason: str


def clean(raw: RawFile, config: CollectConfig) -> Cleaned | Dropped:
    """The file's text as the corpus has it, or the reason for which it is left out; raises nothing for any content."""
    if reason := raw.drop_reason or (path_drop_reason(raw.path) if raw.kind == "python" else None):
        return Dropped(reason)
    if len(raw.content) > max_bytes(raw.kind, config.max_chars):
        return Dropped("too_large")
    try:
        text, notes = decode(raw.content)
    except ValueError:
        return Dropped("not_utf8")
    if raw.kind == "notebook":
        try:
            # Escapes of JSON may stand for what UTF-8 cannot hold.
            text, notes = decode(notebook_source(text))[0], (*notes, "notebook")
        except NotebookError as error:
            return Dropped(error.reason)
        except ValueError:
            return Dropped("not_utf8")
    if reason := _length_drop_reason(text, config):
        return Dropped(reason)
    return _clean_prose(raw, text, notes, config) if raw.kind == "prose" else _clean_code(raw, text, notes, config)


def _length_drop_reason(text: str, config: CollectConfig) -> str | None:
    if not text or text.isspace():
        return "empty"
    if len(text) < config.min_chars:
        return "too_short"
    return "too_large" if len(text) > config.max_chars else None


def _clean_code(raw: RawFile, text: str, notes: tuple[str, ...], config: CollectConfig) -> Cleaned | Dropped:
    header = header_of(text)
    license = license_of_header(header) or raw.license
    if reason := LICENSE_DROP_REASONS.get(standing_of(license)):
        return Dropped(reason)
    data = padded(text.encode())
    look = look_at(data)
    if reason := text_drop_reason(text, look, header, config):
        return Dropped(reason)
    if look.may_have_key and any(map(find_secret, parts_with_keys(data))):
        return Dropped("secret_found")
    masked, mask_notes = mask_addresses(text, look) if config.mask_addresses else (text, ())
    if not is_python(masked, data if masked is text else None):
        return Dropped("syntax_error")
    return Cleaned(masked, (*notes, *mask_notes), license)


def _clean_prose(raw: RawFile, text: str, notes: tuple[str, ...], config: CollectConfig) -> Cleaned | Dropped:
    # What people write on a site is under the site's licence, which the recipe accepted by naming the source.
    if not raw.license:
        return Dropped("license_unknown")
    if find_secret(text):
        return Dropped("secret_found")
    masked, mask_notes = mask_addresses(text, look_at(padded(text.encode()))) if config.mask_addresses else (text, ())
    return Cleaned(masked, (*notes, *mask_notes), raw.license)
