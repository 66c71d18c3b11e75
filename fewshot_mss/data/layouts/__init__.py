"""One small reader a dataset: its folder in, Track objects out."""
