"""Audio files, time ranges, resampling and levels, in numpy alone."""
