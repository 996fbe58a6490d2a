"""Text that came from a file, on its way into a sentence."""

from __future__ import annotations

CONTROLS = "".join(map(chr, (*range(0x01, 0x20), *range(0x7F, 0xA0), 0x2028, 0x2029)))
"""Characters that would move the cursor, break the line or ring the bell where a sentence is printed."""

_LEGIBLE = str.maketrans(dict.fromkeys("\0" + CONTROLS, "\N{REPLACEMENT CHARACTER}"))


def legible(text: str) -> str:
    """A text in which what a file brought along does no harm: control characters are replaced."""
    return text.translate(_LEGIBLE)
