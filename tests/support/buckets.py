"""Real servers for the file store in the cloud: moto's S3, and Azurite; each on a free port, in a process of its own.

No server that can be installed speaks all of Google's XML API. But that API is S3's but for the signatures, so moto
answers Google's client too; the signatures are checked here, by the rules that Google publishes.
"""

import hashlib
import importlib.util
import json
import shutil
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.support.waiting import wait_until

AZURITE_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="  # published
ACCOUNT = "devstoreaccount1"

GOOGLE_KEY = rsa.generate_private_key(65537, 2048)


@contextmanager
def s3() -> Iterator[dict[str, str]]:
    """An S3 server with the bucket ``media``; the settings that lead to it."""
    with _moto() as url:
        yield {
            "FILES_URL": "s3://media/promo",
            "AWS_ENDPOINT_URL": url,
            "AWS_ACCESS_KEY_ID": "planted-s3-id",
            "AWS_SECRET_ACCESS_KEY": "planted-s3-secret",
            "AWS_REGION": "us-east-1",
        }


@contextmanager
def google(folder: Path) -> Iterator[dict[str, str]]:
    """The same bucket by Google's protocol, for a service account whose key is made for it."""
    with _moto() as url:
        account = {
            "type": "service_account",
            "client_email": "planted@project.iam.gserviceaccount.com",
            "private_key_id": "planted-gs-id",
            "private_key": GOOGLE_KEY.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            ).decode(),
            "gcs_base_url": url,
        }
        file = folder / "account.json"
        file.write_text(json.dumps(account))
        yield {"FILES_URL": "gs://media/promo", "GOOGLE_APPLICATION_CREDENTIALS": str(file)}


def google_s_signature_holds(link: str) -> bool:
    """Google's V4 signing: https://cloud.google.com/storage/docs/authentication/signatures.

    The client signs for Google's own host, also where it was sent to another.
    """
    parts = urlsplit(link)
    query, _, signature = parts.query.rpartition("&X-Goog-Signature=")
    facts = dict(parse_qsl(query))
    request = f"GET\n{parts.path}\n{query}\nhost:storage.googleapis.com\n\nhost\nUNSIGNED-PAYLOAD"
    scope = facts["X-Goog-Credential"].partition("/")[2]
    digest = hashlib.sha256(request.encode()).hexdigest()
    text = f"GOOG4-RSA-SHA256\n{facts['X-Goog-Date']}\n{scope}\n{digest}"
    try:
        GOOGLE_KEY.public_key().verify(bytes.fromhex(signature), text.encode(), padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        return False
    return True


@contextmanager
def _moto() -> Iterator[str]:
    if not importlib.util.find_spec("moto") or not importlib.util.find_spec("flask"):
        pytest.skip("moto's server is not installed")
    port = _free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    url = f"http://127.0.0.1:{port}"
    with _running(command, port):
        request = urllib.request.Request(f"{url}/media", method="PUT")
        urllib.request.urlopen(request, timeout=10).close()
        yield url


@contextmanager
def azure(folder: Path) -> Iterator[dict[str, str]]:
    """An Azure Blob server with the container ``media``; the settings that lead to it."""
    program = shutil.which("azurite-blob")
    if program is None:
        pytest.skip("azurite (npm) is not installed")
    port = _free_port()
    options = ["--blobHost", "127.0.0.1", "--blobPort", str(port), "--inMemoryPersistence", "--skipApiVersionCheck"]
    endpoint = f"http://127.0.0.1:{port}/{ACCOUNT}"
    with _running([program, *options, "--disableTelemetry"], port, folder):
        _make_container(endpoint)
        yield {
            "FILES_URL": "az://media/promo",
            "AZURE_STORAGE_CONNECTION_STRING": "DefaultEndpointsProtocol=http;"
            f"AccountName={ACCOUNT};AccountKey={AZURITE_KEY};BlobEndpoint={endpoint};",
        }


@contextmanager
def _running(command: list[str], port: int, folder: Path | None = None) -> Iterator[None]:
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:

        def answers() -> bool:
            assert process.poll() is None, f"{command[0]} ended with {process.returncode}"
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0

        wait_until(answers, 60, f"{command[0]} listens")
        yield
    finally:
        process.kill()
        process.wait(10)


def _make_container(endpoint: str) -> None:
    """Azure's Shared Key signature over one PUT; the store itself never makes containers."""
    import base64
    import hashlib
    import hmac
    from datetime import UTC, datetime
    from email.utils import format_datetime

    date = format_datetime(datetime.now(UTC), usegmt=True)
    headers = f"x-ms-date:{date}\nx-ms-version:2021-12-02"
    text = "PUT" + "\n" * 5 + "text/plain" + "\n" * 7 + f"{headers}\n/{ACCOUNT}/{ACCOUNT}/media\nrestype:container"
    mac = base64.b64encode(hmac.digest(base64.b64decode(AZURITE_KEY), text.encode(), hashlib.sha256)).decode()
    given = {"x-ms-date": date, "x-ms-version": "2021-12-02", "Authorization": f"SharedKey {ACCOUNT}:{mac}"}
    request = urllib.request.Request(f"{endpoint}/media?restype=container", b"", given, method="PUT")
    request.add_header("Content-Type", "text/plain")
    try:
        urllib.request.urlopen(request, timeout=10).close()
    except urllib.error.HTTPError as problem:
        raise AssertionError(f"no container: {problem.code} {problem.read()[:400]!r}") from None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
