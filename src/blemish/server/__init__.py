"""The server at the line: photos in, verdicts out, over HTTP; every verdict is in the history before it is sent."""

from importlib.util import find_spec

from blemish.errors import MissingExtraError

for _module, _package in (
    ("fastapi", "fastapi"),
    ("uvicorn", "uvicorn"),
    ("python_multipart", "python-multipart"),
    ("prometheus_client", "prometheus-client"),
):
    if find_spec(_module) is None:
        raise MissingExtraError(package=_package, extra="serve", purpose="the server")
