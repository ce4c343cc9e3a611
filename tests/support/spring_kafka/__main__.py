"""python3 -B -m spring_kafka fetch, in tests/support or with it in PYTHONPATH: brings the jars and compiles, nothing else."""

import sys

from kafka import java

from . import build

if sys.argv[1:] != ["fetch"]:
    print(__doc__, file=sys.stderr)
    sys.exit(2)
try:
    java.java()
    build.class_path()
except (java.Missing, OSError) as problem:
    print(f"spring_kafka: {problem}", file=sys.stderr)
    sys.exit(1)
