# terminal.py COMMAND...: runs the command with a pseudo terminal and prints what it wrote there.
import os
import pty
import sys

chunks = []


def spawn():
    pid, fd = pty.fork()
    if pid == 0:
        os.execvp(sys.argv[1], sys.argv[1:])
    while True:
        try:
            data = os.read(fd, 4096)
        except OSError:
            break
        if not data:
            break
        chunks.append(data)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


status = spawn()
print(b"".join(chunks).decode(errors="replace").replace("\r", "\n"))
sys.exit(status)
