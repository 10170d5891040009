"""Makes .venv hold exactly what the lock names; needs nothing but the standard library.

    python3 scripts/environment.py [run|dev]

It returns at once when nothing changed since the last time, so every make target may ask for it.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
PLACE = VENV / ".place"  # the commands inside name their folder, so a copied or moved environment is useless
OLDEST = (3, 11)


def say(text: str) -> None:
    print(f"▸ {text}", flush=True)


def call(*command: str) -> None:
    """Run a step with its own output shown (what is there already aside): silence would look like a hang."""
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout or ():
            if not line.startswith(("Requirement already satisfied", "Ignoring", "Looking in links")):
                print(f"  {line}", end="", flush=True)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)


def fingerprint(kind: str) -> str:
    """Changes with whatever decides what is installed."""
    digest = hashlib.sha256(f"{kind} {ROOT} {sys.version}".encode())
    for name in ("pyproject.toml", "hatch_build.py", f"requirements/{kind}.txt"):
        digest.update((ROOT / name).read_bytes())
    return digest.hexdigest()


def satisfied(kind: str) -> bool:
    """The larger set serves the smaller need."""
    for installed in {kind, "dev"}:
        stamp = VENV / f".{installed}.stamp"
        if PYTHON.exists() and stamp.exists() and stamp.read_text() == fingerprint(installed):
            return True
    return False


def create() -> None:
    """Debian splits `venv` off into a package of its own; as root we may fetch it, otherwise we say which it is."""
    moved = PLACE.exists() and PLACE.read_text() != str(ROOT)
    if (
        not moved
        and PYTHON.exists()
        and subprocess.run([PYTHON, "-m", "pip", "--version"], capture_output=True).returncode == 0
    ):
        return
    say("creating .venv")
    if subprocess.run([sys.executable, "-c", "import ensurepip, venv"], capture_output=True).returncode:
        package = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
        if os.geteuid() or not shutil.which("apt-get"):
            sys.exit(f"Python has no venv module here; install it first (on Debian: apt-get install {package}).")
        say(f"installing {package} from the system's packages")
        call("apt-get", "update", "-qq")
        call("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-y", "-qq", package)
    shutil.rmtree(VENV, ignore_errors=True)
    call(sys.executable, "-m", "venv", str(VENV))


def install(kind: str) -> None:
    started = time.monotonic()
    pip = (str(PYTHON), "-m", "pip", "--disable-pip-version-check", "--no-input", "install", "--progress-bar=off")
    say(f"installing what requirements/{kind}.txt locks (a minute or two the first time)")
    call(*pip, "--require-hashes", "--no-deps", "-r", f"requirements/{kind}.txt")
    call(*pip, "--quiet", "--no-deps", "--no-build-isolation", "-e", ".")
    PLACE.write_text(str(ROOT))
    (VENV / f".{kind}.stamp").write_text(fingerprint(kind))
    say(f".venv is ready after {time.monotonic() - started:.0f} s")


def main() -> None:
    kind = sys.argv[1] if len(sys.argv) > 1 else "run"
    if sys.version_info < OLDEST:
        sys.exit(f"Python {OLDEST[0]}.{OLDEST[1]} or newer is needed; this is {sys.version.split()[0]}.")
    if satisfied(kind):
        return
    create()
    try:
        install(kind)
    except subprocess.CalledProcessError as error:
        sys.exit(f"Installing stopped with code {error.returncode}; the reason stands above. Nothing was started.")


if __name__ == "__main__":
    main()
