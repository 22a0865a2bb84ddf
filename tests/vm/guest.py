"""A Debian machine in QEMU without KVM, for tests of units and packages. In: a root tree and files to lay over it; out: a guest whose
root shell answers on its second serial line, while the first one is left to what is tested. It ends with the test, whatever happens."""

import base64
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
PROJECT = os.path.dirname(os.path.dirname(HERE))
# Everything waits so many times longer than on an idle machine: without KVM a busy one is slow.
PATIENCE = float(os.environ.get("POSTERN_VM_PATIENCE", "3"))
MARK = re.compile(rb"@@(\d+)@@")


def say(text):
    """One line of what goes on."""
    print(f"vm: {text}", flush=True)


class Failed(Exception):
    """What did not hold."""


def free_port():
    """A UDP port of this machine that nobody holds."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def must(holds, text):
    """A line for what holds; the end for what does not."""
    if not holds:
        raise Failed(text)
    say(f"ok: {text}")


class Line:
    """One serial line, by a Unix socket of QEMU's."""

    def __init__(self, path):
        self.path = path
        self.seen = b""
        self.socket = None
        self.alive = None
        self.lock = threading.Lock()

    def open(self, within=30):
        """QEMU makes its sockets when it starts."""
        until = time.monotonic() + within
        while True:
            try:
                self.socket = socket.socket(socket.AF_UNIX)
                self.socket.connect(self.path)
                threading.Thread(target=self.drain, daemon=True).start()
                return
            except OSError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.1)

    def drain(self):
        """Takes all that comes, always: a line that nobody reads stops the machine."""
        while True:
            try:
                got = self.socket.recv(65536)
            except OSError:
                return
            if not got:
                return
            with self.lock:
                self.seen += got

    def read(self, seconds=0.2):
        """Lets time pass."""
        time.sleep(seconds)

    def forget(self):
        """What was there before does not count."""
        with self.lock:
            self.seen = b""

    def wait(self, pattern, within):
        """Waits for a regular expression in what comes from now on, or has come since the last one."""
        until = time.monotonic() + within * PATIENCE
        compiled = re.compile(pattern, re.S)
        while True:
            self.read()
            if self.alive and not self.alive():
                raise Failed(f"the machine went off; the line says: {self.seen[-2000:]!r}")
            found = compiled.search(self.seen)
            if found:
                with self.lock:
                    self.seen = self.seen[found.end():]
                return found
            if time.monotonic() > until:
                raise Failed(f"{pattern!r} did not come within {within} s; the line says: {self.seen[-2000:]!r}")

    def send(self, data):
        """Keys."""
        self.socket.sendall(data)

    def text(self):
        """What a person would read, roughly: without the codes that move the cursor."""
        return re.sub(rb"\x1b(\[[0-?]*[ -/]*[@-~]|[()].|[=>78cM])", b" ", self.seen).decode("utf-8", "replace")


