"""Finds a JDK, and the class path of the broker, which Maven brings once."""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
POM = FOLDER / "pom.xml"
LOG_SETTINGS = FOLDER / "log4j.properties"
# Beside the other products of this work tree; the jars themselves lie in Maven's own repository.
CACHE = FOLDER.parents[2] / "build" / "kafka"
MAVEN_TIMEOUT_S = 600
JAVA_AT_LEAST = 17


class Missing(Exception):
    """Something that the broker needs is not here; the text says what to install."""


def java() -> str:
    """17 first: Kafka 3.9 is made for it."""
    homes = [*sorted(Path("/usr/lib/jvm").glob("*17*")), Path(os.environ.get("JAVA_HOME") or "/nowhere"),
             *sorted(Path("/usr/lib/jvm").glob("*"))]
    candidates = [str(home / "bin" / "java") for home in homes]
    if on_path := shutil.which("java"):
        candidates.append(on_path)
    for candidate in candidates:
        if os.access(candidate, os.X_OK) and _version(candidate) >= JAVA_AT_LEAST:
            return candidate
    raise Missing(f"there is no JDK {JAVA_AT_LEAST} or newer: install openjdk-17-jdk-headless")


def _version(candidate: str) -> int:
    said = subprocess.run([candidate, "-version"], capture_output=True, text=True, timeout=60).stderr
    found = re.search(r'version "(\d+)', said)
    return int(found[1]) if found else 0


def class_path() -> str:
    """Resolved by Maven when pom.xml has changed or a jar is gone. Several processes may ask at once."""
    CACHE.mkdir(parents=True, exist_ok=True)
    known = CACHE / f"classpath-{hashlib.sha256(POM.read_bytes()).hexdigest()[:16]}"
    with open(CACHE / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if known.exists():
            text = known.read_text()
            if all(os.path.exists(jar) for jar in text.split(":")):
                return text
        return _resolve(known)


def _resolve(known: Path) -> str:
    maven = shutil.which("mvn")
    if maven is None:
        raise Missing("there is no mvn: install maven")
    fresh = known.with_suffix(".new")
    done = subprocess.run(
        [maven, "--quiet", "--batch-mode", "--file", str(POM), "dependency:build-classpath",
         "-DincludeScope=runtime", f"-Dmdep.outputFile={fresh}"],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=MAVEN_TIMEOUT_S)
    if done.returncode != 0 or not fresh.exists():
        raise Missing(f"Maven could not bring the broker's jars:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    text = fresh.read_text().strip()
    fresh.write_text(text)
    fresh.replace(known)
    return text


def command(main_class: str, *arguments: str) -> list[str]:
    """A small JVM: several of them share a machine with sanitizer builds."""
    return [java(), "-Xms128m", "-Xmx256m", "-Xss512k", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
            "-XX:MaxMetaspaceSize=128m", "-XX:ReservedCodeCacheSize=64m", "-Xshare:auto", "-Djava.awt.headless=true",
            f"-Dlog4j.configuration=file:{LOG_SETTINGS}", "-cp", class_path(), main_class, *arguments]
