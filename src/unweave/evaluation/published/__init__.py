"""Scores from papers that stand beside our own rows: one TOML file for each dataset.

A file says which protocol, split and aggregation its scores have, where they come from, and what
to be careful about; the report prints all of that with them.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Rows of one origin: `rows[system][metric]` in dB."""

    title: str
    kind: str  # published or oracle
    caution: str
    sources: tuple[str, ...]
    rows: Mapping[str, Mapping[str, float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """The scores that papers report for one stem of one dataset."""

    dataset: str
    split: str
    stem: str
    metrics: tuple[str, ...]
    aggregation: str
    groups: tuple[Group, ...]


def published(dataset: str) -> Published | None:
    """The packaged scores for a dataset, None where there are none."""
    file = resources.files(__package__).joinpath(f"{dataset}.toml")
    if not file.is_file():
        return None
    facts = tomllib.loads(file.read_text(encoding="utf-8"))
    metrics = tuple(facts["metrics"])
    return Published(
        dataset=facts["dataset"],
        split=facts["split"],
        stem=facts["stem"],
        metrics=metrics,
        aggregation=facts["aggregation"],
        groups=tuple(
            Group(
                title=group["title"],
                kind=group["kind"],
                caution=group["caution"],
                sources=tuple(group["sources"]),
                rows={
                    row["system"]: {name: row[name] for name in metrics} for row in group["rows"]
                },
            )
            for group in facts["group"]
        ),
    )
