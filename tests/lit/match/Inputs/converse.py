# converse.py COMMAND...: sends a name, and the next one when it has been answered.
import subprocess
import sys

command = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
for name in ("model.a", "x.down_proj"):
    command.stdin.write(f"{name}\n".encode())
    sys.stdout.write(command.stdout.readline().decode())
command.stdin.close()
sys.exit(command.wait())
