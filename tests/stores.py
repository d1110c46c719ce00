"""A real S3 server on loopback, in memory, and what lies in it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import fsspec

BUCKET = "line"


@contextmanager
def s3_server() -> Iterator[str]:
    """The URL of a bucket; the environment, which processes started meanwhile inherit, leads to its server."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    given = {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "nobody",
        "AWS_SECRET_ACCESS_KEY": "nothing",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    before = {name: os.environ.get(name) for name in given}
    os.environ.update(given)
    try:
        fsspec.filesystem("s3").mkdir(BUCKET)
        yield f"s3://{BUCKET}"
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
        fsspec.filesystem("s3").clear_instance_cache()
        server.stop()


def put(url: str, content: bytes | Path) -> None:
    """Writes a file into a store."""
    files, path = fsspec.core.url_to_fs(url)
    files.pipe_file(path, content if isinstance(content, bytes) else content.read_bytes())
