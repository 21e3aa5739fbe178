# exit.py STATUS COMMAND...: runs the command and fails unless it ends with STATUS.
import subprocess
import sys

status = subprocess.call(sys.argv[2:])
if status != int(sys.argv[1]):
    sys.exit(f"expected exit status {sys.argv[1]}, saw {status}")
