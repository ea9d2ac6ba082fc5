"""What matters in the training of the U-Net: one thing is changed at a time, all else stays.

    .venv/bin/python -m benchmarks.training.ablation FOLDER [--steps 600] [--only WORD] [--set ...]

Each variant is a training of `recipes/mir-1k/unet.toml` from scratch, with as many steps, hence as
much sound, and the same seed, into a folder of its own in FOLDER; one that is finished is not run
again, one that was cut off goes on. Printed is the voice's NSDR on the validation clips, and the
minutes that the training took.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tomllib
from pathlib import Path

EFFECTS = ("gain_db", "polarity", "shift", "speed", "eq", "drop")
RECIPE = Path(__file__).parents[2] / "recipes" / "mir-1k" / "unet.toml"
VARIANTS: dict[str, tuple[str, ...]] = {
    "as the recipe has it": (),
    "loss: SDR alone": ("loss.root_magnitude_l1=0.0",),
    "loss: root magnitudes alone": ("loss.sdr=0.0",),
    "loss: L1 of waves instead": (
        "loss.sdr=0.0", "loss.root_magnitude_l1=0.0", "loss.wave_l1=100.0",
    ),
    "augmentation: none, but voices over other songs": tuple(
        f"augmentation.{effect}=0.0" for effect in EFFECTS
    ),
    "augmentation: all but speed": ("augmentation.speed=0.0",),
    "augmentation: each voice over its own song": ("data.same_track_probability=1.0",),
    "context: no LSTM over frames": ("network.recurrent=0",),
    "context: no layer over all bins": ("network.squeeze=0",),
    "context: examples of 1.37 s, three times as many": ("data.seconds=1.3667", "data.batch=12"),
    "width: half the filters": ("network.filters=[24, 32, 48, 64]", "network.recurrent=64"),
    "depth: no residual blocks": ("network.blocks=0",),
    "mask: magnitudes": ("network.mask=sigmoid",),
    "average of weights: none": ("optimiser.average=0.0",),
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--steps", type=int, default=600, help="the last third of them decays")
    parser.add_argument("--set", action="append", default=[], dest="settings", help="in all")
    parser.add_argument("--only", default="", help="variants whose name has this word")
    given = parser.parse_args()
    steps = [f"schedule.steps={given.steps}", f"schedule.decay={given.steps // 3}"]
    steps += [f"schedule.validate_every={given.steps}", "schedule.budget_minutes=1000"]
    print("| changed | voice, NSDR, dB | minutes |\n|---|---|---|")
    for name, changes in VARIANTS.items():
        if given.only in name:
            score, minutes = trained(given.folder, name, [*steps, *given.settings, *changes])
            print(f"| {name} | {score:.2f} | {minutes:.1f} |", flush=True)


def trained(folder: Path, name: str, settings: list[str]) -> tuple[float, float]:
    """The score of a variant and the minutes it took; trains it unless that has been done."""
    run = folder / "".join(letter if letter.isalnum() else "-" for letter in name)
    if not (run / "mir1k-unet.toml").exists():
        command = [sys.executable, "-m", "unweave", "train", str(RECIPE), "-o", str(run), "-q"]
        command += ["--resume"] if (run / "last.ckpt").exists() else []
        subprocess.run([*command, *(f"--set={setting}" for setting in settings)], check=True)
    card = tomllib.loads((run / "mir1k-unet.toml").read_text())
    (score,) = (score["value_db"] for score in card["scores"] if score.get("stem") == "vocals")
    return score, card["made"]["minutes"]


if __name__ == "__main__":
    main()
