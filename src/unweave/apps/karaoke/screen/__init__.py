"""The words of a song on a screen: what the video and CD+G share.

`rows` makes rows of lyrics, short enough for the screen; `timing` says where each stands and when;
`fonts` finds fonts with the glyphs; `bidi` and `text` lay a text out, draw it, and know which
columns of pixels each part of it takes.
"""

from unweave.errors import UsageError


def need_pillow() -> None:
    """Raises UsageError where a library that draws text is missing."""
    from importlib.util import find_spec

    if find_spec("PIL") is None or find_spec("fontTools") is None:
        raise UsageError(
            "pictures of lyrics need Pillow and fontTools; install them with: pip install "
            "'unweave[karaoke]'"
        )
