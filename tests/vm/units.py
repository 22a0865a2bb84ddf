"""The units as they run: in a Debian machine, under its real sandbox. In: WORK TREE BIN [PART]..., a folder to work in, a root
tree with systemd and a kernel, the folder of the programs, and which parts (all, in their order). What it looks at is in the lines that it prints."""

import glob
import os
import re
import subprocess
import sys
import time

from guest import PROJECT, Failed, Guest, free_port, main, must, say

WORK, TREE, BIN = (os.path.abspath(path) for path in sys.argv[1:4])
PORT = free_port()
SECRET = "vm-shared-secret-of-the-test"
SEED = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
SYSTEM = "/usr/lib/systemd/system"
SEALED = "/var/lib/postern-host/postern.key.cred"


def overlay():
    """What is laid over the tree."""
    files = [(f"{BIN}/posternd", "/usr/sbin/posternd"), (f"{BIN}/postern", "/usr/bin/postern")]
    files += [(f"{BIN}/postern-console", "/usr/bin/postern-console"), (f"{BIN}/postern-host", "/usr/libexec/postern-host")]
    for path in glob.glob(f"{PROJECT}/systemd/*.service") + glob.glob(f"{PROJECT}/systemd/*.socket"):
        files.append((path, f"{SYSTEM}/{os.path.basename(path)}"))
    for name in ("pcscd.service.d", "pcscd.socket.d"):
        files.append((f"{PROJECT}/systemd/{name}/postern.conf", f"{SYSTEM}/{name}/postern.conf"))
    files.append((f"{PROJECT}/systemd/sysusers.d/postern.conf", "/usr/lib/sysusers.d/postern.conf"))
    files.append((f"{PROJECT}/systemd/tmpfiles.d/postern-appliance.conf", "/usr/lib/tmpfiles.d/postern-appliance.conf"))
    files.append((f"{PROJECT}/systemd/sshd_config", "/usr/share/postern/sshd_config"))
    for path in glob.glob(f"{PROJECT}/udev/*.rules"):
        files.append((path, f"/usr/lib/udev/rules.d/{os.path.basename(path)}"))
    network = b"[Match]\nName=en*\n[Network]\nAddress=10.0.2.15/24\nGateway=10.0.2.2\n"
    # A call that the filter does not know ends the program here, so that none goes unseen.
    strict = b"[Service]\nSystemCallErrorNumber=kill\n"
    files += [
        (b"SUBSYSTEM==\"tty\", KERNEL==\"ttyS1\", ENV{POSTERN_CONSOLE}=\"no\"\n", "/etc/udev/rules.d/65-test.rules"),
        (network, "/etc/systemd/network/test.network"),
        (strict, "/etc/systemd/system/posternd.service.d/test.conf"),
        (strict, "/etc/systemd/system/postern-console@.service.d/test.conf"),
        (b"vm\n", "/etc/hostname"),
    ]
    wants = "/etc/systemd/system/multi-user.target.wants"
    files += [(f"->{SYSTEM}/posternd.service", f"{wants}/posternd.service")]
    files += [(f"->{SYSTEM}/postern-console@.service", f"{wants}/postern-console@tty1.service")]
    files += [(f"->{SYSTEM}/systemd-networkd.service", f"{wants}/systemd-networkd.service")]
    for name in ("postern-boot", "postern-trial", "apt-daily.timer", "apt-daily-upgrade.timer", "ssh", "serial-getty@ttyS0"):
        unit = name if "." in name else f"{name}.service"
        files.append(("->/dev/null", f"/etc/systemd/system/{unit}"))
    return files


def login(code=None):
    """One login from outside; what radclient says."""
    if code is None:
        code = subprocess.run(["oathtool", "--totp", "-b", SEED], check=True, capture_output=True, text=True).stdout.strip()
    ask = f"User-Name = anna@contoso.example, User-Password = {code}, Message-Authenticator = 0x00"
    done = subprocess.run(
        ["radclient", "-t", "20", "-r", "1", f"127.0.0.1:{PORT}", "auth", SECRET],
        input=ask, capture_output=True, text=True, check=False,
    )
    return done.stdout


