"""The sandbox's own certificate authority and server certificate, made once and renewed before they end."""

from __future__ import annotations

import contextlib
import ipaddress
import json
import os
import tempfile
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

LIFETIME = timedelta(days=365)
RENEW_BEFORE = timedelta(days=60)  # must be longer than a token lives


@dataclass(frozen=True)
class Files:
    """Where the PEM files lie: `ca` is what clients trust, `chain` and `key` are the server's."""

    ca: Path
    chain: Path
    key: Path


def ensure(state: Path) -> Files:
    """Return the certificate files of a state folder, made anew when there are none or when they end soon."""
    folder = state / "tls"
    files = Files(state / "ca.pem", folder / "server.pem", folder / "server.key")
    if not _good(folder, files):
        folder.mkdir(mode=0o700, exist_ok=True)
        (folder / "expires.json").unlink(missing_ok=True)
        _make(folder, files)
    return files


def write_private(path: Path, data: bytes) -> None:
    """Write a file that only this person can read, at once: a reader sees the old one or the new one."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mkstemp makes it 0600
    try:
        with os.fdopen(descriptor, "wb") as out:
            out.write(data)
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            Path(name).unlink()
        raise


def _good(folder: Path, files: Files) -> bool:
    """Say whether the files are there and last; reads a note instead of the certificate, to start without cryptography."""
    try:
        expires = datetime.fromisoformat(json.loads((folder / "expires.json").read_text())["expires"])
    except (OSError, ValueError, KeyError, TypeError):
        return False
    there = all(file.is_file() for file in (files.ca, files.chain, files.key))
    return there and expires - datetime.now(timezone.utc) > RENEW_BEFORE


def _make(folder: Path, files: Files) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    start = datetime.now(timezone.utc) - timedelta(hours=1)
    end = start + LIFETIME
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "edgetui sandbox authority")])
    ca_id = x509.SubjectKeyIdentifier.from_public_key(ca_key.public_key())

    def usage(*, signs: bool) -> x509.KeyUsage:
        return x509.KeyUsage(
            digital_signature=True,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            key_cert_sign=signs,
            crl_sign=signs,
            encipher_only=False,
            decipher_only=False,
        )

    # Python 3.13 checks strictly: the authority needs keyUsage and a key identifier, the server's must name it.
    authority = (
        x509.CertificateBuilder(ca_name, ca_name, ca_key.public_key(), x509.random_serial_number(), start, end)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage(signs=True), critical=True)
        .add_extension(ca_id, critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    names = [x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("localhost")]
    server = (
        x509.CertificateBuilder(
            ca_name,
            x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")]),
            key.public_key(),
            x509.random_serial_number(),
            start,
            end,
        )
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage(signs=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(ca_id), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    plain = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    # The authority's key is dropped here: nobody can sign another certificate that this person's clients would trust.
    write_private(files.key, key.private_bytes(pem, *plain))
    write_private(files.chain, server.public_bytes(pem))
    write_private(files.ca, authority.public_bytes(pem))
    write_private(folder / "expires.json", json.dumps({"expires": end.isoformat()}).encode())
