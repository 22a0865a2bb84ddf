#!/usr/bin/env python3
"""PSKC files by python-pskc.

pskc_file.py read FILE [--key HEX | --passphrase WORDS]   prints a JSON list of the keys
pskc_file.py write FILE < JSON                            writes what the document says:
    {"keys": [{"serial": "S1", "secret": "hex", "algorithm": "totp", ...}],
     "key": "hex", "passphrase": "words", "algorithm": "aes256-cbc", "fields": ["secret"], "mac": "hmac-sha256"}

python-pskc checks the MAC of each value that it decrypts. Exit status: 0 done, 1 not.
"""

import json
import sys

from pskc import PSKC

PROFILE = "urn:ietf:params:xml:ns:keyprov:pskc:"


def read(path, how, secret):
    """The keys of a file."""
    pskc = PSKC(path)
    if how == "--key":
        pskc.encryption.key = bytes.fromhex(secret)
    elif how == "--passphrase":
        pskc.encryption.derive_key(secret)
    return [
        {
            "serial": key.serial,
            "manufacturer": key.manufacturer,
            "model": key.model,
            "user": key.key_userid,
            "secret": key.secret.hex(),
            "algorithm": key.algorithm.removeprefix(PROFILE),
            "suite": key.algorithm_suite,
            "digits": key.response_length,
            "encoding": key.response_encoding,
            "interval": key.time_interval,
            "counter": key.counter,
            "usage": key.policy.key_usage,
        }
        for key in pskc.keys
    ]


def write(path, document):
    """A file with these keys."""
    pskc = PSKC()
    for key in document["keys"]:
        key["secret"] = bytes.fromhex(key["secret"])
        key["algorithm"] = PROFILE + key["algorithm"]
        pskc.add_key(**key)
    settings = {name: document[name] for name in ("algorithm", "fields") if name in document}
    if "mac" in document:
        pskc.mac.algorithm = document["mac"]
    if "key" in document:
        pskc.encryption.setup_preshared_key(key=bytes.fromhex(document["key"]), key_name="Shared", **settings)
    elif "passphrase" in document:
        pskc.encryption.setup_pbkdf2(document["passphrase"], iterations=20000, key_name="Words", **settings)
    pskc.write(path)


def main(arguments):
    """What the first word says."""
    if arguments[0] == "read":
        how, secret = arguments[2:4] if len(arguments) > 2 else (None, None)
        json.dump(read(arguments[1], how, secret), sys.stdout)
    else:
        write(arguments[1], json.load(sys.stdin))


main(sys.argv[1:])