def main_pid(guest, unit):
    return int(guest.run(f"systemctl show -P MainPID {unit}"))


def confined(guest, unit):
    """What the kernel says of the unit's program."""
    pid = main_pid(guest, unit)
    status = guest.run(f"cat /proc/{pid}/status")
    caps = re.findall(r"Cap(?:Inh|Prm|Eff|Bnd|Amb):\s*(\w+)", status)
    must(len(caps) == 5 and all(int(one, 16) == 0 for one in caps), f"{unit} has no capability, and can get none")
    must("NoNewPrivs:\t1" in status and "Seccomp:\t2" in status, f"{unit}: no new privileges, filtered calls")
    limits = guest.run(f"cat /proc/{pid}/limits")
    must(re.search(r"Max core file size\s+0\s+0", limits), f"{unit} leaves no core file")
    group = guest.run(f"cat /sys/fs/cgroup$(cut -d: -f3 /proc/{pid}/cgroup)/memory.swap.max")
    must(group == "0", f"{unit} is never swapped out")
    return pid


def daemon(guest):
    guest.until("systemctl is-active posternd", 120)
    confined(guest, "posternd")
    # It was ready before the network was.
    guest.until("ip -4 addr | grep -q 10.0.2.15", 240)
    sockets = guest.run("stat -c '%a %U:%G %n' /run/postern/*.sock; stat -c '%a %U:%G' /run/postern /var/lib/postern")
    say(sockets.replace("\n", ", "))
    must("660 postern:postern-admin /run/postern/control.sock" in sockets, "r24: control.sock is for postern-admin")
    must("660 postern:postern-console /run/postern/console.sock" in sockets, "r24: console.sock is for the console")
    must("700 postern:postern" in sockets, "the state is for posternd alone")
    must("given" not in guest.run("journalctl -u posternd -o cat"), "no word of a group that could not be given")
    guest.run(f"printf %s {SECRET} | postern client add vpn 10.0.2.2 --mode code-only --secret-file -")
    guest.run(f"postern user add anna@contoso.example && postern token add anna@contoso.example --secret {SEED} --active --qr none")
    said = login()
    say(" ".join(said.split()))
    must("Access-Accept" in said, "posternd answers radclient from outside: Access-Accept")
    must("Access-Reject" in login("000000"), "and a wrong code: Access-Reject")
    shown = guest.run("postern status")
    must("10.0.2.15" in shown or "vm" in shown or shown, "postern status answers")


def watchdog(guest):
    before = main_pid(guest, "posternd")
    guest.run(f"kill -STOP {before}")
    begun = time.monotonic()
    guest.until(f"p=$(systemctl show -P MainPID posternd); [ $p != {before} ] && [ $p != 0 ] && systemctl is-active posternd", 120)
    must(True, f"a posternd that stands still is started again by the watchdog, after {time.monotonic() - begun:.0f} s")
    must("watchdog" in guest.run("journalctl -u posternd -o cat").lower(), "the journal says watchdog")
    must(not guest.run("coredumpctl --no-legend --no-pager list 2>/dev/null || true; find /var/lib/systemd/coredump /core* -type f 2>/dev/null || true").strip(), "no core file of it anywhere")
    before = main_pid(guest, "posternd")
    guest.run(f"kill -KILL {before}")
    guest.until(f"p=$(systemctl show -P MainPID posternd); [ $p != {before} ] && [ $p != 0 ] && systemctl is-active posternd", 60)
    must(True, "killed, it is back")
    time.sleep(31)
    must("Access-Accept" in login(), "and answers")
    guest.run("systemctl stop posternd && ! [ -e /run/postern/control.sock ] && systemctl start posternd && systemctl is-active posternd")
    must(True, "systemctl stop and start")


