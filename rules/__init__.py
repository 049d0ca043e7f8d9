"""The content that ships with Logweir: normalizers, noise rules, detections, correlations. Data only."""

from pathlib import Path

ROOT = Path(__file__).parent
"""Where the content lies: normalize/, noise/, detect/, correlate/."""
