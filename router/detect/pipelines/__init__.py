"""Processing pipelines: rules changed as they are loaded, before they are matched.

The files are those of pySigma (its documentation, "Processing Pipelines"); what is done is what matters to rules that run on a
stream. A step that only shapes a query, and one that is not known, is refused with its place.
"""

from router.detect.pipelines.pipeline import Pipelines

__all__ = ["Pipelines"]
