"""The loop around every sink: choose, send, wait for the answer, dead-letter, commit."""
