"""What can be asked for: the table of the kinds of jobs.

A kind checks what is asked in a helper process (`check`), and does it in the worker (`run`). A new
kind is one more entry of `KINDS`.
"""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unweave.errors import UsageError
from unweave.server.refusals import Refused

if TYPE_CHECKING:
    from unweave.engine.executor import Executor
    from unweave.types import OnBlock, OnProgress, ShouldStop

Options = Mapping[str, Any]
# Parameters of the functions that are the service's own, not the client's.
OURS = frozenset(
    "path output_dir filename_template overwrite stems_dir on_progress on_block should_stop "
    "executor options".split()
)
# Others of theirs that name places on this machine.
PLACES = frozenset(("mix", "match", "stems_from"))
MODELS = ("model", "dereverb_model")
MOST_NAME = 200  # characters of a model's name, which may be made of names


@dataclass(frozen=True, slots=True)
class Checked:
    """What is known of a job before it runs. identity: of what is asked for, the source apart."""

    identity: str
    model: str | None = None
    stems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A job for the worker. path: of the recording, or the folder of stems; output: for the files.
    options: with the paths of files that were uploaded."""

    path: Path
    output: Path
    options: Options
    on_progress: OnProgress
    on_block: OnBlock
    should_stop: ShouldStop
    executor: Executor


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """title: in words. lane: kinds of one lane wait for each other. source: "sound", "stems" (a
    recording, or the stems of a job), "folder" or "" (none). files: options that name a file, which
    no other option does. anew: asked for again when it is done, it is done again."""

    title: str
    check: Callable[[Options], Checked]
    run: Callable[[Task], Mapping[str, Any]]
    lane: str = "work"
    source: str = "sound"
    files: tuple[str, ...] = ()
    anew: bool = False


def check(kind: str, options: Options, files: Options) -> Checked:
    """For a helper process: what is asked for is known, and its weights are here.

    options: as the client gave them, without files. files: paths of options that are files. Raises
    UsageError, WeightsError, Refused.
    """
    from unweave import registry

    for name in MODELS:
        model = options.get(name)
        if model is not None and not (isinstance(model, str) and _is_name(model)):
            raise Refused(400, "no_such_model", f"there is no model {model!r:.80}", name)
    known = {*KINDS[kind].files, *_files_of(options.get("model") or registry.DEFAULT)}
    for name in files:
        if name not in known:
            raise Refused(400, "bad_option", f"{name} is no file", name)
    for name, value in options.items():  # before anything is read that they name
        colour = name == "background" and (value == "cover" or str(value).startswith("#"))
        if name in known and not colour:
            raise Refused(400, "bad_option", f'{name} is a file: give {{"upload": ID}}', name)
    try:
        return KINDS[kind].check({**options, **files})
    except (TypeError, ValueError, AttributeError, KeyError) as error:  # of a wrong type
        raise UsageError(f"an option is not what {kind} takes: {error}") from error


def _is_name(model: str) -> bool:
    """Whether it is the name of a separator, or made of such: never a path."""
    from unweave import registry

    return len(model) <= MOST_NAME and registry.installed(model)


def _files_of(model: str) -> set[str]:
    from unweave import registry

    return {item.name for item in registry.declared(model) if item.names_a_file}


def _separate_check(options: Options) -> Checked:
    """Raises UsageError, Refused."""
    from unweave import registry
    from unweave.models import store
    from unweave.options import options_of
    from unweave.registry.facts import download
    from unweave.request import Execution, run_options

    given = dict(options)
    model, stems = given.pop("model", registry.DEFAULT), given.pop("stems", None)
    for item in options_of(Execution):
        if item.name in given:
            raise Refused(400, "bad_option", f"{item.name} is the operator's to choose", item.name)
    output, inference, execution, own = run_options(given)
    seed = own.pop("seed", 0)
    request = registry.request(
        model,
        own,
        stems=stems,
        seed=seed,
        output=output,
        inference=inference,
        execution=execution,
    )
    lacks = [c for c in registry.with_weights(model, request.needed) if store.needs_download(c)]
    if lacks and model != registry.DEFAULT:
        raise Refused(
            409,
            "model_missing",
            f"{model}: its weights are not here ({download(lacks)}); start a job of kind 'pull'",
            "model",
        )
    identity = f"{request.identity()} {','.join(request.stems)}"
    return Checked(identity, model, request.stems)


def _separate(task: Task) -> Mapping[str, Any]:
    import unweave
    from unweave import registry
    from unweave.registry import speed
    from unweave.request import SeparationRequest

    report = unweave.separate_file(
        task.path,
        task.output,
        filename_template="{stem}.{ext}",
        on_progress=task.on_progress,
        on_block=task.on_block,
        should_stop=task.should_stop,
        executor=task.executor,
        **task.options,
    )
    model = task.options.get("model", registry.DEFAULT)
    speed.remember(model, SeparationRequest.from_json(report["request"]), report)
    return report


def _use_check(use: str, options: Options) -> Checked:
    """Of a use of `apps`: the names of its options, and of the separation in it."""
    import unweave

    parameters = inspect.signature(getattr(unweave, use)).parameters
    names = set(parameters) - OURS - PLACES
    own = {name: value for name, value in options.items() if name in names}
    rest = {name: value for name, value in options.items() if name not in names}
    model = own.pop("model", parameters["model"].default)
    if model is None:  # nothing is separated
        _only(rest, use, set())
        separation = None
    else:  # what is left is of the separation, which refuses unknown names
        separation = _separate_check({"model": model, **rest}).identity
    return Checked(_hash({"use": use, "separation": separation, "options": own}), model)


def _use(use: str, task: Task) -> Mapping[str, Any]:
    import unweave

    return getattr(unweave, use)(
        task.path,
        task.output,
        on_progress=task.on_progress,
        should_stop=task.should_stop,
        executor=task.executor,
        **task.options,
    )


def _pull_check(options: Options) -> Checked:
    from unweave import registry

    _only(options, "pull", {"model"})
    model = options.get("model", registry.DEFAULT)
    registry.with_weights(model)  # a wrong card is said now
    return Checked(_hash({"pull": model}), model)


def _pull(task: Task) -> Mapping[str, Any]:
    from unweave import registry
    from unweave.errors import Cancelled
    from unweave.models import store
    from unweave.types import Progress

    model = task.options.get("model", registry.DEFAULT)

    def on_bytes(done: int, total: int) -> None:
        if task.should_stop() or task.executor.stopped.is_set():
            raise Cancelled(f"{model}: stopped")
        task.on_progress(Progress(done / 1e6, total / 1e6 if total else None))

    for card in registry.with_weights(model):
        store.pull(card, on_bytes)
    return {"warnings": []}


BENCHMARK = {"dataset", "split", "separators", "oracles", "tracks", "protocol", "rounding"}


def _benchmark_check(options: Options) -> Checked:

    _only(options, "benchmark", BENCHMARK)
    names = options.get("separators", [])
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise Refused(400, "bad_option", "separators is a list of names", "separators")
    for name in names:  # never an import path
        if not _is_name(name.partition(":")[0]):
            raise Refused(400, "no_such_model", f"there is no model {name!r:.80}", "separators")
    return Checked(_hash({"benchmark": dict(options)}))


def _benchmark(task: Task) -> Mapping[str, Any]:
    import unweave

    options = dict(task.options)
    unweave.benchmark(
        options.pop("dataset", None),
        task.path,
        output=task.output,
        should_stop=lambda: task.should_stop() or task.executor.stopped.is_set(),
        **options,
    )
    return {"warnings": []}


def _only(options: Options, kind: str, names: set[str]) -> None:
    for name in options:
        if name not in names:
            has = ", ".join(sorted(names)) or "no other"
            raise Refused(400, "bad_option", f"{kind} has no option {name!r}; it has {has}", name)


def _hash(facts: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()


def _of_use(title: str, use: str, **facts: Any) -> Kind:
    return Kind(title=title, check=partial(_use_check, use), run=partial(_use, use), **facts)


KINDS: dict[str, Kind] = {
    "separate": Kind(title="Stems", check=_separate_check, run=_separate),
    "karaoke": _of_use("Backing track", "karaoke", files=("lyrics", "background", "font")),
    "remix": _of_use("Remix", "remix", source="stems"),
    "analyze": _of_use("Analysis", "analyze", source="stems"),
    "restore": _of_use("Restoration", "restore", files=("noise_from",)),
    "benchmark": Kind(
        title="Scores", check=_benchmark_check, run=_benchmark, source="folder", lane="benchmark"
    ),
    "pull": Kind(
        title="Weights of a model", check=_pull_check, run=_pull, source="", lane="pull", anew=True
    ),
}
