"""Records a checkpoint as TensorFlow writes it, for `tests/models/test_tensorflow.py`.

    .venv/bin/python record_checkpoint.py

(a person runs this; the tests only read)

Its arrays count from zero, so that the test can say what they are.
"""

import os
import tarfile
import tempfile
from pathlib import Path

import numpy as np
import tensorflow as tf

TARGET = Path(__file__).resolve().parents[2] / "tests" / "data" / "tensorflow" / "model.tar.gz"
ARRAYS = {  # name -> shape, type
    "conv2d/kernel": ((5, 5, 2, 16), "float32"),
    "conv2d/bias": ((16,), "float32"),
    "batch_normalization/moving_variance": ((40, 61), "float64"),
    "half": ((3, 4), "float16"),
    "brain": ((7,), "bfloat16"),
    "flags": ((4,), "bool"),
    "small": ((2, 2), "int8"),
    "empty": ((0, 3), "float32"),
    "global_step": ((), "int64"),
}


def main() -> None:
    v1 = tf.compat.v1
    v1.disable_eager_execution()
    for name, (shape, kind) in ARRAYS.items():
        counted = np.arange(np.prod(shape, dtype=int)).reshape(shape)
        v1.get_variable(name, initializer=tf.cast(tf.constant(counted), kind))
    with tempfile.TemporaryDirectory() as folder, v1.Session() as session:
        session.run(v1.global_variables_initializer())
        v1.train.Saver().save(session, os.path.join(folder, "model"), write_meta_graph=False)
        TARGET.parent.mkdir(parents=True, exist_ok=True)
        with tarfile.open(TARGET, "w:gz") as archive:
            for path in sorted(Path(folder).iterdir()):
                archive.add(path, f"./{path.name}")


if __name__ == "__main__":
    main()
