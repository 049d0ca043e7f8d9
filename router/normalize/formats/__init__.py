"""One file per format: text in, a plain dict (or None: it is not of this format) out. None of them raises."""
