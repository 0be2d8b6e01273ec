"""What reports print, and how likely it is: records, observations, likelihoods, models, sampler.

Stored draws and compiled code stand under a digest of this folder, so that neither outlives it.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

_HERE = Path(__file__).parent


@cache
def source_digest() -> str:
    """SHA-256 of the source of every module of this folder."""
    digest = hashlib.sha256()
    for path in sorted(_HERE.glob("*.py")):
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()
