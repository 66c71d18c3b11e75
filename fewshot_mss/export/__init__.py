"""Forms of a checkpoint that outlive the training code."""
