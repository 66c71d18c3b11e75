"""The page of `fewshot-mss serve`: a song and examples in, two files out."""
