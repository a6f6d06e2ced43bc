"""An S3 server for tests: moto's, in a thread, on a port of its own."""

from collections.abc import Iterator
from contextlib import contextmanager

import boto3
from moto.server import ThreadedMotoServer

ACCESS_KEY, SECRET_KEY = "test-access", "test-secret"


@contextmanager
def s3_server() -> Iterator[str]:
    """The address of a running server without buckets."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        yield f"http://{host}:{port}"
    finally:
        server.stop()


def make_bucket(url: str, name: str) -> None:
    """A bucket to write to."""
    boto3.client(
        "s3",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
    ).create_bucket(Bucket=name)


def s3_settings(url: str, bucket: str) -> dict[str, str]:
    """The settings that keep photos in that bucket."""
    return {
        "s3_endpoint_url": url,
        "s3_bucket": bucket,
        "s3_region": "us-east-1",
        "s3_access_key_id": ACCESS_KEY,
        "s3_secret_access_key": SECRET_KEY,
    }
