"""Certificates for a scenario: an authority of its own and what it signs, by openssl(1)."""

import os
import subprocess


class Authority:
    """`path` is what a phone believes."""

    def __init__(self, folder, name="authority"):
        self.folder = os.path.join(folder, name)
        os.makedirs(self.folder)
        self.path, self.key = f"{self.folder}/ca.pem", f"{self.folder}/ca.key"
        _openssl(
            *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"),
            *("-subj", f"/CN={name}", "-addext", "basicConstraints=critical,CA:TRUE"),
            *("-keyout", self.key, "-out", self.path),
        )

    def sign(self, name, *hosts, days=2):
        """A certificate for these hosts and its key; the paths of both."""
        certificate, key, request = (f"{self.folder}/{name}.{kind}" for kind in ("pem", "key", "csr"))
        names = ",".join(f"{'IP' if _is_address(host) else 'DNS'}:{host}" for host in hosts)
        _openssl(
            *("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", f"/CN={name}"),
            *("-addext", f"subjectAltName={names}", "-keyout", key, "-out", request),
        )
        _openssl(
            *("x509", "-req", "-in", request, "-CA", self.path, "-CAkey", self.key, "-CAcreateserial"),
            *("-days", str(days), "-copy_extensions", "copyall", "-out", certificate),
        )
        os.chmod(key, 0o600)
        return certificate, key


def _is_address(host):
    return ":" in host or host.replace(".", "").isdigit()


def _openssl(*arguments):
    done = subprocess.run(["openssl", *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise AssertionError(f"openssl {' '.join(arguments)}: {done.stderr}")
