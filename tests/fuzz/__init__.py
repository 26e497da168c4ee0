"""Properties of reading, labels and features that hold for whatever hypothesis thinks of."""
