"""What a model's files hold, for the fingerprint of a stage that embeds with it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from hornbook.errors import InputError


def digest_files(files: Sequence[Path]) -> str:
    """Hex sha256 of the names and contents of files in one folder. Raises InputError where one cannot be read."""
    digest = hashlib.sha256()
    for path in files:
        try:
            with path.open("rb") as file:
                content = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise InputError(f"{path}: cannot be read: {error}") from None
        digest.update(f"{path.name}\0{content}\0".encode())
    return digest.hexdigest()
