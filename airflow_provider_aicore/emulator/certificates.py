"""Certificates of its own for an emulator that speaks TLS: an authority, a server and a client."""

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
LIFETIME = timedelta(days=7)
"""As certificates in service keys have it unless told otherwise."""


@dataclass(frozen=True, slots=True)
class Certificates:
    """What a server and its clients need.

    :param authority_file: PEM of the authority, for clients (``SSL_CERT_FILE``) and to check theirs.
    :param server_file: PEM of the server's certificate and private key.
    :param client: PEM of the client's certificate.
    :param client_key: PEM of the client's private key.
    """

    authority_file: Path
    server_file: Path
    client: str
    client_key: str


def make(folder: Path, host: str, client_id: str, client_life: timedelta = LIFETIME) -> Certificates:
    """Make new certificates.

    :param folder: where the files are written; nobody else should be able to read it.
    :param host: the address that the server has, beside 127.0.0.1 and localhost.
    :param client_id: becomes the client's name.
    :param client_life: how long the client's certificate is good from now on; if negative, it has expired.
    """
    authority_key = ec.generate_private_key(ec.SECP256R1())
    authority_name = _name("AI Core emulator")
    authority = (
        _begun(authority_name, authority_name, authority_key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key())

    def issue(
        name: str, key: _PrivateKey, use: x509.ObjectIdentifier, *addresses: str, life: timedelta = LIFETIME
    ) -> str:
        begun = (
            _begun(_name(name), authority_name, key, life)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([use]), critical=False)
            .add_extension(identifier, critical=False)
        )
        if addresses:
            names = [x509.IPAddress(ipaddress.ip_address(each)) for each in dict.fromkeys(addresses)]
            begun = begun.add_extension(
                x509.SubjectAlternativeName([x509.DNSName("localhost"), *names]), critical=False
            )
        return _pem(begun.sign(authority_key, hashes.SHA256()))

    server_key = ec.generate_private_key(ec.SECP256R1())
    server = issue("localhost", server_key, ExtendedKeyUsageOID.SERVER_AUTH, "127.0.0.1", host)
    client_key = rsa.generate_private_key(65537, 2048)
    # A common name has at most 64 characters; a client id has more.
    client = issue(client_id[:64], client_key, ExtendedKeyUsageOID.CLIENT_AUTH, life=client_life)
    authority_file, server_file = folder / "ca.pem", folder / "server.pem"
    authority_file.write_text(_pem(authority))
    server_file.touch(mode=0o600)
    server_file.write_text(server + _key_pem(server_key))
    return Certificates(authority_file, server_file, client, _key_pem(client_key))


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _begun(
    name: x509.Name, issuer: x509.Name, key: _PrivateKey, life: timedelta = LIFETIME
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    end = now + life
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(min(now, end) - timedelta(minutes=5))
        .not_valid_after(end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _key_pem(key: _PrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    ).decode()
