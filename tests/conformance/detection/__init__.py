"""Does detection do what the Sigma specification says? `python -m tests.conformance.detection --help`."""
