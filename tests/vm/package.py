"""The Debian package as it lives: in a machine, installed, upgraded and purged, with logins before and after. In: WORK TREE OLD NEW, a
folder to work in, a root tree, and two packages. What it looks at is in the lines that it prints."""

import os
import subprocess
import sys
import time

from guest import Failed, Guest, free_port, main, must, say

WORK, TREE, OLD, NEW = (os.path.abspath(path) for path in sys.argv[1:5])
PORT = free_port()
SECRET = "vm-shared-secret-of-the-test"
SEED = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def login():
    """One login from outside, with a code that is not spent; what radclient says."""
    time.sleep(31)
    code = subprocess.run(["oathtool", "--totp", "-b", SEED], check=True, capture_output=True, text=True).stdout.strip()
    ask = f"User-Name = anna@contoso.example, User-Password = {code}, Message-Authenticator = 0x00"
    done = subprocess.run(
        ["radclient", "-t", "8", "-r", "1", f"127.0.0.1:{PORT}", "auth", SECRET],
        input=ask, capture_output=True, text=True, check=False,
    )
    return done.stdout


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
    must("Access-Accept" in login(), "a login: Access-Accept")
    guest.run("systemctl enable --now postern-console@tty1")
    guest.until("[ $(systemctl is-active postern-console@tty1) = active ] && [ $(systemctl is-active getty@tty1) = inactive ]", 60)
    must(True, "a console on tty1, in the getty's place")
    said = guest.run("setpriv --reuid=postern-console --regid=postern-console --init-groups postern token readers 2>&1 || true")
    must("denied" not in said.lower() and "refus" not in said.lower(), f"the console's user may ask pcscd ({said.splitlines()[-1] if said else ''})")


def upgrade(guest):
    daemon, console = pid(guest, "posternd"), pid(guest, "postern-console@tty1")
    guest.run(f"DEBIAN_FRONTEND=noninteractive dpkg -i /root/{os.path.basename(NEW)}", 240)
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
    must("postern" not in guest.run("systemctl --failed --plain --no-legend; systemctl list-units --all --plain --no-legend | grep -i postern || true"), "no unit either")


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
