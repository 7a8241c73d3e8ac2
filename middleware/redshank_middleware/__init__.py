"""Reports the requests that a web application serves to a Redshank server.

`RequestReporter` collects and sends them. `redshank_middleware.asgi`, `.wsgi` and `.aiohttp`
watch the applications. Only the standard library is needed.
"""

from redshank_middleware.reporter import ReporterCounts, RequestReporter
from redshank_middleware.settings import ReporterSettings

__all__ = ["ReporterCounts", "ReporterSettings", "RequestReporter"]