def console(guest):
    guest.until("systemctl is-active postern-console@ttyS0", 60)
    must(True, "udev put a console on ttyS0")
    must("inactive" in guest.run("systemctl is-active getty@tty1 || true"), "no getty beside the one on tty1")
    must(guest.run("systemctl is-active postern-console@tty1") == "active", "a console stands on tty1")
    confined(guest, "postern-console@ttyS0")
    user = guest.run("ps -o user:20= -C postern-console | sort | uniq -c")
    must("postern-console" in user and "root" not in user, f"consoles run as their own user ({user.strip()})")
    guest.console.forget()
    guest.console.send(b"\x0c")
    guest.console.read(6)
    first = guest.console.text()
    say(f"ttyS0: {' '.join(first.split())[:300]}")
    must("Postern" in first or "operator" in first.lower(), "ttyS0 draws the first screen")
    guest.console.forget()
    guest.console.send(b"installer1")
    guest.console.read(4)
    must("installer1" in "".join(guest.console.text().split()), "and takes keys")
    # Noise.
    guest.console.forget()
    guest.run("for n in 3 4 6; do echo \"<$n>NOISE of the kernel\" > /dev/kmsg; done; logger -p user.warning NOISE; systemctl restart systemd-networkd")
    guest.console.read(3)
    must(b"NOISE" not in guest.console.seen and b"Start" not in guest.console.seen, "the kernel and systemd do not write over it")
    before = main_pid(guest, "postern-console@ttyS0")
    guest.run(f"kill -KILL {before}")
    guest.until(f"p=$(systemctl show -P MainPID postern-console@ttyS0); [ $p != {before} ] && [ $p != 0 ]", 30)
    guest.console.read(4)
    must(b"\x1b[" in guest.console.seen, "killed, the console is back and draws")
    for _ in range(20):
        guest.console.send(b"\x03\x04\x1a\x1c\x11")
    guest.console.read(4)
    now = guest.run("systemctl show -P SubState postern-console@ttyS0; pgrep -t ttyS0 -a")
    must("running" in now and "bash" not in now and "login" not in now, "no key leaves it for a shell")
    guest.run("systemctl stop postern-console@ttyS0 && systemctl start postern-console@ttyS0")
    must(True, "systemctl stop and start")
    guest.console.read(5)


def confinement(guest):
    guest.until("systemctl is-active postern-console@ttyS0", 60)
    pid = main_pid(guest, "postern-console@ttyS0")
    # A mount that comes later is seen, and can be written.
    guest.run("mkdir -p /run/postern-host/stick && mount -t tmpfs -o nosuid,nodev,noexec,uid=$(id -u postern-console),mode=0700 none /run/postern-host/stick")
    sticks = "grep -c ' /run/postern-host/stick ' /proc/{}/mountinfo || true"
    must(guest.run(sticks.format(pid)) != "0", "a stick that is mounted later is seen by the console")
    guest.run(f"touch /proc/{pid}/root/run/postern-host/stick/labels && ls /run/postern-host/stick/labels")
    must(True, "and can be written there")
    # The console that starts while a stick is there writes on it too.
    guest.run("systemctl restart postern-console@ttyS0")
    # Until then it is systemd's own program, outside of what it will be put into.
    guest.until("readlink /proc/$(systemctl show -P MainPID postern-console@ttyS0)/exe | grep -q postern-console", 60)
    pid = main_pid(guest, "postern-console@ttyS0")
    guest.run(f"touch /proc/{pid}/root/run/postern-host/stick/more && ls /run/postern-host/stick/more")
    must(True, "nor is it read-only to a console that starts later")
    guest.run("umount /run/postern-host/stick")
    must(guest.run(sticks.format(pid)) == "0", "and is let go")
    status, out = guest.run(f"nsenter -t {pid} -m -- /bin/sh -c 'echo a shell'", check=False)
    must(status != 0 and "denied" in out, f"no shell can be run in the console's place ({out})")
    status, out = guest.run(f"nsenter -t {main_pid(guest, 'posternd')} -m -- /bin/sh -c 'echo a shell'", check=False)
    must(status != 0 and "denied" in out, f"nor in posternd's ({out})")
    journal = guest.run("journalctl -k -o cat --no-pager | grep -iE 'audit.*type=1326|apparmor.*DENIED' || true")
    must(not journal, "no call was denied (each would have ended the program)")
    for one, places in ((pid, ("run/lock", "etc", "var", "usr")), (main_pid(guest, "posternd"), ("run", "run/lock", "etc", "var", "usr"))):
        others = " ".join(f"/proc/{one}/root/{place}/other" for place in places)
        status, out = guest.run(f"touch {others}", check=False)
        must(status != 0 and out.count("Read-only") == len(places), f"nothing else can, by anybody: {', '.join(places)} ({out.replace(chr(10), ', ')})")
    status, out = guest.run("setpriv --reuid=postern-console --regid=postern-console --init-groups touch /run/other /run/postern-host/other", check=False)
    must(status != 0 and out.count("denied") == 2, f"nor by the console's user under /run ({out.splitlines()[-1]})")
    failed = guest.run("systemctl --failed --no-legend --plain || true")
    must("postern" not in failed, f"no unit failed ({failed or 'none'})")


