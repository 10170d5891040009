"""Certificates of a test authority, for servers on loopback addresses."""

import datetime
import ipaddress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.factories import real_time

_DAY = datetime.timedelta(days=1)


@dataclass(frozen=True)
class Certificate:
    """PEM files: the authority to trust, the server's certificate, and its key."""

    authority: Path
    shown: Path
    key: Path


def issue_certificate(folder: Path, *addresses: str) -> Certificate:
    """A server certificate for these IP addresses, issued by an authority that is trusted only where configured."""
    authority_key, server_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Authority of a test")])
    now = datetime.datetime.fromtimestamp(real_time(), datetime.UTC)

    def builder_for(subject: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        builder = x509.CertificateBuilder(issuer_name=authority, subject_name=subject, public_key=key.public_key())
        builder = builder.serial_number(x509.random_serial_number())
        # RFC 5280, 4.2.1.2; enforced since Python 3.13
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        return builder.not_valid_before(now - _DAY).not_valid_after(now + _DAY)

    usage = dict.fromkeys(("content_commitment", "data_encipherment", "key_encipherment", "key_agreement"), False)
    usage |= {"digital_signature": True, "encipher_only": False, "decipher_only": False}
    own = (
        builder_for(authority, authority_key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.KeyUsage(**usage, key_cert_sign=True, crl_sign=True), critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    names = [x509.IPAddress(ipaddress.ip_address(address)) for address in addresses]
    shown = (
        builder_for(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Server of a test")]), server_key)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    files = Certificate(folder / "authority.pem", folder / "server.pem", folder / "server.key")
    files.authority.write_bytes(own.public_bytes(serialization.Encoding.PEM))
    files.shown.write_bytes(shown.public_bytes(serialization.Encoding.PEM))
    files.key.write_bytes(
        server_key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return files
