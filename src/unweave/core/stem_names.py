"""What stems are called: words that mean the same thing are one stem."""

from __future__ import annotations

VOCALS, ACCOMPANIMENT, RESIDUAL = "vocals", "accompaniment", "residual"

# Other words for the same thing. What a word only often means (percussive, lead) is not here.
SYNONYMS = {
    "vocal": VOCALS,
    "voice": VOCALS,
    "singing": VOCALS,
    "foreground": VOCALS,
    "background": ACCOMPANIMENT,
    "backing": ACCOMPANIMENT,
    "instrumental": ACCOMPANIMENT,
    "karaoke": ACCOMPANIMENT,
    "music": ACCOMPANIMENT,
    "drum": "drums",
    "others": "other",
}


def canonical(stem: str) -> str:
    """A stem's customary name."""
    plain = stem.strip().lower()
    return SYNONYMS.get(plain, plain)
