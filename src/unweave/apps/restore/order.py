"""What is asked for of every recording of a batch, checked as far as it can be without one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unweave import registry
from unweave.apps._shared.separation import Separation, separation
from unweave.apps.restore import dereverb
from unweave.apps.restore.settings import Settings
from unweave.audio.reader import probe
from unweave.core.files import hashed
from unweave.core.stem_names import canonical
from unweave.errors import OptionName, UsageError
from unweave.options import names
from unweave.request import Output, run_options

if TYPE_CHECKING:
    from unweave.engine.compose import AnySeparator

VOICE = ("vocals",)


@dataclass(frozen=True, kw_only=True)
class Stems:
    """Voice and the rest apart, and which stems are the voice. settings: of the voice."""

    separation: Separation
    voice: tuple[str, ...]
    settings: Settings


@dataclass(frozen=True, kw_only=True)
class Order:
    """settings: of the recording, or of all but the voice where `stems` are restored apart.

    removed: whether the removed part is written. dry: the model that takes reverberation away and
    its stem, None where that is not asked for. noise_sha256: of the recording of the noise.
    """

    settings: Settings
    output: Output
    removed: bool
    stems: Stems | None
    dry: tuple[str | AnySeparator, str] | None
    noise_sha256: str | None

    def facts(self) -> dict[str, Any]:
        """What of it is meant to change a byte, as plain data."""
        stems = self.stems
        return {
            "settings": self.settings.facts(),
            "noise_sha256": self.noise_sha256,
            "voice": None
            if stems is None
            else {"stems": list(stems.voice), "settings": stems.settings.facts()},
            "dereverb": None if self.dry is None else [_name(self.dry[0]), self.dry[1]],
        }

    @property
    def in_memory(self) -> bool:
        """Whether some separator exists only in memory, so that the work has no identity."""
        made = self.stems is not None and self.stems.separation.request is None
        return made or (self.dry is not None and not isinstance(self.dry[0], str))


def ordered(
    settings: Settings,
    options: Mapping[str, Any],
    *,
    removed: bool = False,
    by_stem: bool = False,
    model: str | AnySeparator = registry.DEFAULT,
    voice: str | Iterable[str] = VOICE,
    voice_settings: Settings | None = None,
    dereverb_model: str | AnySeparator | None = None,
) -> Order:
    """An order, checked. options: as of `unweave.separate_file`, those of the model among them.

    Raises UsageError, InputError where the recording of the noise cannot be read.
    """
    output, _, _, own = run_options(options)
    if settings.noise_from is not None:
        probe(Path(settings.noise_from))
    tools = {*settings.tools, *(voice_settings.tools if voice_settings else ())}
    dry = dereverb.chosen(dereverb_model) if "dereverb" in tools else None
    if dereverb_model is not None and dry is None:
        raise UsageError(
            OptionName("dereverb_model"),
            " is for the tool dereverb; add it to ",
            OptionName("tools"),
        )
    stems, apart = None, OptionName("by_stem")
    if by_stem:
        if settings.place is not None:
            raise UsageError(
                OptionName("region"), " is restored in the mix; leave it out, or ", apart
            )
        if settings.noise_from is not None:
            raise UsageError(
                "a recording of the noise of the mix says nothing of that in a stem; leave out ",
                OptionName("noise_from"),
                ", or ",
                apart,
            )
        how = separation(model, options)
        if how.request is None and own:
            raise UsageError(f"{how.name} is loaded already; give it {next(iter(own))!r}")
        stems = Stems(
            separation=how,
            voice=_voice(voice, how.stems, how.name),
            settings=voice_settings or settings,
        )
    else:
        own.pop("seed", None)
        if own:
            raise UsageError(f"{next(iter(own))!r} is an option of a separator: it takes ", apart)
    return Order(
        settings=settings,
        output=output,
        removed=removed,
        stems=stems,
        dry=dry,
        noise_sha256=hashed(Path(settings.noise_from)) if settings.noise_from else None,
    )


def _voice(given: str | Iterable[str], there: Iterable[str], owner: str) -> tuple[str, ...]:
    asked = names(given)
    known = {canonical(stem): stem for stem in there}
    for name in asked:
        if canonical(name) not in known:
            raise UsageError(
                f"{owner} has no stem {name!r}; it has {', '.join(known.values())}: name those of "
                "the voice with ",
                OptionName("voice"),
            )
    if not asked:
        raise UsageError("name the stems of the voice, such as vocals, with ", OptionName("voice"))
    return tuple(dict.fromkeys(known[canonical(name)] for name in asked))


def _name(model: str | AnySeparator) -> str:
    return model if isinstance(model, str) else model.spec.name
