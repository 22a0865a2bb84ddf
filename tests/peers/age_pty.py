# Runs age on a terminal of its own, since it asks for its passphrase there: age_pty.py PASSPHRASE age ARGUMENTS...
import os
import pty
import sys

passphrase, program = sys.argv[1], sys.argv[2:]
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(program[0], program)
asked, said = 0, b""
while True:
    try:
        piece = os.read(terminal, 4096)
    except OSError:
        break
    if not piece:
        break
    said += piece
    # "Enter passphrase:" and "Confirm passphrase:", once each.
    while asked < said.lower().count(b"passphrase") and said.rstrip().endswith(b":"):
        os.write(terminal, passphrase.encode() + b"\n")
        asked = said.lower().count(b"passphrase")
_, status = os.waitpid(pid, 0)
sys.stdout.buffer.write(said)
sys.exit(os.waitstatus_to_exitcode(status))
