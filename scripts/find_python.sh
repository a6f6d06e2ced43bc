#!/bin/sh
# Print the path of a Python that Wingcheck runs on: the one named by PYTHON, else the newest suitable one.
# A name on the PATH proves nothing (version managers leave shims), so each candidate is asked.

suitable='import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))'
can_make_environments='import ensurepip, venv'
without_venv=

if test -n "$PYTHON"; then
    set -- "$PYTHON"
else
    set -- python3.13 python3.12 python3.11 python3 python
fi

for candidate in "$@"; do
    "$candidate" -c "$suitable" >/dev/null 2>&1 || continue
    if "$candidate" -c "$can_make_environments" >/dev/null 2>&1; then
        "$candidate" -c 'import sys; print(getattr(sys, "_base_executable", sys.executable))'
        exit 0
    fi
    without_venv=${without_venv:-$candidate}
done

{
    if test -n "$without_venv"; then
        version=$("$without_venv" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
        echo "Python $version is here, but without its venv module. On Debian or Ubuntu:"
        echo "    apt install python3-venv        (or python$version-venv)"
    elif test -n "$PYTHON"; then
        echo "PYTHON=$PYTHON can't be used: Wingcheck runs on Python 3.11, 3.12 or 3.13. It answers:"
        "$PYTHON" --version 2>&1
    else
        echo "Wingcheck runs on Python 3.11, 3.12 or 3.13, and none was found. Install one of them:"
        echo "    Debian 12, Ubuntu 24.04, or later:  apt install python3 python3-venv"
        echo "    Fedora:                             dnf install python3.13"
        echo "    macOS:                              brew install python@3.13"
        echo "    elsewhere:                          https://www.python.org/downloads/"
        echo "If it lies in an unusual place: make PYTHON=/path/to/python3"
    fi
} >&2
exit 1
