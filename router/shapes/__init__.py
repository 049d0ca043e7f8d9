"""Other shapes of an ECS document, derived and never authored: OCSF 1.8 and the Splunk Common Information Model.

Everything here is a pure function of the document. Nothing is lost: what a shape has no place for stands under `unmapped`.
"""

from router.shapes.reshape import SHAPES, Shape, document_of, reshaper

__all__ = ["SHAPES", "Shape", "document_of", "reshaper"]
