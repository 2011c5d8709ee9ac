"""Train the detector of this example: `python train.py` writes model.pkl beside this file.

The data is made here, with a fixed seed: readings of a pump in good health. Its pressure follows its temperature,
so that a reading may be odd although each of its two numbers alone is ordinary.
"""

import pickle
from pathlib import Path

import numpy as np
from sklearn.covariance import EllipticEnvelope
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

READINGS = 2000


def healthy(seed: int = 7) -> np.ndarray:
    """Return readings of a pump in good health: columns temperature (°C) and pressure (bar)."""
    random = np.random.default_rng(seed)
    temperature = random.normal(68.0, 3.5, READINGS)
    pressure = 4.2 + 0.06 * (temperature - 68.0) + random.normal(0.0, 0.08, READINGS)
    return np.column_stack([temperature, pressure])


def main() -> None:
    model = make_pipeline(StandardScaler(), EllipticEnvelope(contamination=0.005, random_state=7))
    model.fit(healthy())
    target = Path(__file__).with_name("model.pkl")
    with target.open("wb") as file:
        pickle.dump(model, file, protocol=4)
    print(f"{target.name}: {target.stat().st_size} bytes")


if __name__ == "__main__":
    main()