class Guest:
    """A running machine."""

    def __init__(self, work, tree, overlay, ports=(), memory=512, cmdline="", size="1500M"):
        self.work = work
        self.lines = [Line(f"{work}/ttyS{n}.sock") for n in (0, 1)]
        self.console, self.shell = self.lines
        self.qemu = None
        disk = f"{work}/disk"
        root = f"{work}/root"
        say("making the disk")
        subprocess.run(["cp", "-a", "--reflink=auto", tree, root], check=True)
        for source, target in overlay:
            path = root + target
            os.makedirs(os.path.dirname(path), exist_ok=True)
            if isinstance(source, bytes):
                with open(path, "wb") as file:
                    file.write(source)
            elif source.startswith("->"):
                os.symlink(source[2:], path)
            else:
                shutil.copy(source, path)
        wants = f"{root}/etc/systemd/system/getty.target.wants"
        os.makedirs(wants, exist_ok=True)
        os.symlink("/usr/lib/systemd/system/serial-getty@.service", f"{wants}/serial-getty@ttyS1.service")
        login = f"{root}/etc/systemd/system/serial-getty@ttyS1.service.d"
        os.makedirs(login, exist_ok=True)
        with open(f"{login}/test.conf", "w", encoding="utf-8") as file:
            # As early as can be, and by nobody's leave.
            file.write("[Unit]\nDefaultDependencies=no\nAfter=\nAfter=systemd-remount-fs.service dbus.socket\nConflicts=\n")
            file.write("[Service]\nExecStart=\nExecStart=-/sbin/agetty --autologin root --keep-baud 115200 ttyS1 vt220\n")
        subprocess.run(["mke2fs", "-q", "-t", "ext4", "-d", root, disk, size], check=True)
        boot = f"{root}/boot"
        kernel = next(f for f in sorted(os.listdir(boot)) if f.startswith("vmlinuz"))
        initrd = next(f for f in sorted(os.listdir(boot)) if f.startswith("initrd"))
        for name, short in ((kernel, "kernel"), (initrd, "initrd")):
            shutil.move(f"{boot}/{name}", f"{work}/{short}")
        shutil.rmtree(root)
        self.forward = ",".join(["user,id=net"] + [f"hostfwd={port}" for port in ports])
        self.memory = memory
        self.cmdline = cmdline
        self.disk = disk

    def boot(self, within=240):
        """Starts it and waits for its root shell."""
        if shutil.which("qemu-system-x86_64"):
            command = ["qemu-system-x86_64"]
        else:
            command = [f"{PROJECT}/scripts/in-tree", "/usr/bin/qemu-system-x86_64"]
        command += ["-M", "q35", "-cpu", "Nehalem", "-accel", "tcg,thread=multi", "-m", str(self.memory)]
        command += ["-bios", "qboot.rom", "-nodefaults", "-display", "none", "-no-reboot"]
        command += ["-kernel", f"{self.work}/kernel", "-initrd", f"{self.work}/initrd"]
        command += ["-append", f"root=/dev/vda rw {self.cmdline} panic=1"]
        command += ["-drive", f"file={self.disk},if=virtio,format=raw,cache=unsafe", "-device", "virtio-rng-pci"]
        command += ["-netdev", self.forward, "-device", "virtio-net-pci,netdev=net"]
        for number, line in enumerate(self.lines):
            line.forget()
            if os.path.exists(line.path):
                os.unlink(line.path)
            command += ["-chardev", f"socket,id=s{number},path={line.path},server=on,wait=off", "-serial", f"chardev:s{number}"]
        begun = time.monotonic()
        self.qemu = subprocess.Popen(command, env=dict(os.environ, POSTERN_BIND=self.work), stdin=subprocess.DEVNULL)
        for line in self.lines:
            line.alive = lambda: self.qemu and self.qemu.poll() is None
            line.open()
        try:
            self.shell.wait(rb"root@[^\r\n]*# ", within)
        except Failed:
            self.console.read()
            say(f"ttyS0: {self.console.text()[-1500:]}")
            raise
        # No pager: what is longer than a screen would wait for a key.
        self.shell.send(b"export SYSTEMD_PAGER= PAGER=cat; stty -echo -onlcr; PS1=; bind 'set enable-bracketed-paste off' 2>/dev/null; dmesg -n 1; echo @@0@@\n")
        self.shell.wait(rb"@@0@@\n", 120)
        say(f"root shell after {time.monotonic() - begun:.0f} s")

    def run(self, command, within=60, check=True):
        """Runs it as root; what it wrote, standard error too, and its exit status."""
        self.shell.forget()
        # Short lines: a terminal in canonical mode takes 4095 bytes.
        packed = base64.b64encode(command.encode()).decode()
        self.shell.send(b": > /tmp/.c\n")
        for at in range(0, len(packed), 2000):
            self.shell.send(f"echo -n {packed[at:at + 2000]} >> /tmp/.c\n".encode())
        self.shell.send(b"echo '@@'begin; base64 -d < /tmp/.c | bash 2>&1; echo \"@@${PIPESTATUS[1]}@@\"\n")
        self.shell.wait(rb"@@begin", within)
        until = time.monotonic() + within * PATIENCE
        while not MARK.search(self.shell.seen):
            self.shell.read()
            if time.monotonic() > until:
                raise Failed(f"{command!r} took more than {within} s: {self.shell.seen!r}")
        found = MARK.search(self.shell.seen)
        status = int(found.group(1))
        out = self.shell.seen[: found.start()].replace(b"\r", b"").decode("utf-8", "replace").strip()
        if check and status != 0:
            raise Failed(f"{command!r} ended with {status}: {out}")
        return out if check else (status, out)

    def until(self, command, within):
        """Runs it until it ends well."""
        limit = time.monotonic() + within * PATIENCE
        while True:
            status, out = self.run(command, check=False)
            if status == 0:
                return out
            if time.monotonic() > limit:
                raise Failed(f"{command!r} did not come to hold within {within} s: {out}")
            time.sleep(0.5)

    def off(self):
        """Ends it, without asking."""
        if self.qemu:
            self.qemu.kill()
            self.qemu.wait()
            self.qemu = None

    def power_off(self, within=90):
        """Ends it as a person would."""
        self.shell.send(b"systemctl poweroff\n")
        try:
            self.qemu.wait(within * PATIENCE)
        except subprocess.TimeoutExpired:
            raise Failed("the machine does not go off") from None
        self.qemu = None


def main(test):
    """Runs a test: a line with what failed, and the exit status."""
    try:
        test()
    except Failed as failed:
        print(f"vm: FAILED: {failed}", file=sys.stderr)
        sys.exit(1)
    say("all holds")
