# Text tests: RUN and CHECK lines in the inputs. The folders come from lit.site.cfg.py, which make writes.
import os
import subprocess
import lit.formats

config.name = "quern"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".qr", ".yaml", ".test"]
config.excludes = ["Inputs"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = os.path.join(config.quern_build, "tests", "lit")
config.environment["PATH"] = os.pathsep.join([config.llvm_tools, os.environ["PATH"]])
config.environment["LC_ALL"] = "C.UTF-8"
config.environment["NO_COLOR"] = "1"
# ASan's leak check needs ptrace-free exits; a leak is a failure all the same.
for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS"):
    if name in os.environ:
        config.environment[name] = os.environ[name]

source = config.quern_source
config.substitutions += [
    ("%quern", os.path.join(config.quern_build, "quern")),
    ("%build", config.quern_build),
    ("%recipes", os.path.join(source, "tests", "recipes")),
    ("%data", os.path.join(source, "tests", "data")),
    ("%python", os.path.join(source, "tests", "python")),
    ("%source", source),
    ("%examples", os.path.join(source, "examples")),
    # `%exit N command`: passes when the command's status is N
    ("%exit", "python3 " + os.path.join(source, "tests", "lit", "exit.py")),
]
try:  # a jail without /dev/pts has no pseudo terminals
    for fd in os.openpty():
        os.close(fd)
    config.available_features.add("terminal")
except OSError:
    pass
if subprocess.run(["python3", "-c", "import torch"], capture_output=True).returncode == 0:
    config.available_features.add("torch")
if config.sanitizers:
    config.environment["QUERN_SANITIZERS"] = "1"
    config.available_features.add("sanitizers")
