"""A throw-away authority and a certificate for loopback, as files."""

from __future__ import annotations

from pathlib import Path

import trustme


class Pki:
    """An authority's certificate and one certificate with its key, good for a server and for a client.

    Args:
        folder: Where the files are written; two authorities need two folders.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self.authority, self.certificate, self.key = (folder / name for name in ("ca.pem", "cert.pem", "key.pem"))
        authority = trustme.CA()
        pair = authority.issue_cert("127.0.0.1", "localhost")
        authority.cert_pem.write_to_path(self.authority)
        pair.private_key_pem.write_to_path(self.key)
        self.certificate.write_bytes(b"".join(blob.bytes() for blob in pair.cert_chain_pems))
