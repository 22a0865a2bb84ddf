#!/usr/bin/env python3
"""One login by pyrad: pyrad_login.py HOST PORT SECRET_FILE USER PASSWORD [CODE] [NAME=VALUE ...]

With CODE, the answer to the first packet must be an Access-Challenge: its State goes back with the code.
Prints a line for each reply (its code and Reply-Message). pyrad itself checks the reply's authenticators; a reply that
does not verify ends in "timeout". Exit status: 0 Access-Accept, 1 Access-Reject, 2 anything else.
"""

import io
import sys

import pyrad.packet
from pyrad.client import Client, Timeout
from pyrad.dictionary import Dictionary

WORDS = """
ATTRIBUTE User-Name 1 string
ATTRIBUTE User-Password 2 string
ATTRIBUTE NAS-IP-Address 4 ipaddr
ATTRIBUTE Reply-Message 18 string
ATTRIBUTE State 24 octets
ATTRIBUTE Calling-Station-Id 31 string
ATTRIBUTE NAS-Identifier 32 string
ATTRIBUTE Message-Authenticator 80 octets
"""

NAMES = {
    pyrad.packet.AccessAccept: "Access-Accept",
    pyrad.packet.AccessReject: "Access-Reject",
    pyrad.packet.AccessChallenge: "Access-Challenge",
}


def ask(client, user, password, extra, state=None):
    """Sends one Access-Request and prints and gives back its reply."""
    request = client.CreateAuthPacket(code=pyrad.packet.AccessRequest, User_Name=user)
    request["User-Password"] = request.PwCrypt(password)
    for name, value in extra:
        request[name] = value
    if state is not None:
        request["State"] = state
    request.add_message_authenticator()
    reply = client.SendPacket(request)
    message = " ".join(reply["Reply-Message"]) if "Reply-Message" in reply else "-"
    signed = "Message-Authenticator" in reply
    print(NAMES.get(reply.code, reply.code), "message:", message, "signed:", signed, flush=True)
    return reply


def main(arguments):
    host, port, secret_file, user, password = arguments[:5]
    extra = [a.split("=", 1) for a in arguments[5:] if "=" in a]
    codes = [a for a in arguments[5:] if "=" not in a]
    with open(secret_file, "rb") as file:
        secret = file.read().strip()
    client = Client(server=host, authport=int(port), secret=secret, dict=Dictionary(io.StringIO(WORDS)))
    client.timeout = 6
    client.retries = 1
    try:
        reply = ask(client, user, password, extra)
        for code in codes:
            if reply.code != pyrad.packet.AccessChallenge:
                print("no challenge came", flush=True)
                return 2
            reply = ask(client, user, code, extra, reply["State"][0])
    except Timeout:
        print("timeout", flush=True)
        return 2
    return {pyrad.packet.AccessAccept: 0, pyrad.packet.AccessReject: 1}.get(reply.code, 2)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
