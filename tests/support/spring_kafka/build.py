"""Compiles the programs and asks Maven for their class path, once for each state of the sources."""

import fcntl
import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from kafka.java import Missing

FOLDER = Path(__file__).resolve().parent
POM = FOLDER / "pom.xml"
# Beside the other products of this work tree; the jars themselves lie in Maven's own repository.
CACHE = FOLDER.parents[2] / "build" / "spring_kafka"
MAVEN_TIMEOUT_S = 600


def class_path() -> str:
    """Several processes may ask at once."""
    CACHE.mkdir(parents=True, exist_ok=True)
    state = _state_of_sources()
    known, classes = CACHE / f"classpath-{state}", CACHE / f"classes-{state}"
    with open(CACHE / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if known.exists():
            text = known.read_text()
            if all(os.path.exists(each) for each in text.split(":")):
                return text
        return _build(known, classes)


def _state_of_sources() -> str:
    hashed = hashlib.sha256(POM.read_bytes())
    for source in sorted((FOLDER / "src").rglob("*.java")):
        hashed.update(source.read_bytes())
    return hashed.hexdigest()[:16]


def _build(known: Path, classes: Path) -> str:
    maven = shutil.which("mvn")
    if maven is None:
        raise Missing("there is no mvn: install maven")
    for old in CACHE.glob("class*"):
        shutil.rmtree(old) if old.is_dir() else old.unlink()
    fresh = known.with_suffix(".new")
    done = subprocess.run(
        [maven, "--quiet", "--batch-mode", "--file", str(POM), f"-Dpeers.directory={classes}", "compile",
         "dependency:build-classpath", "-DincludeScope=runtime", f"-Dmdep.outputFile={fresh}"],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=MAVEN_TIMEOUT_S)
    if done.returncode != 0 or not fresh.exists():
        raise Missing(f"Maven could not build the Spring programs:\n{done.stdout[-4000:]}{done.stderr[-2000:]}")
    text = f"{classes / 'classes'}:{fresh.read_text().strip()}"
    fresh.write_text(text)
    fresh.replace(known)
    return text
