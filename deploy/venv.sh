#!/bin/sh
# A virtual environment that holds exactly what a lock file names, and this project beside it.
#
#   deploy/venv.sh PYTHON FOLDER LOCK [slim]
#
# Does nothing when FOLDER was made from this LOCK by this Python already. The project itself is not built: a .pth file
# points to its source, and FOLDER/bin/heatsink runs it, so that nothing but the locked wheels is ever downloaded.
# slim: without pip and setuptools afterwards, which nothing at run time needs.
set -eu
python=$1 folder=$2 lock=$3 slim=${4-}

"$python" - <<'PYTHON' || exit 1
import sys
if sys.version_info < (3, 11):
    found = ".".join(map(str, sys.version_info[:3]))
    sys.exit(f"heatsink needs Python 3.11 or newer; {sys.executable} is {found}. Name another one: make run PYTHON=python3.11")
PYTHON

version=$("$python" -c 'import sys; print(*sys.version_info[:2], sep=".")')
wanted="$version $(cksum <"$lock") $(pwd)"
stamp=$folder/.made-from
# Where the source is: this project, and its client libraries, which are packages of their own.
point_to_source() {
  printf '%s\n' "$(pwd)" "$(pwd)/clients/python" "$(pwd)/clients/freqtrade" \
    >"$("$folder/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/heatsink.pth"
}
if [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then
  point_to_source
  exit 0
fi

echo "Installing $lock into $folder (once; a minute or so) ..."
own=yes # made by this script, not by somebody's hand
if [ -x "$folder/bin/python" ] && [ "$("$folder/bin/python" -c 'import sys; print(*sys.version_info[:2], sep=".")')" = "$version" ]; then
  [ -f "$stamp" ] || own=
else
  rm -rf "$folder"
  "$python" -m venv "$folder"
fi
echo unfinished >"$stamp"
"$folder/bin/python" -m pip --version >/dev/null 2>&1 || "$folder/bin/python" -m ensurepip >/dev/null
# No bytecode of what is never imported: half of the size of ccxt.
"$folder/bin/python" -m pip install --quiet --no-compile --disable-pip-version-check --no-input \
  --require-hashes --requirement "$lock"
if [ -n "$slim" ] && [ -n "$own" ]; then
  "$folder/bin/python" -m pip uninstall --quiet --yes setuptools pip 2>/dev/null
fi

point_to_source
cat >"$folder/bin/heatsink" <<'SCRIPT'
#!/bin/sh
exec "$(dirname "$(readlink -f "$0")")/python" -m services.cli "$@"
SCRIPT
chmod +x "$folder/bin/heatsink"
# Importing every service once leaves the bytecode of just what they use: the first start is as fast as any other.
PYTHONDONTWRITEBYTECODE='' "$folder/bin/python" -c '
import importlib, pathlib
for path in pathlib.Path("services").glob("*/service.py"):
    importlib.import_module(f"services.{path.parent.name}.service")
' 2>/dev/null || :
echo "$wanted" >"$stamp"
