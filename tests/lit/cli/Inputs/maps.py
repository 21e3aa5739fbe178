# maps.py COMMAND...: feeds the command one name, reads its answer, and looks at /proc/PID/maps while it waits for more.
import subprocess
import sys

# stdout to a pipe is written a buffer at a time: 400 answers are several, and fit the pipe.
process = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
process.stdin.write("model.layers.0.mlp.up_proj\n" * 400)
process.stdin.flush()
print(process.stdout.readline().strip())
with open(f"/proc/{process.pid}/maps") as maps:
    found = [line for line in maps if "LLVM" in line or "quern-jit" in line]
print("maps: no libLLVM" if not found else "maps: " + found[0])
process.stdin.close()
process.stdout.read()
sys.exit(process.wait())
