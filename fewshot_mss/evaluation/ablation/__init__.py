"""One grid of questions over the fixed lists, and what the answers tell."""
