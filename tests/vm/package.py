"""The Debian package as it lives: in a machine, installed, upgraded and purged, with logins before and after. In: WORK TREE OLD NEW, a
folder to work in, a root tree, and two packages. What it looks at is in the lines that it prints."""

import base64
import os
import subprocess
import sys
import threading
import time

from guest import Failed, Guest, free_port, main, must, say

WORK, TREE, OLD, NEW = (os.path.abspath(path) for path in sys.argv[1:5])
PORT = free_port()
SECRET = "vm-shared-secret-of-the-test"
SEED = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


# Who logs in while the package is upgraded: each of them seldom enough for a code of their own.
CROWD = {f"user{number}@contoso.example": base64.b32encode(bytes([65 + number]) * 20).decode() for number in range(8)}


def ask(user, seed, tries=1):
    """One login from outside, sent again as a gateway does; what radclient says."""
    code = subprocess.run(["oathtool", "--totp", "-b", seed], check=True, capture_output=True, text=True).stdout.strip()
    words = f"User-Name = {user}, User-Password = {code}, Message-Authenticator = 0x00"
    done = subprocess.run(
        ["radclient", "-t", "8", "-r", str(tries), f"127.0.0.1:{PORT}", "auth", SECRET],
        input=words, capture_output=True, text=True, check=False,
    )
    return done.stdout


def login():
    """With a code that is not spent."""
    time.sleep(31)
    return ask("anna@contoso.example", SEED)


class Logins(threading.Thread):
    """Logins one after another until it is told to end; what came of each."""

    def __init__(self):
        super().__init__(daemon=True)
        self.said = []
        self.over = threading.Event()

    def run(self):
        while not self.over.is_set():
            for user, seed in CROWD.items():
                begun = time.monotonic()
                self.said.append(ask(user, seed, tries=6))
                # Each has a new code when it is their turn again.
                if self.over.wait(max(0, 8 - (time.monotonic() - begun))):
                    return

    def ended(self):
        """The last one is waited for."""
        self.over.set()
        self.join(120)
        return self.said


def pid(guest, unit):
    return guest.run(f"systemctl show -P MainPID {unit}")


def install(guest):
    guest.until("ip -4 addr | grep -q 10.0.2.15", 240)
    guest.run(f"DEBIAN_FRONTEND=noninteractive dpkg -i /root/{os.path.basename(OLD)}", 240)
    must(guest.run("systemctl is-active posternd; systemctl is-enabled posternd") == "active\nenabled", "installed: enabled and started")
    status, out = guest.run("systemctl list-units --all --plain --no-legend 'postern-console@*'", check=False)
    must(status == 0 and not out, "no console was started")
    must(guest.run("systemctl is-active getty@tty1") == "active", "the screen is still its owner's")
    guest.run(f"printf %s {SECRET} | postern client add vpn 10.0.2.2 --mode code-only --secret-file -")
    guest.run(f"postern user add anna@contoso.example && postern token add anna@contoso.example --secret {SEED} --active --qr none")
    for user, seed in CROWD.items():
        guest.run(f"postern user add {user} && postern token add {user} --secret {seed} --active --qr none")
    must("Access-Accept" in login(), "a login: Access-Accept")
    guest.run("systemctl enable --now postern-console@tty1")
    guest.until("[ $(systemctl is-active postern-console@tty1) = active ] && [ $(systemctl is-active getty@tty1) = inactive ]", 60)
    must(True, "a console on tty1, in the getty's place")
    said = guest.run("setpriv --reuid=postern-console --regid=postern-console --init-groups postern token readers 2>&1 || true")
    must("denied" not in said.lower() and "refus" not in said.lower(), f"the console's user may ask pcscd ({said.splitlines()[-1] if said else ''})")


def upgrade(guest):
    daemon, console = pid(guest, "posternd"), pid(guest, "postern-console@tty1")
    logins = Logins()
    logins.start()
    try:
        guest.run(f"DEBIAN_FRONTEND=noninteractive dpkg -i /root/{os.path.basename(NEW)}", 240)
    finally:
        said = logins.ended()
    let_in = sum("Access-Accept" in one for one in said)
    must(said and let_in == len(said), f"{let_in} of {len(said)} logins while it was upgraded: Access-Accept")
    must(guest.run("systemctl is-active posternd") == "active" and pid(guest, "posternd") != daemon, "upgraded: posternd is the new one")
    must(pid(guest, "postern-console@tty1") != console and guest.run("systemctl is-active postern-console@tty1") == "active", "so is the console")
    must("Access-Accept" in login(), "a login after the upgrade: Access-Accept")
    guest.run("postern log --verify")
    must(True, "the audit log is whole")


def purge(guest):
    guest.run("DEBIAN_FRONTEND=noninteractive dpkg -r postern", 240)
    must(guest.run("systemctl is-active posternd || true") != "active" and guest.run("ls /var/lib/postern"), "removed: stopped, the state stays")
    guest.until("[ $(systemctl is-active getty@tty1) = active ]", 60)
    must(True, "the getty is back on tty1")
    guest.run("DEBIAN_FRONTEND=noninteractive dpkg -P postern", 240)
    left = guest.run("find / -xdev -name '*postern*' ! -path '/proc/*' ! -path '/root/*' ! -path '/var/log/*' ! -path '/run/*'; ls -d /run/postern 2>/dev/null || true")
    must(not left, f"purged: nothing is left ({left or 'nothing'})")
    units = guest.run("systemctl --failed --plain --no-legend; systemctl list-units --all --plain --no-legend | grep -i postern || true")
    must("postern" not in units, f"no unit either ({units or 'none'})")


def test():
    network = b"[Match]\nName=en*\n[Network]\nAddress=10.0.2.15/24\nGateway=10.0.2.2\n"
    wants = "/etc/systemd/system/multi-user.target.wants"
    files = [(path, f"/root/{os.path.basename(path)}") for path in (OLD, NEW)]
    files += [
        (network, "/etc/systemd/network/test.network"),
        ("->/usr/lib/systemd/system/systemd-networkd.service", f"{wants}/systemd-networkd.service"),
        (b"vm\n", "/etc/hostname"),
    ]
    guest = Guest(WORK, TREE, files, ports=[f"udp:127.0.0.1:{PORT}-:1812"])
    try:
        guest.boot()
        for part in (install, upgrade, purge):
            say(f"-- {part.__name__}")
            part(guest)
    except Failed:
        if guest.qemu and guest.qemu.poll() is None:
            say(guest.run("journalctl -b -o cat -p notice --no-pager | tail -n 40; journalctl -b -o cat --no-pager -u posternd | tail -n 15", check=False)[1])
        raise
    finally:
        guest.off()


main(test)
