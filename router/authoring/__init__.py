"""What authors of detections ask: is a rule well written, what does it mean, can it fire, what would it have found.

Everything here reads rules, normalizers and stored events; nothing runs in the stream.
"""
