"""Tables of ratings, as the stages read them, from arrays of traces."""

import numpy as np
import pandas as pd


def table_of(traces: np.ndarray, recording: str = "rec", dimension: str = "m") -> pd.DataFrame:
    """Ratings of one recording from traces, shape (K, T), NaN where a rater is absent."""
    rater, frame = np.nonzero(~np.isnan(traces))
    return pd.DataFrame(
        {
            "recording": recording,
            "time": frame / 10,
            "dimension": dimension,
            "rater": [f"r{k}" for k in rater],
            "value": traces[rater, frame],
        }
    )
