"""What a fingerprint follows of a source."""

from __future__ import annotations

import hashlib
import json


def digest(facts: object) -> str:
    """Hex sha256 of facts about a source that JSON can hold; a name that is not UTF-8 counts by its bytes."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
