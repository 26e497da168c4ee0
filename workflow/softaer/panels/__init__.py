"""Steps from raters' traces to labels: scaling, smoothing, alignment, weights and estimators."""