def reader_socket(guest):
    guest.run("systemctl restart pcscd.socket && stat -c '%a %G' /run/pcscd/pcscd.comm")
    must(guest.run("stat -c '%a %G' /run/pcscd/pcscd.comm") == "660 postern-console", "pcscd's socket is the console's")
    must("reader" in guest.run("postern token readers 2>&1 || true").lower(), "pcscd answers with its drop-ins")


def credential(guest):
    """The state begins anew under a key that only systemd can open."""
    guest.run("systemctl stop posternd; rm -rf /var/lib/postern/*; mkdir -p /var/lib/postern-host")
    # As on the appliance: a link under /run, and the one sealed key with the data.
    must("postern-host" in guest.run("readlink /run/credstore.encrypted/postern.key"), "the link is there before the key is")
    guest.run(f"head -c 32 /dev/urandom > /run/key && systemd-creds encrypt --with-key=host --name=postern.key /run/key {SEALED} 2>&1; rm /run/key")
    guest.run("systemctl start posternd && systemctl is-active posternd")
    must("key" not in guest.run("ls /var/lib/postern").split(), "under a credential posternd keeps no key in its state")
    guest.run(f"printf %s {SECRET} | postern client add vpn 10.0.2.2 --mode code-only --secret-file -")
    guest.run(f"postern user add anna@contoso.example && postern token add anna@contoso.example --secret {SEED} --active --qr none")
    pid = main_pid(guest, "posternd")
    seen = guest.run(f"stat -c '%a %s' /proc/{pid}/root/run/credentials/posternd.service/postern.key")
    must(seen in ("400 32", "440 32"), f"the credential is the daemon's alone ({seen})")
    time.sleep(31)
    must("Access-Accept" in login(), "and opens its seeds: Access-Accept")


def again(guest):
    """A second boot: nobody at the console."""
    guest.power_off()
    guest.boot()
    guest.until("systemctl is-active posternd", 120)
    guest.until("ip -4 addr | grep -q 10.0.2.15", 240)
    must("Access-Accept" in login(), "after a reboot, nobody at the console: Access-Accept")
    took = guest.run("systemd-analyze critical-chain posternd.service --no-pager || true")
    must("network-online" not in took and "time-sync" not in took, "posternd waits for neither network nor time")
    say(guest.run("systemd-analyze blame --no-pager | grep -i postern || true").replace("\n", ", "))
    guest.run(f"rm {SEALED}; systemctl restart posternd || true; systemctl stop posternd; true")
    said = guest.run("journalctl -b -u posternd -o cat --no-pager | tail -20")
    must("put the key file back" in said or "put the key" in said, "without its key posternd does not start, and says why")


def test():
    guest = Guest(WORK, TREE, overlay(), ports=[f"udp:127.0.0.1:{PORT}-:1812"], cmdline="console=ttyS0")
    try:
        guest.boot()
        parts = (daemon, console, confinement, reader_socket, watchdog, credential, again)
        known = {part.__name__: part for part in parts}
        for part in [known[name] for name in sys.argv[4:]] or parts:
            say(f"-- {part.__name__}")
            part(guest)
    except Failed:
        if guest.qemu and guest.qemu.poll() is None:
            say(guest.run("ip -4 addr; ss -lunp; postern status; postern log; journalctl -b -o cat -p warning --no-pager | tail -n 20; journalctl -b -o cat --no-pager -u posternd | tail -n 15", check=False)[1])
        raise
    finally:
        guest.off()


main(test)
