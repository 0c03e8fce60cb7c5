"""Throw-away certificates of every kind that must be refused, as files."""

from __future__ import annotations

import datetime as dt
import ipaddress
from pathlib import Path

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from fapilog_otel.receiver import ReceiverTls

NOW = dt.datetime.now(dt.timezone.utc)
DAY = dt.timedelta(days=1)


class Authority:
    """A certificate authority whose certificate is a file.

    Args:
        folder: Where files are written; made if need be.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._authority = trustme.CA()
        self.file = folder / "ca.pem"
        self._authority.cert_pem.write_to_path(self.file)

    @property
    def pem(self) -> bytes:
        return self._authority.cert_pem.bytes()

    def issue(self, name: str, *hosts: str, **validity: dt.datetime) -> tuple[Path, Path]:
        """Write a chain and its key, for these hosts or for loopback.

        Args:
            name: What the files are called.
            *hosts: Names and addresses.
            **validity: `not_before` and `not_after`.
        """
        issued = self._authority.issue_cert(*(hosts or ("127.0.0.1", "localhost")), **validity)
        chain, key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        write(chain, b"".join(blob.bytes() for blob in issued.cert_chain_pems))
        write(key, issued.private_key_pem.bytes())
        return chain, key


def write(path: Path, content: bytes) -> None:
    """Put a file in another's place in one step, as rotating tools do."""
    beside = path.with_name(f".{path.name}.new")
    beside.write_bytes(content)
    beside.replace(path)


def self_signed(folder: Path) -> tuple[Path, Path]:
    """Write a certificate for loopback that nobody but itself has signed, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - DAY)
        .not_valid_after(NOW + DAY)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    chain, key_file = folder / "self.pem", folder / "self.key"
    chain.write_bytes(certificate.public_bytes(pem))
    key_file.write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return chain, key_file


def bad_servers(authority: Authority) -> dict[str, ReceiverTls]:
    """Every server that a client who trusts the authority must refuse, by what is wrong with it."""
    other = Authority(authority.folder / "other")
    return {
        "wrong authority": ReceiverTls(*other.issue("wrong-ca")),
        "wrong host": ReceiverTls(*authority.issue("wrong-host", "other.example", "127.0.0.2")),
        "expired": ReceiverTls(*authority.issue("expired", not_before=NOW - 3 * DAY, not_after=NOW - DAY)),
        "not yet valid": ReceiverTls(*authority.issue("early", not_before=NOW + DAY, not_after=NOW + 3 * DAY)),
        "self-signed": ReceiverTls(*self_signed(authority.folder)),
    }
