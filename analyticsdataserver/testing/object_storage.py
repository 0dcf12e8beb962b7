"""Object storage with the interface of Amazon S3, on this machine, for event stores in ``s3://``: moto's server."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

HOST: Final = "127.0.0.1"
# No profile or role of the machine is looked for, and no key of a site used.
NO_CREDENTIALS: Final = {
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_DEFAULT_REGION": "us-east-1",
}
CREDENTIALS: Final = NO_CREDENTIALS | {"AWS_ACCESS_KEY_ID": "made-up", "AWS_SECRET_ACCESS_KEY": "made-up"}


@contextmanager
def running_storage() -> Iterator[dict[str, str]]:
    """Start storage without buckets, in this process, and yield the variables by which it is used."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address=HOST, port=0, verbose=False)
    server.start()
    try:
        _, port = server.get_host_and_port()
        yield CREDENTIALS | {"AWS_ENDPOINT_URL": f"http://{HOST}:{port}"}
    finally:
        server.stop()


def make_bucket(name: str) -> None:
    """Make a bucket in the storage that the variables of this process name."""
    import s3fs

    s3fs.S3FileSystem(skip_instance_cache=True).call_s3("create_bucket", Bucket=name)
